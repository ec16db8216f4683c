// The cells as a table: the same as the picture says, for keys and screen readers.

import { by, make, walk } from "../shared/dom.js";
import { counted, short } from "../shared/words.js";

const PAGE = 50;

const COLUMNS = [
  { key: "place", name: "Cell", value: (cell) => cell.id },
  { key: "class", name: "Class", value: (cell) => cell.class },
  { key: "score", name: "Score", value: (cell) => cell.score ?? 2 },
  { key: "size", name: "Size", value: (cell) => sizeOf(cell) },
];

export class CellTable {
  /**
   * @param {(id: number) => void} choose
   * @param {(event: KeyboardEvent) => void} key what the board does with keys.
   */
  constructor(choose, key) {
    this.choose = choose;
    this.order = { key: "place", by: 1 };
    this.page = 0;
    this.unit = "px";
    /** @type {import("./cells.js").Cell[]} */
    this.cells = [];
    this.chosen = null;
    by("cell-heads").replaceChildren(...COLUMNS.map((column) => this.#head(column)));
    by("cell-rows").addEventListener("keydown", (event) => {
      const stop = walk(event, [...by("cell-rows").querySelectorAll("button")]);
      if (stop) this.#take(stop);
      else key(event);
    });
    by("cells-before").addEventListener("click", () => this.#turn(-1));
    by("cells-after").addEventListener("click", () => this.#turn(1));
  }

  /**
   * @param {import("./cells.js").Cell[]} cells
   * @param {number | null} chosen
   * @param {string} unit of sizes.
   */
  show(cells, chosen, unit) {
    this.unit = unit;
    const { value } = COLUMNS.find((column) => column.key === this.order.key);
    this.cells = [...cells].sort((a, b) => compare(value(a), value(b)) * this.order.by || a.id - b.id);
    if (chosen !== null && chosen !== this.chosen) {
      const at = this.cells.findIndex((cell) => cell.id === chosen);
      if (at >= 0) this.page = Math.floor(at / PAGE);
    }
    this.chosen = chosen;
    this.#paint();
  }

  #paint() {
    const pages = Math.max(1, Math.ceil(this.cells.length / PAGE));
    this.page = Math.min(Math.max(this.page, 0), pages - 1);
    const part = this.cells.slice(this.page * PAGE, (this.page + 1) * PAGE);
    const focused = by("cell-rows").contains(document.activeElement);
    const stop = part.some((cell) => cell.id === this.chosen) ? this.chosen : part[0] && part[0].id;
    by("cell-rows").replaceChildren(...part.map((cell) => this.#row(cell, cell.id === stop)));
    const current = by("cell-rows").querySelector("[tabindex='0']");
    if (focused && current) current.focus();
    by("cells-page").hidden = pages < 2;
    by("cells-part").textContent = `${this.page * PAGE + 1} to ${
      this.page * PAGE + part.length} of ${counted(this.cells.length, "cell")}`;
    by("cells-before").disabled = this.page === 0;
    by("cells-after").disabled = this.page === pages - 1;
  }

  #row(cell, isStop) {
    const button = make("button", { type: "button", class: "link", "data-id": cell.id,
      tabindex: isStop ? 0 : -1, "aria-label": `Cell ${cell.id}, ${cell.class}`,
      "aria-pressed": String(cell.id === this.chosen),
      click: () => this.choose(cell.id) }, String(cell.id));
    const size = sizeOf(cell);
    return make("tr", { class: cell.id === this.chosen ? "chosen" : null,
      click: () => this.choose(cell.id) },
    make("th", { scope: "row" }, button), make("td", {}, cell.class),
    make("td", {}, cell.score === null ? "by hand" : cell.score.toFixed(2)),
    make("td", {}, cell.rings ? `${short(size)} ${this.unit}²` : boxText(cell)));
  }

  #head({ key, name }) {
    const sort = () => {
      this.order = { key, by: this.order.key === key ? -this.order.by : 1 };
      for (const head of by("cell-heads").children) head.removeAttribute("aria-sort");
      by("cell-heads").children[COLUMNS.findIndex((column) => column.key === key)]
        .setAttribute("aria-sort", this.order.by > 0 ? "ascending" : "descending");
      this.page = 0;
      this.show(this.cells, this.chosen, this.unit);
    };
    return make("th", { scope: "col" },
      make("button", { type: "button", class: "link", click: sort }, name));
  }

  #take(button) {
    this.choose(Number(button.dataset.id));
  }

  #turn(by_) {
    this.page += by_;
    this.#paint();
  }
}

function compare(a, b) {
  return typeof a === "number" ? a - b : a.localeCompare(b);
}

/** Area of the outline, or of the box. @param {import("./cells.js").Cell} cell */
export function sizeOf({ area, rings, xyxy: [x0, y0, x1, y1] }) {
  return rings && area !== null ? area : (x1 - x0) * (y1 - y0);
}

function boxText({ xyxy: [x0, y0, x1, y1] }) {
  return `${Math.round(x1 - x0)} × ${Math.round(y1 - y0)} px`;
}
