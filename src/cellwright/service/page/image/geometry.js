// Points, boxes and outlines, in pixels of the whole image.

/**
 * @typedef {[number, number]} Point x, y.
 * @typedef {[number, number, number, number]} Box x0, y0, x1, y1.
 * @typedef {Point[]} Ring not closed: the last point is not the first again.
 */

/** @param {Ring[]} rings @returns {Box} */
export function boxOf(rings) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings) {
    for (const [x, y] of ring) {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    }
  }
  return /** @type {Box} */ (box);
}

/**
 * By the even-odd rule, so that a hole is outside.
 * @param {Ring[]} rings
 * @param {Point} point
 */
export function inside(rings, [x, y]) {
  let within = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const [xi, yi] = ring[i];
      const [xj, yj] = ring[j];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
    }
  }
  return within;
}

/** @param {Box} box @param {Point} point @param {number} [margin] */
export function inBox([x0, y0, x1, y1], [x, y], margin = 0) {
  return x >= x0 - margin && x <= x1 + margin && y >= y0 - margin && y <= y1 + margin;
}

/** The shoelace formula. @param {Ring} ring */
export function areaOf(ring) {
  let twice = 0;
  ring.forEach(([x, y], index) => {
    const [xn, yn] = ring[(index + 1) % ring.length];
    twice += x * yn - xn * y;
  });
  return Math.abs(twice) / 2;
}

/**
 * Fewer points, none further than ``tolerance`` from the line that stays (Douglas and Peucker).
 * @param {Ring} points
 * @param {number} tolerance
 * @returns {Ring}
 */
export function simplified(points, tolerance) {
  if (points.length < 4) return points;
  const kept = new Set([0, points.length - 1]);
  const open = [[0, points.length - 1]];
  while (open.length) {
    const [first, last] = open.pop();
    let [furthest, distance] = [-1, tolerance];
    for (let index = first + 1; index < last; index += 1) {
      const away = fromLine(points[index], points[first], points[last]);
      if (away > distance) [furthest, distance] = [index, away];
    }
    if (furthest < 0) continue;
    kept.add(furthest);
    open.push([first, furthest], [furthest, last]);
  }
  return points.filter((_, index) => kept.has(index));
}

function fromLine([x, y], [ax, ay], [bx, by]) {
  const length = Math.hypot(bx - ax, by - ay);
  if (!length) return Math.hypot(x - ax, y - ay);
  return Math.abs((by - ay) * x - (bx - ax) * y + bx * ay - by * ax) / length;
}

/** @param {Box} box @param {number} width @param {number} height @returns {Box} */
export function clipped([x0, y0, x1, y1], width, height) {
  return [Math.max(0, x0), Math.max(0, y0), Math.min(width, x1), Math.min(height, y1)];
}
