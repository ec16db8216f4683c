import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.mjs";

const { bodyOf, cellsOf } = await page("image/corrections.js");

const rows = [
  { label: 4, class: "live", score: 0.9, "bbox-0": 1, "bbox-1": 2, "bbox-2": 11, "bbox-3": 22, area: 150 },
  { label: 9, class: "live", score: null, "bbox-0": 0, "bbox-1": 0, "bbox-2": 4, "bbox-3": 4, area: 12 },
];
const ring = [[2, 1], [22, 1], [22, 11], [2, 11]];
const outlines = { features: [
  { geometry: { type: "Polygon", coordinates: [[...ring, ring[0]]] }, properties: { name: "4" } },
  { geometry: { type: "MultiPolygon", coordinates: [[[[0, 0], [2, 0], [2, 2], [0, 0]]],
    [[[2, 2], [4, 2], [4, 4], [2, 2]]]] }, properties: { name: "9" } },
] };
const image = { width: 100, height: 50, cells: rows, corrections: null };

test("a row's box is x before y, its outline the one of its number", () => {
  const [first, second] = cellsOf(image, outlines);
  assert.deepEqual(first.xyxy, [2, 1, 22, 11]);
  assert.deepEqual(first.rings, [ring]);
  assert.equal(second.rings.length, 2);
  assert.equal(second.score, null);
});

test("boxes are sent within the image, empty ones not at all", () => {
  const cells = [{ class: "live", xyxy: [-5, 10, 20, 60] }, { class: "live", xyxy: [120, 0, 130, 9] }];
  assert.deepEqual(bodyOf("detection", cells, image),
    { boxes: [{ class: "live", xyxy: [0, 10, 20, 50] }] });
});

test("outlined cells come back as they were sent", () => {
  const [kept] = cellsOf(image, outlines);
  const drawn = { label: null, class: "dead", xyxy: [0, 0, 9, 9], rings: [[[0, 0], [9, 0], [9, 9]]] };
  const sent = bodyOf("instances", [{ ...kept, class: "dead" }, drawn], image);
  assert.deepEqual(sent, { cells: [{ label: 4, class: "dead" },
    { class: "dead", polygon: [[0, 0], [9, 0], [9, 9]] }] });
  const again = cellsOf({ ...image, corrections: sent.cells }, outlines);
  assert.deepEqual(again.map((cell) => [cell.label, cell.class, cell.score, cell.area]),
    [[4, "dead", null, 150], [null, "dead", null, 40.5]]);
  assert.deepEqual(bodyOf("instances", again, image), sent);
  // In the unit of the others, as it was when it was drawn.
  const measured = { ...image, summary: { pixel_size_um: 0.5 }, corrections: sent.cells };
  assert.equal(cellsOf(measured, outlines)[1].area, 40.5 / 4);
});
