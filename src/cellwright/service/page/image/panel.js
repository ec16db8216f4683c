// Beside the image: how many cells, of which class, how large.

import { by } from "../shared/dom.js";
import { counted, number, percent } from "../shared/words.js";
import { countsIn, edgesOf } from "../charts/bins.js";
import { histogram } from "../charts/histogram.js";
import { shareRows, shareText, viability } from "../charts/shares.js";
import { colourOf } from "./palette.js";
import { sizeOf } from "./cell_table.js";

const CHART_AFTER_MS = 120;
let due = 0;

/**
 * @param {{cells: import("./cells.js").Cells, classes: string[], unit: string, task: string,
 *   summary: Record<string, any>, touched: boolean}} state
 */
export function showPanel({ cells, classes, unit, task, summary, touched }) {
  const counts = cells.count(classes);
  const { shown } = cells;
  by("total").textContent = number(shown.length);
  by("total-of").textContent = shown.length === 1 ? "cell" : "cells";
  by("count-interval").textContent = touched ? "" : calibrated(summary);
  // One cell has a class, not a share of each.
  by("class-rows").parentElement.hidden = task === "classification" && shown.length < 2;
  by("class-rows").replaceChildren(...shareRows(counts, classes));
  const alive = viability(counts);
  by("viability").hidden = !alive;
  if (alive) {
    by("viability-share").textContent = percent(alive.share);
    by("viability-text").textContent = `alive, 95 % interval ${
      shareText(alive).replace(/^.*\(|\)$/g, "")} %`;
  }
  clearTimeout(due);
  due = setTimeout(() => showSizes(shown, { classes, unit, task }), CHART_AFTER_MS);
}

function showSizes(cells, { classes, unit, task }) {
  const enough = cells.length >= 5 && task !== "classification";
  by("sizes").hidden = !enough;
  if (!enough) return;
  const outlined = cells.every((cell) => cell.rings);
  const value = outlined ? sizeOf : ({ xyxy }) => Math.sqrt((xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1]));
  const edges = edgesOf(cells.map(value));
  const stacks = classes.map((name, index) => ({ name, colour: colourOf(index),
    counts: countsIn(cells.filter((cell) => cell.class === name).map(value), edges) }));
  const axis = outlined ? `Area, ${unit}²` : "Edge of the box (mean of both), px";
  by("size-chart").replaceChildren(histogram({ edges, stacks, axis, title: "Size of the cells" }));
}

// What the model's calibration says of its own count; nothing once a person has counted.
function calibrated({ n_cells_low: low, n_cells_high: high }) {
  if (low === undefined || low === null) return "";
  return `A person would count ${number(low)} to ${number(high)} (calibrated 95 % interval).`;
}

/**
 * The same in words, for the live region.
 * @param {import("./cells.js").Cells} cells
 * @param {string[]} classes
 */
export function countsInWords(cells, classes) {
  const parts = classes.length < 2 ? []
    : [...cells.count(classes)].map(([name, count]) => `${name} ${count}`);
  return [counted(cells.shown.length, "cell"), ...parts].join(", ");
}
