// The cells of one image while a person corrects them. Every change can be undone and redone.

/**
 * @typedef {import("./geometry.js").Box} Box
 * @typedef {import("./geometry.js").Ring} Ring
 *
 * @typedef {object} Cell
 * @property {number} id unique on the page.
 * @property {number | null} label the model's number; null for one drawn by hand.
 * @property {string} class
 * @property {number | null} score null where a person has touched it, or there is none.
 * @property {Box} xyxy
 * @property {Ring[] | null} rings its outline where it has one.
 * @property {number | null} area px², or µm² where the image's scale is known.
 *
 * @typedef {{all: Cell[] | null, lowest: number}} State
 */

export class Cells {
  /**
   * @param {Cell[]} cells
   * @param {() => void} changed
   */
  constructor(cells, changed) {
    this.all = cells;
    this.saved = cells;
    /** @type {number | null} */
    this.chosen = null;
    this.lowest = 0;
    this.savedLowest = 0;
    this.past = [];
    this.future = [];
    this.changed = changed;
    // While another image comes, this one is only looked at: a change would be lost with it.
    this.frozen = false;
  }

  /** Drawn and counted: what a person made, and what scores enough. */
  get shown() {
    return this.all.filter((cell) => cell.score === null || cell.score >= this.lowest);
  }

  /** Whether there is anything that is not saved. */
  get dirty() {
    return this.all !== this.saved || this.lowest !== this.savedLowest;
  }

  /** What a save takes with it. @returns {State} */
  get state() {
    return { all: this.all, lowest: this.lowest };
  }

  get chosenCell() {
    return this.all.find((cell) => cell.id === this.chosen) || null;
  }

  /** @param {string[]} classes @returns {Map<string, number>} */
  count(classes) {
    const counts = new Map(classes.map((name) => [name, 0]));
    for (const cell of this.shown) counts.set(cell.class, (counts.get(cell.class) || 0) + 1);
    return counts;
  }

  /** @param {number} value */
  setLowest(value) {
    if (this.frozen) return;
    this.lowest = value;
    if (!this.shown.some((cell) => cell.id === this.chosen)) this.chosen = null;
    this.changed();
  }

  /** @param {number | null} id */
  choose(id) {
    this.chosen = id;
    this.changed();
  }

  /** The next cell in the order of the table, or the one before. @param {1 | -1} by */
  step(by) {
    const { shown } = this;
    if (!shown.length) return null;
    const at = shown.findIndex((cell) => cell.id === this.chosen);
    const start = at < 0 && by < 0 ? 0 : at;
    return this.#go(shown[(start + by + shown.length) % shown.length]);
  }

  /** The nearest cell towards a side. @param {number} dx @param {number} dy */
  stepTowards(dx, dy) {
    const from = this.chosenCell && middle(this.chosenCell);
    if (!from) return this.step(1);
    let [best, least] = [null, Infinity];
    for (const cell of this.shown) {
      const to = middle(cell);
      const along = (to[0] - from[0]) * dx + (to[1] - from[1]) * dy;
      const across = Math.abs((to[0] - from[0]) * dy) + Math.abs((to[1] - from[1]) * dx);
      const cost = along + 2 * across;
      if (cell.id !== this.chosen && along > across / 2 && cost < least) {
        [best, least] = [cell, cost];
      }
    }
    return best && this.#go(best);
  }

  #go(cell) {
    this.choose(cell.id);
    return cell;
  }

  /**
   * As the others that follow: whether anything was changed.
   * @param {{xyxy: Box, rings: Ring[] | null, area: number | null, class: string}} made
   */
  add(made) {
    const id = this.all.reduce((most, cell) => Math.max(most, cell.id), 0) + 1;
    return this.#replace([...this.all, { id, label: null, score: null, ...made }], id);
  }

  remove() {
    const { chosen } = this;
    if (chosen === null) return false;
    const { shown } = this;
    const at = shown.findIndex((cell) => cell.id === chosen);
    // The neighbour is chosen next, so that Delete can be pressed again.
    const next = shown[at + 1] || shown[at - 1];
    return this.#replace(this.all.filter((cell) => cell.id !== chosen), next ? next.id : null);
  }

  /** A cell that a person has touched stays, whatever it scored. @param {Partial<Cell>} change */
  edit(change) {
    if (this.chosen === null) return false;
    const edited = this.all.map((cell) =>
      (cell.id === this.chosen ? { ...cell, ...change, score: null } : cell));
    return this.#replace(edited, this.chosen);
  }

  #replace(all, chosen) {
    if (this.frozen) return false;
    this.past.push({ all: this.all, chosen: this.chosen });
    this.future = [];
    this.#set(all, chosen);
    return true;
  }

  undo() {
    return this.#travel(this.past, this.future);
  }

  redo() {
    return this.#travel(this.future, this.past);
  }

  #travel(from, to) {
    const state = this.frozen ? null : from.pop();
    if (!state) return false;
    to.push({ all: this.all, chosen: this.chosen });
    this.#set(state.all, state.chosen);
    return true;
  }

  #set(all, chosen) {
    this.all = all;
    this.chosen = chosen;
    this.changed();
  }

  /** @param {State} state what has been saved: it may have been changed since. */
  markSaved({ all, lowest }) {
    this.saved = all;
    this.savedLowest = lowest;
    this.changed();
  }
}

/** @param {{xyxy: Box}} cell @returns {[number, number]} */
export function middle({ xyxy: [x0, y0, x1, y1] }) {
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}
