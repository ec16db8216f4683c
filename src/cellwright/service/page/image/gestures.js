// Mouse, pen and fingers over the board: move, zoom, choose, draw, resize.

import { simplified } from "./geometry.js";

const STILL_PX = 4;
const WHEEL = 0.0016;
const SMOOTH_PX = 1;

/**
 * @typedef {object} Wishes what a gesture asks for.
 * @property {(id: number | null) => void} choose
 * @property {(corner: number, point: [number, number]) => void} resize while a corner is dragged.
 * @property {() => void} resized when it is let go.
 * @property {() => void} unresized when that is broken off.
 * @property {(points: [number, number][]) => void} drawn in image pixels.
 * @property {() => "look" | "box" | "outline"} mode
 */

export class Gestures {
  /**
   * @param {HTMLElement} frame
   * @param {import("./board.js").Board} board
   * @param {Wishes} wishes
   */
  constructor(frame, board, wishes) {
    this.frame = frame;
    this.board = board;
    this.wishes = wishes;
    /** @type {Map<number, {x: number, y: number}>} */
    this.pointers = new Map();
    this.act = null;
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    frame.addEventListener("pointerdown", (event) => this.#down(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    frame.addEventListener("pointerup", (event) => this.#up(event));
    frame.addEventListener("pointercancel", (event) => this.#lost(event));
    frame.addEventListener("dblclick", (event) => {
      if (wishes.mode() === "look") this.#zoom(2, this.#place(event));
    });
  }

  #place(event) {
    const { left, top } = this.frame.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #zoom(factor, at) {
    this.board.view.zoom(factor, at);
    this.board.draw();
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    // A pinch on a touch pad comes as a wheel with Ctrl, in small steps.
    const strength = event.ctrlKey ? 6 : 1;
    this.#zoom(Math.exp(-event.deltaY * lines * WHEEL * strength), this.#place(event));
  }

  #down(event) {
    if (event.button > 0 || event.target.closest("button")) return;
    const at = this.#place(event);
    this.frame.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, at);
    if (this.pointers.size > 1) {
      this.breakOff();
      this.act = { kind: "pinch" };
      return;
    }
    const grip = this.board.gripAt(at.x, at.y);
    const mode = this.wishes.mode();
    if (mode !== "look") this.act = { kind: mode, points: [this.board.view.toImage(at.x, at.y)] };
    else if (grip !== null) this.act = { kind: "resize", grip };
    else this.act = { kind: "press", from: at };
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    const at = this.#place(event);
    if (!before || !this.act) {
      this.frame.classList.toggle("grip", this.board.gripAt(at.x, at.y) !== null);
      return;
    }
    this.#continue(event.pointerId, before, at);
    this.pointers.set(event.pointerId, at);
  }

  #continue(pointerId, before, at) {
    const { view } = this.board;
    const { act } = this;
    if (act.kind === "pinch") this.#pinch(pointerId, before, at);
    else if (act.kind === "resize") this.wishes.resize(act.grip, view.toImage(at.x, at.y));
    else if (act.kind === "box" || act.kind === "outline") this.#draft(view.toImage(at.x, at.y));
    else {
      if (act.kind === "press" && Math.hypot(at.x - act.from.x, at.y - act.from.y) > STILL_PX) {
        act.kind = "pan";
      }
      if (act.kind === "pan") {
        view.pan(before.x - at.x, before.y - at.y);
        this.board.draw();
      }
    }
  }

  #pinch(pointerId, before, at) {
    const other = [...this.pointers].find(([id]) => id !== pointerId);
    if (!other) return;
    const [, fixed] = other;
    const far = Math.hypot(at.x - fixed.x, at.y - fixed.y);
    const was = Math.hypot(before.x - fixed.x, before.y - fixed.y);
    if (was > 0 && far > 0) {
      this.board.view.zoom(far / was, { x: (at.x + fixed.x) / 2, y: (at.y + fixed.y) / 2 });
    }
    this.board.view.pan((before.x - at.x) / 2, (before.y - at.y) / 2);
    this.board.draw();
  }

  #draft(point) {
    const { act, board } = this;
    if (act.kind === "outline") act.points.push(point);
    else act.points = boxPoints(act.points[0], point);
    board.setDraft({ points: act.points, closed: act.kind === "box" });
  }

  #up(event) {
    const at = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    const { act } = this;
    if (!at || !act) return;
    if (act.kind === "pinch") {
      if (!this.pointers.size) this.act = null;
      return;
    }
    this.#stop();
    if (act.kind === "press") {
      const cell = this.board.cellAt(at.x, at.y);
      this.wishes.choose(cell ? cell.id : null);
    } else if (act.kind === "resize") this.wishes.resized();
    else if (act.kind !== "pan") this.#drawn(act);
  }

  #drawn({ kind, points }) {
    const smooth = SMOOTH_PX / this.board.view.scale;
    const kept = kind === "outline" ? simplified(points, smooth) : points;
    if (kept.length > 2) this.wishes.drawn(kept);
  }

  #lost(event) {
    this.pointers.delete(event.pointerId);
    this.breakOff();
  }

  /** What was begun comes to nothing. */
  breakOff() {
    if (this.act && this.act.kind === "resize") this.wishes.unresized();
    this.#stop();
  }

  #stop() {
    this.act = null;
    this.board.setDraft(null);
  }
}

function boxPoints([x0, y0], [x1, y1]) {
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}
