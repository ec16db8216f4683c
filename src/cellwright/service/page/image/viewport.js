// Which part of the image is seen, and how large. CSS pixels are "screen", image pixels "image".

const CLOSEST = 40;
const MARGIN = 24;

export class Viewport {
  constructor() {
    this.width = 1;
    this.height = 1;
    this.imageWidth = 1;
    this.imageHeight = 1;
    this.scale = 1;
    this.x = 0;
    this.y = 0;
  }

  /** Screen size of the canvas; the middle stays. @param {number} width @param {number} height */
  resize(width, height) {
    const whole = Math.abs(this.scale / this.fitScale() - 1) < 0.001;
    this.x += (this.width - width) / 2 / this.scale;
    this.y += (this.height - height) / 2 / this.scale;
    this.width = width;
    this.height = height;
    if (whole) this.fit();
    else this.#settle();
  }

  /** @param {number} width @param {number} height */
  open(width, height) {
    this.imageWidth = width;
    this.imageHeight = height;
    this.fit();
  }

  fitScale() {
    return Math.min(this.width / this.imageWidth, this.height / this.imageHeight);
  }

  fit() {
    this.scale = this.fitScale();
    this.#settle();
  }

  /** About a place on the screen that stays where it is. */
  zoom(factor, at = { x: this.width / 2, y: this.height / 2 }) {
    const scale = Math.min(Math.max(this.scale * factor, this.fitScale()),
      Math.max(CLOSEST, this.fitScale()));
    const [x, y] = this.toImage(at.x, at.y);
    this.scale = scale;
    this.x = x - at.x / scale;
    this.y = y - at.y / scale;
    this.#settle();
  }

  /** @param {number} dx screen pixels. @param {number} dy */
  pan(dx, dy) {
    this.x += dx / this.scale;
    this.y += dy / this.scale;
    this.#settle();
  }

  /** Bring a box into sight, without more movement than it needs. */
  show([x0, y0, x1, y1]) {
    const margin = MARGIN / this.scale;
    const [left, top, right, bottom] = this.seen();
    if (x0 < left + margin || x1 > right - margin) this.x = (x0 + x1 - (right - left)) / 2;
    if (y0 < top + margin || y1 > bottom - margin) this.y = (y0 + y1 - (bottom - top)) / 2;
    this.#settle();
  }

  /** @returns {import("./geometry.js").Box} in image pixels. */
  seen() {
    return [this.x, this.y, this.x + this.width / this.scale, this.y + this.height / this.scale];
  }

  /** @returns {[number, number]} */
  toImage(x, y) {
    return [this.x + x / this.scale, this.y + y / this.scale];
  }

  /** @returns {[number, number]} */
  toScreen(x, y) {
    return [(x - this.x) * this.scale, (y - this.y) * this.scale];
  }

  // The image fills the view or lies in its middle: it cannot be lost.
  #settle() {
    const settle = (at, seen, length) => (seen >= length ? (length - seen) / 2
      : Math.min(Math.max(at, 0), length - seen));
    this.x = settle(this.x, this.width / this.scale, this.imageWidth);
    this.y = settle(this.y, this.height / this.scale, this.imageHeight);
  }
}
