// The cells of one image while a person corrects them. Every change can be undone.

export class Cells {
  constructor(cells, changed) {
    this.all = cells;
    this.chosen = null;
    this.lowest = 0;
    this.past = [];
    this.changed = changed;
  }

  // Drawn and counted: what a person made, and what scores enough.
  get shown() {
    return this.all.filter((cell) => cell.score === null || cell.score >= this.lowest);
  }

  count(classes) {
    const counts = new Map(classes.map((name) => [name, 0]));
    for (const cell of this.shown) counts.set(cell.class, (counts.get(cell.class) || 0) + 1);
    return counts;
  }

  setLowest(value) {
    this.lowest = value;
    if (!this.shown.some((cell) => cell.id === this.chosen)) this.chosen = null;
    this.changed();
  }

  choose(id) {
    this.chosen = id;
    this.changed();
  }

  step(by) {
    const shown = this.shown;
    if (!shown.length) return null;
    const at = shown.findIndex((cell) => cell.id === this.chosen);
    const start = at < 0 && by < 0 ? 0 : at;
    const next = shown[(start + by + shown.length) % shown.length];
    this.choose(next.id);
    return next;
  }

  add(xyxy, name) {
    const id = Math.max(0, ...this.all.map((cell) => cell.id)) + 1;
    this.replace([...this.all, { id, class: name, score: null, xyxy }], id);
  }

  remove() {
    if (this.chosen === null) return;
    this.replace(this.all.filter((cell) => cell.id !== this.chosen), null);
  }

  // A cell that a person has touched stays, whatever it scored.
  edit(change) {
    if (this.chosen === null) return;
    const edited = this.all.map((cell) =>
      cell.id === this.chosen ? { ...cell, ...change(cell), score: null } : cell);
    this.replace(edited, this.chosen);
  }

  replace(all, chosen) {
    this.past.push({ all: this.all, chosen: this.chosen });
    this.all = all;
    this.chosen = chosen;
    this.changed();
  }

  undo() {
    const before = this.past.pop();
    if (!before) return false;
    this.all = before.all;
    this.chosen = before.chosen;
    this.changed();
    return true;
  }
}
