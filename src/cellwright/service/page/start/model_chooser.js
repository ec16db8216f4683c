// The models as cards to choose from, and the chosen one's figures, licence and limits.

import { by, make } from "../shared/dom.js";
import { counted } from "../shared/words.js";
import { evaluationOf, headlineOf, rowsOf } from "./figures.js";

const TASKS = {
  detection: "Boxes",
  instances: "Outlines",
  semantic: "Regions",
  classification: "Classes",
};

const MEANINGS = {
  detection: "Draws a box around each cell and says its class.",
  instances: "Outlines each cell, told apart where they touch.",
  semantic: "Says of each pixel what it belongs to.",
  classification: "Says of each image, or each tile of a montage, what it shows.",
};

export class ModelChooser {
  /** @param {(model: any) => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {any[]} */
    this.models = [];
  }

  /** @param {any[]} models */
  show(models) {
    this.models = models;
    by("models").replaceChildren(...models.map((model) => this.#card(model)));
    this.choose(models[0].name);
  }

  /** @param {string} name */
  choose(name) {
    const found = this.models.find((model) => model.name === name);
    if (!found) return;
    this.chosen = found;
    const input = by("models").querySelector(`[value="${CSS.escape(name)}"]`);
    input.checked = true;
    const { offsetTop, offsetHeight } = input.parentElement;
    const list = by("models");
    // Only the list is moved, not the page.
    if (offsetTop < list.scrollTop || offsetTop + offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = offsetTop;
    }
    this.#describe();
    this.changed(found);
  }

  #card(model) {
    const input = make("input", { type: "radio", name: "model", value: model.name,
      class: "unseen", change: () => this.choose(model.name) });
    return make("label", { class: "model" }, input,
      make("span", { class: "model-name" }, model.name),
      make("span", { class: "tag" }, TASKS[model.task] || model.task),
      make("span", { class: "model-text" }, model.description),
      make("span", { class: "quiet figures" }, headlineOf(model) || "No figures in its card."));
  }

  #describe() {
    const model = this.chosen;
    by("model-title").textContent = model.name;
    by("model-finds").textContent = `${MEANINGS[model.task] || ""} ${model.classes.length > 1
      ? "Classes" : "Class"}: ${model.classes.join(", ")}.`;
    by("model-figures").replaceChildren(...rowsOf(model).map(({ name, value, n }) => make("tr", {},
      make("th", { scope: "row" }, name), make("td", {}, value), make("td", {}, String(n)))));
    const evaluation = evaluationOf(model);
    by("model-figures-box").hidden = !evaluation;
    by("model-measured").textContent = evaluation
      ? `Measured on ${evaluation.data}, ${counted(evaluation.n_images, "image")}; in brackets `
        + "the 95 % interval. Your images may differ: check some by eye."
      : "";
    by("model-limits").replaceChildren(...model.limits.map((text) => make("li", {}, text)));
    by("model-limits-box").hidden = !model.limits.length;
    by("model-facts").replaceChildren(...facts(model));
  }
}

function facts(model) {
  const { training, input } = model;
  const pairs = [
    ["Licence", model.licence],
    ["Use", model.intended_use],
    ["Trained on", training && training.n_images
      ? `${training.data}, ${counted(training.n_images, "image")}`
        + `${training.data_licence ? ` (${training.data_licence})` : ""}` : ""],
    ["Images", input ? channels(input) : ""],
  ];
  return pairs.filter(([, text]) => text)
    .flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]);
}

function channels({ channels: n, channel_names: names, pixel_size_um: um }) {
  const what = names && names.length ? names.join(", ")
    : { 1: "grey, or one channel", 3: "colour (RGB)" }[n] || `${n} channels`;
  return um ? `${what}; trained at ${um} µm a pixel` : what;
}
