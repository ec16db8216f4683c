import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.mjs";

const { Viewport } = await page("image/viewport.js");
const { levelFor, thumbnailLevel, tilesIn } = await page("image/pyramid.js");

function opened(width, height, imageWidth, imageHeight) {
  const view = new Viewport();
  view.resize(width, height);
  view.open(imageWidth, imageHeight);
  return view;
}

test("an image is seen whole, in the middle", () => {
  const view = opened(800, 400, 1000, 1000);
  assert.equal(view.scale, 0.4);
  assert.deepEqual(view.toScreen(500, 500), [400, 200]);
  assert.deepEqual(view.toImage(200, 0), [0, 0]);
});

test("what is under the pointer stays there while zooming", () => {
  const view = opened(800, 800, 1000, 1000);
  view.zoom(4, { x: 300, y: 500 });
  const before = view.toImage(300, 500);
  view.zoom(1.5, { x: 300, y: 500 });
  view.toImage(300, 500).forEach((value, axis) => assert.ok(Math.abs(value - before[axis]) < 1e-9));
});

test("the image cannot be moved out of sight, nor made smaller than whole", () => {
  const view = opened(500, 500, 1000, 1000);
  view.zoom(2);
  view.pan(1e6, -1e6);
  assert.deepEqual(view.seen(), [500, 0, 1000, 500]);
  view.zoom(0.001);
  assert.deepEqual(view.seen(), [0, 0, 1000, 1000]);
});

test("a cell out of sight is brought into it, one in sight stays where it is", () => {
  const view = opened(500, 500, 5000, 5000);
  view.zoom(10);
  const [x0, y0, x1, y1] = view.seen();
  view.show([x0 + 200, y0 + 200, x0 + 220, y0 + 220]);
  assert.deepEqual(view.seen(), [x0, y0, x1, y1]);
  view.show([10, 20, 30, 40]);
  assert.deepEqual(view.seen(), [0, 0, 500, 500]);
});

test("a whole image stays whole when the window changes", () => {
  const view = opened(800, 400, 1000, 1000);
  view.resize(400, 400);
  assert.equal(view.scale, 0.4);
  assert.deepEqual(view.seen(), [0, 0, 1000, 1000]);
});

const large = { width: 10000, height: 9000, tile_px: 256, max_level: 14 };

test("the level is as fine as the screen, and no finer", () => {
  assert.equal(levelFor(large, 1), 14);
  assert.equal(levelFor(large, 3), 14);
  assert.equal(levelFor(large, 0.5), 13);
  assert.equal(levelFor(large, 0.4), 13);
  assert.equal(levelFor(large, 0.06), 10);
  assert.equal(levelFor(large, 1e-12), 0);
});

test("the thumbnail is one tile, and the finest that is", () => {
  const level = thumbnailLevel(large);
  assert.equal(level, 8);
  assert.ok(10000 / 2 ** (14 - level) <= 256 && 10000 / 2 ** (13 - level) > 256);
  assert.equal(thumbnailLevel({ ...large, width: 200, height: 100, max_level: 8 }), 8);
});

test("tiles cover what is seen, within the image, the middle first", () => {
  const tiles = tilesIn(large, 14, [300, 0, 900, 200]);
  assert.deepEqual(new Set(tiles.map(({ column }) => column)), new Set([1, 2, 3]));
  assert.equal(tiles[0].column, 2);
  const [corner] = tilesIn(large, 14, [9990, 8990, 20000, 20000]);
  assert.deepEqual([corner.column, corner.row, corner.width, corner.height], [39, 35, 16, 40]);
  const [whole] = tilesIn(large, 8, [0, 0, 10000, 9000]);
  assert.deepEqual([whole.width, whole.height], [10000, 9000]);
});
