// The picture and, over it, the cells: two canvases that show the same part of the image.

import { handlesOf, paint, paintDraft } from "./painter.js";
import { GridIndex } from "./grid_index.js";
import { inBox, inside } from "./geometry.js";
import { Viewport } from "./viewport.js";

const NEAR_PX = 4;
const GRIP_PX = 14;
const CRISP = 3;

/** @typedef {import("./cells.js").Cell} Cell */

export class Board {
  /**
   * @param {HTMLElement} frame holds both canvases.
   * @param {HTMLCanvasElement} picture
   * @param {HTMLCanvasElement} drawing
   */
  constructor(frame, picture, drawing) {
    this.frame = frame;
    this.canvases = { picture, drawing };
    this.view = new Viewport();
    this.image = null;
    this.scene = null;
    this.draft = null;
    this.layers = { outlines: true, fill: false, labels: false, hidden: new Set() };
    this.due = new Set();
    new ResizeObserver(() => this.#resize()).observe(frame);
  }

  /** @param {any} image of ./picture.js. @param {number} width @param {number} height */
  open(image, width, height) {
    if (this.image) this.image.close();
    this.image = image;
    this.scene = null;
    this.view.open(width, height);
    this.#resize();
  }

  /** @param {{shown: Cell[], chosen: Cell | null, classes: string[], resizable: boolean}} scene */
  setCells({ shown, chosen, classes, resizable }) {
    const { imageWidth, imageHeight } = this.view;
    // Which cells there are changes more seldom than which is chosen.
    const index = this.scene && same(this.scene.shown, shown) ? this.scene.index
      : new GridIndex(shown, imageWidth, imageHeight);
    this.scene = { shown, chosen, classes, resizable, index };
    this.#ask("drawing");
  }

  /** @param {{points: any[], closed: boolean} | null} draft */
  setDraft(draft) {
    this.draft = draft;
    this.#ask("drawing");
  }

  draw() {
    this.#ask("picture");
    this.#ask("drawing");
  }

  redrawCells() {
    this.#ask("drawing");
  }

  /** The cell at a place on the screen: the smallest there. */
  cellAt(x, y) {
    if (!this.scene) return null;
    const point = this.view.toImage(x, y);
    const near = NEAR_PX / this.view.scale;
    const around = [point[0] - near, point[1] - near, point[0] + near, point[1] + near];
    const found = this.scene.index.within(around).filter(({ class: name, rings, xyxy }) =>
      !this.layers.hidden.has(name) && inBox(xyxy, point, near)
      && (!rings || inside(rings, point)));
    const areas = ({ xyxy }) => (xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1]);
    return found.sort((a, b) => areas(a) - areas(b))[0] || null;
  }

  /** The corner of the chosen box at a place on the screen. @returns {number | null} */
  gripAt(x, y) {
    const { chosen, resizable } = this.scene || {};
    if (!chosen || !resizable || chosen.rings) return null;
    const grip = handlesOf(this.view, chosen)
      .find((handle) => Math.hypot(handle.x - x, handle.y - y) <= GRIP_PX);
    return grip ? grip.corner : null;
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.frame;
    if (!width || !height) return;
    for (const canvas of Object.values(this.canvases)) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
    this.view.resize(width, height);
    this.#paint();
  }

  #ask(layer) {
    if (!this.due.size) requestAnimationFrame(() => this.#paint([...this.due]));
    this.due.add(layer);
  }

  #paint(layers = ["picture", "drawing"]) {
    this.due.clear();
    if (!this.image) return;
    if (layers.includes("picture")) this.#paintPicture();
    if (layers.includes("drawing")) this.#paintDrawing();
  }

  #paintPicture() {
    const context = this.#blank("picture");
    const { view } = this;
    const scale = view.scale * devicePixelRatio;
    context.setTransform(scale, 0, 0, scale, -view.x * scale, -view.y * scale);
    context.imageSmoothingEnabled = scale < CRISP;
    context.imageSmoothingQuality = "high";
    this.image.draw(context, view.seen(), scale);
  }

  #paintDrawing() {
    const context = this.#blank("drawing");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    const { view, scene, layers } = this;
    if (scene) {
      paint(context, view, { ...scene, layers, cells: scene.index.within(view.seen()) });
    }
    if (this.draft) paintDraft(context, view, this.draft.points, this.draft.closed);
  }

  #blank(name) {
    const canvas = this.canvases[name];
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    return context;
  }
}

function same(before, after) {
  return before.length === after.length && before.every((cell, at) => cell === after[at]);
}
