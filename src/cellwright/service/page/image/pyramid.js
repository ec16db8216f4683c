// Which tiles of a Deep Zoom pyramid cover what is seen.

/**
 * @typedef {{width: number, height: number, tile_px: number, max_level: number}} Pyramid
 * @typedef {{level: number, column: number, row: number, x: number, y: number,
 *   width: number, height: number}} Tile place and size in pixels of the whole image.
 */

/**
 * The coarsest level that is at least as fine as the screen.
 * @param {Pyramid} pyramid
 * @param {number} scale device pixels per image pixel.
 */
export function levelFor({ max_level: top }, scale) {
  const halvings = Math.max(0, Math.floor(Math.log2(1 / Math.max(scale, 1e-9)) + 1e-6));
  return Math.max(0, top - halvings);
}

/**
 * The finest level that is one tile: a thumbnail.
 * @param {Pyramid} pyramid
 */
export function thumbnailLevel({ width, height, tile_px: edge, max_level: top }) {
  const halvings = Math.ceil(Math.log2(Math.max(width, height) / edge));
  return Math.max(0, top - Math.max(0, halvings));
}

/**
 * Tiles of a level that a box touches, those of its middle first.
 * @param {Pyramid} pyramid
 * @param {number} level
 * @param {import("./geometry.js").Box} box
 * @returns {Tile[]}
 */
export function tilesIn(pyramid, level, [x0, y0, x1, y1]) {
  const { width, height, tile_px: edge, max_level: top } = pyramid;
  const step = edge * 2 ** (top - level);
  const last = (length) => Math.max(0, Math.ceil(length / step) - 1);
  const clamp = (value, length) => Math.min(Math.max(Math.floor(value / step), 0), last(length));
  const tiles = [];
  for (let row = clamp(y0, height); row <= clamp(y1, height); row += 1) {
    for (let column = clamp(x0, width); column <= clamp(x1, width); column += 1) {
      tiles.push({ level, column, row, x: column * step, y: row * step,
        width: Math.min(step, width - column * step), height: Math.min(step, height - row * step) });
    }
  }
  const [mx, my] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const away = ({ x, y }) => Math.hypot(x + step / 2 - mx, y + step / 2 - my);
  return tiles.sort((a, b) => away(a) - away(b));
}
