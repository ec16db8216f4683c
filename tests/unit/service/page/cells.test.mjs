import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.mjs";

const { Cells } = await page("image/cells.js");

const cell = (id, score, xyxy = [id * 10, 0, id * 10 + 8, 8], name = "live") =>
  ({ id, label: id, class: name, score, xyxy, rings: null, area: null });
const three = () => new Cells([cell(1, 0.9), cell(2, 0.5), cell(3, 0.7, [10, 50, 18, 58], "dead")], () => {});

test("the slider hides weak cells, and never one that a person has touched", () => {
  const cells = three();
  cells.choose(2);
  cells.edit({ class: "dead" });
  cells.setLowest(0.8);
  assert.deepEqual(cells.shown.map(({ id }) => id), [1, 2]);
  assert.deepEqual([...cells.count(["live", "dead"])], [["live", 1], ["dead", 1]]);
});

test("every change can be undone and redone, and a new one ends the redo", () => {
  const cells = three();
  cells.choose(1);
  cells.remove();
  cells.add({ xyxy: [0, 0, 4, 4], rings: null, area: null, class: "dead" });
  assert.deepEqual(cells.all.map(({ id }) => id), [2, 3, 4]);
  assert.ok(cells.undo() && cells.undo());
  assert.deepEqual(cells.all.map(({ id }) => id), [1, 2, 3]);
  assert.equal(cells.undo(), false);
  assert.ok(cells.redo());
  assert.deepEqual(cells.all.map(({ id }) => id), [2, 3]);
  cells.choose(3);
  cells.edit({ class: "live" });
  assert.equal(cells.redo(), false);
});

test("it is dirty until saved, and clean again when undone to what was saved", () => {
  const cells = three();
  assert.equal(cells.dirty, false);
  cells.choose(1);
  cells.remove();
  assert.ok(cells.dirty);
  cells.undo();
  assert.equal(cells.dirty, false);
  cells.setLowest(0.6);
  assert.ok(cells.dirty);
  cells.markSaved(cells.state);
  assert.equal(cells.dirty, false);
});

test("what is changed after it was sent is not saved with it", () => {
  const cells = three();
  cells.choose(1);
  cells.remove();
  const sent = cells.state;
  cells.remove();
  cells.markSaved(sent);
  assert.ok(cells.dirty);
  cells.undo();
  assert.equal(cells.dirty, false);
});

test("nothing is changed while it is frozen", () => {
  const cells = three();
  cells.choose(1);
  assert.equal(cells.edit({ class: "dead" }), true);
  cells.frozen = true;
  assert.deepEqual([cells.remove(), cells.edit({ class: "live" }), cells.undo()], [false, false, false]);
  assert.equal(cells.add({ xyxy: [0, 0, 4, 4], rings: null, area: null, class: "dead" }), false);
  cells.setLowest(0.99);
  assert.equal(cells.shown.length, 3);
});

test("after a deletion the next cell is chosen", () => {
  const cells = three();
  cells.choose(2);
  cells.remove();
  assert.equal(cells.chosen, 3);
  cells.remove();
  assert.equal(cells.chosen, 1);
});

test("arrows go to the cell on that side, and nowhere where there is none", () => {
  const cells = three();
  cells.choose(1);
  assert.equal(cells.stepTowards(1, 0).id, 2);
  cells.choose(1);
  assert.equal(cells.stepTowards(0, 1).id, 3);
  assert.equal(cells.stepTowards(0, 1), null);
  assert.equal(cells.chosen, 3);
});
