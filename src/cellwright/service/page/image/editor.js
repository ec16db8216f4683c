// What a person does to the cells of an image.

import { say } from "../shared/say.js";
import { short } from "../shared/words.js";
import { areaOf, boxOf, clipped } from "./geometry.js";

const CIRCLE = 24;

export class Editor {
  /**
   * @param {import("./board.js").Board} board
   * @param {() => string} className of a new cell.
   */
  constructor(board, className) {
    this.board = board;
    this.className = className;
    this.adding = false;
    /** @type {import("./cells.js").Cells | null} */
    this.cells = null;
    this.before = null;
    this.draft = null;
  }

  /**
   * @param {import("./cells.js").Cells} cells
   * @param {{task: string, classes: string[], width: number, height: number, unitPx: number}} image
   *   unitPx: edge of a pixel in the unit of areas.
   */
  open(cells, image) {
    this.cells = cells;
    this.image = image;
    this.unresized();
  }

  /** Nothing can be drawn where a model only classes what it is given. */
  get canDraw() {
    return this.image.task !== "classification";
  }

  get boxes() {
    return this.image.task === "detection";
  }

  /** @returns {"look" | "box" | "outline"} */
  mode() {
    if (!this.adding) return "look";
    return this.boxes ? "box" : "outline";
  }

  /** @param {[number, number][]} points */
  draw(points) {
    const { width, height } = this.image;
    const ring = points.map(([x, y]) => /** @type {[number, number]} */ ([
      round(Math.min(Math.max(x, 0), width)), round(Math.min(Math.max(y, 0), height))]));
    const xyxy = boxOf([ring]);
    if (xyxy[2] - xyxy[0] < 1 || xyxy[3] - xyxy[1] < 1) return;
    const made = this.boxes ? { xyxy, rings: null, area: null }
      : { xyxy, rings: [ring], area: areaOf(ring) * this.image.unitPx ** 2 };
    const added = this.cells.add({ ...made, class: this.className() });
    if (added) say(`Cell added: ${this.describe()}`);
  }

  /** For the keyboard: one of the usual size in the middle of what is seen. */
  addInTheMiddle() {
    if (!this.canDraw) return;
    const { width, height } = this.image;
    const edges = this.cells.all.map(({ xyxy }) => xyxy[2] - xyxy[0]).sort((a, b) => a - b);
    const usual = edges.length ? edges[edges.length >> 1] : Math.min(width, height) / 10;
    const edge = Math.min(usual, width, height);
    const [x0, y0, x1, y1] = this.board.view.seen();
    const keep = (middle, length) => Math.min(Math.max(middle, edge / 2), length - edge / 2);
    const [x, y] = [keep((x0 + x1) / 2, width), keep((y0 + y1) / 2, height)];
    this.draw(this.boxes ? [[x - edge / 2, y - edge / 2], [x + edge / 2, y + edge / 2]]
      : circle(x, y, edge / 2));
  }

  remove() {
    if (this.cells.remove()) say(`Cell deleted. ${this.cells.shown.length} left.`);
  }

  /** @param {string | undefined} name */
  relabel(name) {
    if (!name || !this.cells.chosenCell || this.cells.chosenCell.class === name) return;
    if (this.cells.edit({ class: name })) say(this.describe());
  }

  /** By whole pixels of the image, or more where those cannot be seen. */
  nudge(dx, dy) {
    const [x0, y0, x1, y1] = this.#box() || [];
    if (x0 === undefined) return;
    const step = Math.max(1, 2 / this.board.view.scale);
    const x = Math.min(Math.max(dx * step, -x0), this.image.width - x1);
    const y = Math.min(Math.max(dy * step, -y0), this.image.height - y1);
    this.cells.edit({ xyxy: [x0 + x, y0 + y, x1 + x, y1 + y] });
  }

  grow(dx, dy) {
    const [x0, y0, x1, y1] = this.#box() || [];
    if (x0 === undefined) return;
    const step = Math.max(1, 2 / this.board.view.scale);
    const box = clipped([x0, y0, Math.max(x0 + 1, x1 + dx * step), Math.max(y0 + 1, y1 - dy * step)],
      this.image.width, this.image.height);
    this.cells.edit({ xyxy: box });
  }

  /** While a corner is dragged; one step of undo for all of it. */
  resize(corner, [x, y]) {
    const cell = this.cells.chosenCell;
    this.before ||= cell;
    // By keys another cell may be chosen, or this one be deleted, with the button still held.
    if (!cell || cell !== this.before) return;
    const [x0, y0, x1, y1] = this.before.xyxy;
    const [fx, fy] = [[x1, y1], [x0, y1], [x0, y0], [x1, y0]][corner];
    const box = clipped([Math.min(x, fx), Math.min(y, fy), Math.max(x, fx), Math.max(y, fy)],
      this.image.width, this.image.height);
    if (box[2] - box[0] < 1 || box[3] - box[1] < 1) return;
    this.draft = box;
    const points = [[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]];
    this.board.setDraft({ points, closed: true });
  }

  resized() {
    const { draft } = this;
    if (draft && this.cells.chosenCell === this.before) this.cells.edit({ xyxy: draft.map(round) });
    this.unresized();
  }

  /** The box stays as it was. */
  unresized() {
    this.before = null;
    this.draft = null;
  }

  #box() {
    const cell = this.cells.chosenCell;
    return cell && this.boxes ? cell.xyxy : null;
  }

  /** The chosen cell in words. */
  describe() {
    const cell = this.cells.chosenCell;
    if (!cell) return "No cell chosen.";
    const [x0, y0, x1, y1] = cell.xyxy.map(Math.round);
    const score = cell.score === null ? "confirmed or drawn by hand" : `score ${short(cell.score)}`;
    return `Cell ${cell.id}, ${cell.class}, ${score}, ${x1 - x0} by ${y1 - y0} pixels at ${x0}, ${y0}.`;
  }
}

function circle(x, y, radius) {
  return Array.from({ length: CIRCLE }, (_, at) => {
    const angle = (2 * Math.PI * at) / CIRCLE;
    return /** @type {[number, number]} */ ([x + radius * Math.cos(angle), y + radius * Math.sin(angle)]);
  });
}

function round(value) {
  return Math.round(value * 100) / 100;
}
