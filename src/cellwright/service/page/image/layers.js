// What is drawn over the image, and how bright the image is.

import { by, make } from "../shared/dom.js";

const STORED = "layers";

/** @param {import("./board.js").Board} board */
export function startLayers(board) {
  const stored = JSON.parse(localStorage.getItem(STORED) || "{}");
  for (const name of ["outlines", "fill", "labels"]) {
    const box = by(`layer-${name}`);
    if (name in stored) box.checked = stored[name];
    board.layers[name] = box.checked;
    box.addEventListener("change", () => {
      board.layers[name] = box.checked;
      const { outlines, fill, labels } = board.layers;
      localStorage.setItem(STORED, JSON.stringify({ outlines, fill, labels }));
      board.redrawCells();
    });
  }
  const light = () => {
    board.canvases.picture.style.filter = `brightness(${by("brightness").value}%) contrast(${
      by("contrast").value}%)`;
  };
  for (const id of ["brightness", "contrast"]) by(id).addEventListener("input", light);
  by("light-reset").addEventListener("click", () => {
    by("brightness").value = 100;
    by("contrast").value = 100;
    light();
  });
}

/**
 * A check box a class, where there are several.
 * @param {import("./board.js").Board} board
 * @param {string[]} classes
 */
export function showClassLayers(board, classes) {
  board.layers.hidden = new Set();
  by("class-layers").hidden = classes.length < 2;
  by("class-layers-list").replaceChildren(...classes.map((name, index) => {
    const box = make("input", { type: "checkbox", checked: true, change: () => {
      if (box.checked) board.layers.hidden.delete(name);
      else board.layers.hidden.add(name);
      board.redrawCells();
    } });
    return make("label", { class: "check" }, box,
      make("span", { class: `swatch class-${index % 7}`, "aria-hidden": "true" }), name);
  }));
}
