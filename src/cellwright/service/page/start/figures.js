// What a model's card says of how good it is, as a person reads it.

import { percent, short } from "../shared/words.js";

/** @typedef {{value: number | null, low?: number | null, high?: number | null, n: number}} Figure */

const HEADLINES = { detection: "f1", instances: "f1", semantic: "dice", classification: "accuracy" };

const WORDS = {
  f1: "Cells found right (F1)",
  precision: "Of cells it draws, right",
  recall: "Of cells there are, found",
  ap50: "Average precision at IoU 0.5",
  matched50: "Matched at IoU 0.5",
  pq: "Panoptic quality",
  dice: "Dice",
  jaccard: "Jaccard",
  miou: "Mean IoU",
  accuracy: "Cells classed right (accuracy)",
  balanced_accuracy: "Balanced accuracy",
  macro_f1: "F1, mean of classes",
  auroc: "AUROC",
  count_mae: "Count off by, cells an image",
  pixel_f1: "F1 of pixels",
};

/**
 * The evaluation that nothing was chosen by: a card names its test part last.
 * @param {any} model
 * @returns {{data: string, n_images: number, metrics: Record<string, Figure>} | null}
 */
export function evaluationOf(model) {
  const all = model.evaluations || [];
  return all.find((one) => /test/i.test(one.data)) || all[all.length - 1] || null;
}

/**
 * @param {any} model
 * @returns {string} one line; empty where its card has no figure.
 */
export function headlineOf(model) {
  const evaluation = evaluationOf(model);
  const name = HEADLINES[model.task];
  const figure = evaluation && evaluation.metrics[name];
  if (!figure || figure.value === null) return "";
  const what = name === "accuracy" ? "Accuracy" : name === "dice" ? "Dice" : "F1";
  return `${what} ${withInterval(name, figure)}`;
}

/**
 * Rows for a table of figures.
 * @param {any} model
 * @returns {{name: string, value: string, n: number}[]}
 */
export function rowsOf(model) {
  const evaluation = evaluationOf(model);
  if (!evaluation) return [];
  return Object.entries(WORDS)
    .filter(([name]) => evaluation.metrics[name] && evaluation.metrics[name].value !== null)
    .map(([name, words]) => {
      const figure = evaluation.metrics[name];
      return { name: words, value: withInterval(name, figure), n: figure.n };
    });
}

/**
 * @param {string} name
 * @param {Figure} figure
 * @returns {string} "87 % (82 to 92)".
 */
export function withInterval(name, { value, low, high }) {
  if (name === "count_mae") {
    return low === null || low === undefined ? short(value)
      : `${short(value)} (${short(low)} to ${short(high)})`;
  }
  if (low === null || low === undefined) return percent(value);
  return `${percent(value)} (${percent(low).replace(" %", "")} to ${percent(high).replace(" %", "")})`;
}
