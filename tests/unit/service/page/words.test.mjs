import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.mjs";

const { counted, duration, percent, short, size } = await page("shared/words.js");
const { jobHash, routeOf } = await page("shared/route.js");
const { faultOf, faultOfAll } = await page("start/files.js");
const { headlineOf, rowsOf } = await page("start/figures.js");

const limits = { max_file_bytes: 2 ** 20, max_request_bytes: 3 * 2 ** 20, max_images: 4 };

test("numbers as people write them", () => {
  assert.equal(counted(1, "cell"), "1 cell");
  assert.equal(counted(1234, "cell"), "1,234 cells");
  assert.deepEqual([percent(0.8345), percent(0.0456), percent(0)], ["83 %", "4.6 %", "0 %"]);
  assert.deepEqual([percent(0.0004), percent(0.9996), percent(1)], ["<0.1 %", "99.9 %", "100 %"]);
  assert.deepEqual([short(1234.5), short(0.01234)], ["1,230", "0.0123"]);
  assert.deepEqual([size(2048), size(5 * 2 ** 20)], ["2 KiB", "5.0 MiB"]);
  assert.deepEqual([duration(12), duration(200), duration(9000)], ["about 12 s", "about 3 min", "about 2.5 h"]);
});

test("an address leads to its view, anything else to the first", () => {
  const id = "0123456789abcdef0123456789abcdef";
  assert.deepEqual(routeOf(jobHash(id, 3)), { view: "job", id, position: 3 });
  assert.deepEqual(routeOf(jobHash(id)), { view: "job", id, position: null });
  assert.deepEqual(routeOf("#jobs"), { view: "jobs" });
  assert.deepEqual(routeOf("#../../etc"), { view: "start" });
});

test("files that cannot be sent are named with what to do", () => {
  assert.equal(faultOf({ name: "A.TIF", size: 10 }, limits), "");
  assert.match(faultOf({ name: "a.czi", size: 10 }, limits), /save it as/);
  assert.match(faultOf({ name: "a.png", size: 0 }, limits), /copy it again/);
  assert.match(faultOf({ name: "a.png", size: 2 ** 21 }, limits), /larger than 1.0 MiB/);
  const files = Array(5).fill({ name: "a.png", size: 1 });
  assert.match(faultOfAll(files, limits), /At most 4 images/);
  assert.match(faultOfAll(Array(4).fill({ name: "a.png", size: 2 ** 20 }), limits), /At most 3.0 MiB/);
  assert.equal(faultOfAll(files.slice(1), limits), "");
});

test("a model's figures are those of its test part, with their interval", () => {
  const model = { task: "detection", evaluations: [
    { data: "set, validation part", n_images: 9, metrics: { f1: { value: 0.9, low: 0.8, high: 1, n: 5 } } },
    { data: "set, test part", n_images: 8, metrics: { f1: { value: 0.82, low: 0.786, high: 0.855, n: 396 },
      count_mae: { value: 3.31, low: 2.379, high: 4.349, n: 29 } } },
  ] };
  assert.equal(headlineOf(model), "F1 82 % (79 to 86)");
  assert.deepEqual(rowsOf(model).map(({ value, n }) => [value, n]),
    [["82 % (79 to 86)", 396], ["3.31 (2.38 to 4.35)", 29]]);
  assert.equal(headlineOf({ task: "detection", evaluations: [] }), "");
});
