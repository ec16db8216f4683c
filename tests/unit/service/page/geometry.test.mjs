import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.mjs";

const { areaOf, boxOf, clipped, inside, simplified } = await page("image/geometry.js");
const { GridIndex } = await page("image/grid_index.js");

const square = [[0, 0], [10, 0], [10, 10], [0, 10]];
const hole = [[4, 4], [6, 4], [6, 6], [4, 6]];

test("box, area and inside of a square with a hole", () => {
  assert.deepEqual(boxOf([square, hole]), [0, 0, 10, 10]);
  assert.equal(areaOf(square), 100);
  assert.equal(inside([square, hole], [1, 5]), true);
  assert.equal(inside([square, hole], [5, 5]), false);
  assert.equal(inside([square, hole], [11, 5]), false);
});

test("a line drawn by hand loses the points that say nothing", () => {
  const drawn = [[0, 0], [1, 0.1], [2, -0.1], [3, 0], [3, 5]];
  assert.deepEqual(simplified(drawn, 0.5), [[0, 0], [3, 0], [3, 5]]);
});

test("a closed line keeps its shape", () => {
  const circle = Array.from({ length: 200 }, (_, at) => {
    const angle = (2 * Math.PI * at) / 200;
    return [100 * Math.cos(angle), 100 * Math.sin(angle)];
  });
  const fewer = simplified(circle, 1);
  assert.ok(fewer.length < 40, String(fewer.length));
  assert.ok(Math.abs(areaOf(fewer) / areaOf(circle) - 1) < 0.02);
});

test("boxes are cut at the border of the image", () => {
  assert.deepEqual(clipped([-2, 3, 12, 40], 10, 20), [0, 3, 10, 20]);
});

test("the index finds what a look at every cell finds", () => {
  let seed = 7;
  const chance = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  const cells = Array.from({ length: 300 }, (_, id) => {
    const [x, y, edge] = [chance() * 990, chance() * 490, 2 + chance() * 60];
    return { id, xyxy: [x, y, x + edge, y + edge] };
  });
  const index = new GridIndex(cells, 1000, 500);
  for (const box of [[0, 0, 50, 50], [400, 100, 420, 480], [-50, -50, -1, -1], [0, 0, 1000, 500]]) {
    const slow = cells.filter(({ xyxy }) =>
      xyxy[0] <= box[2] && xyxy[2] >= box[0] && xyxy[1] <= box[3] && xyxy[3] >= box[1]);
    assert.deepEqual(index.within(box).map(({ id }) => id), slow.map(({ id }) => id));
  }
});
