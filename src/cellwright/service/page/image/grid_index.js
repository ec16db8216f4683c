// Finds the cells near a place without looking at all of them.

/** @typedef {import("./cells.js").Cell} Cell */

const AIM = 8;

export class GridIndex {
  /**
   * @param {Cell[]} cells in the order that they are drawn.
   * @param {number} width
   * @param {number} height
   */
  constructor(cells, width, height) {
    this.cells = cells;
    const squares = Math.max(1, cells.length / AIM);
    this.edge = Math.max(1, Math.sqrt((width * height) / squares));
    this.columns = Math.ceil(width / this.edge);
    this.rows = Math.ceil(height / this.edge);
    /** @type {number[][]} */
    this.squares = Array.from({ length: this.columns * this.rows }, () => []);
    cells.forEach((cell, index) => {
      this.#over(cell.xyxy, (square) => square.push(index));
    });
  }

  /** Cells whose box touches this box, in their order. @param {import("./geometry.js").Box} box */
  within(box) {
    const found = new Set();
    this.#over(box, (square) => square.forEach((index) => found.add(index)));
    const [x0, y0, x1, y1] = box;
    return [...found].sort((a, b) => a - b).map((index) => this.cells[index])
      .filter(({ xyxy }) => xyxy[0] <= x1 && xyxy[2] >= x0 && xyxy[1] <= y1 && xyxy[3] >= y0);
  }

  #over([x0, y0, x1, y1], visit) {
    const to = (value, most) => Math.min(Math.max(Math.floor(value / this.edge), 0), most - 1);
    const [c0, c1] = [to(x0, this.columns), to(x1, this.columns)];
    const [r0, r1] = [to(y0, this.rows), to(y1, this.rows)];
    for (let row = r0; row <= r1; row += 1) {
      for (let column = c0; column <= c1; column += 1) {
        visit(this.squares[row * this.columns + column]);
      }
    }
  }
}
