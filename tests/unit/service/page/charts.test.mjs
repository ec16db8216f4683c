import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.mjs";

const { wilson } = await page("charts/wilson.js");
const { countsIn, edgesOf } = await page("charts/bins.js");
const { viability } = await page("charts/shares.js");

const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-4, `${found} is not ${wanted}`);

// By SciPy: binomtest(k, n).proportion_ci(method="wilson").
for (const [k, n, low, high] of [[8, 10, 0.49016, 0.94331], [0, 20, 0, 0.16113], [231, 240, 0.93028, 0.98015]]) {
  test(`Wilson's interval of ${k} of ${n}`, () => {
    const found = wilson(k, n);
    near(found.low, low);
    near(found.high, high);
  });
}

test("nothing counted has no share", () => {
  assert.equal(wilson(0, 0), null);
  assert.equal(viability(new Map([["live", 0], ["dead", 0]])), null);
});

test("viability only where the classes are live and dead", () => {
  near(viability(new Map([["live", 8], ["dead", 2]])).share, 0.8);
  assert.equal(viability(new Map([["RBC", 8]])), null);
});

test("bins have round edges, hold every value once, the largest too", () => {
  const values = [3, 7, 7.5, 12, 18, 18, 40];
  const edges = edgesOf(values, 8);
  assert.deepEqual(edges, [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]);
  assert.deepEqual(countsIn(values, edges), [1, 2, 1, 2, 0, 0, 0, 0, 1]);
  assert.deepEqual(countsIn([10], [0, 5, 10]), [0, 1]);
  assert.deepEqual(edgesOf([]), []);
  assert.equal(countsIn([5, 5, 5], edgesOf([5, 5, 5])).reduce((a, b) => a + b), 3);
});
