import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { by, send } from "./browser.mjs";
import { page } from "./page.mjs";

const { Board } = await page("image/board.js");
const { Cells } = await page("image/cells.js");
const { Editor } = await page("image/editor.js");
const { Gestures } = await page("image/gestures.js");

// One pixel of the image is one of the screen.
const board = new Board(by("board"), by("picture"), by("drawing"));
const editor = new Editor(board, () => "live");
new Gestures(by("board"), board, { choose: (id) => cells.choose(id), mode: () => editor.mode(),
  resize: (corner, point) => editor.resize(corner, point), resized: () => editor.resized(),
  unresized: () => editor.unresized(), drawn: (points) => editor.draw(points) });
const cell = (id, xyxy) => ({ id, label: id, class: "live", score: 0.9, xyxy, rings: null, area: null });
const image = { task: "detection", classes: ["live"], width: 100, height: 100, unitPx: 1 };
let cells;

function begin() {
  cells = new Cells([cell(1, [10, 10, 30, 30]), cell(2, [60, 60, 90, 90])], () => board.setCells({
    shown: cells.shown, chosen: cells.chosenCell, classes: ["live"], resizable: true }));
  board.open({ draw: () => {}, close: () => {} }, 100, 100);
  editor.open(cells, image);
}

beforeEach(begin);

const finger = (type, [x, y], pointerId = 1) =>
  send(by("board"), type, { pointerId, button: 0, clientX: x, clientY: y });
const boxes = () => cells.all.map(({ xyxy }) => xyxy);

function drag(id, from, to) {
  cells.choose(id);
  finger("pointerdown", from);
  finger("pointermove", to);
}

test("a corner is dragged, as one step of undo", () => {
  drag(1, [30, 30], [36, 38]);
  finger("pointermove", [40, 42]);
  finger("pointerup", [40, 42]);
  assert.deepEqual(boxes()[0], [10, 10, 40, 42]);
  cells.undo();
  assert.deepEqual(boxes()[0], [10, 10, 30, 30]);
});

for (const [how, broken] of [
  ["by a second finger", () => {
    finger("pointerdown", [50, 50], 2);
    finger("pointerup", [50, 50], 2);
    finger("pointerup", [40, 40]);
  }],
  ["by the browser", () => finger("pointercancel", [40, 40])],
]) {
  test(`dragging that is broken off ${how} changes nothing, and not the next box`, () => {
    drag(1, [30, 30], [40, 40]);
    broken();
    assert.deepEqual(boxes()[0], [10, 10, 30, 30]);
    drag(2, [90, 90], [95, 96]);
    finger("pointerup", [95, 96]);
    assert.deepEqual(boxes(), [[10, 10, 30, 30], [60, 60, 95, 96]]);
  });
}

test("another image knows nothing of a corner that was being dragged", () => {
  drag(1, [30, 30], [40, 40]);
  begin();
  cells.choose(2);
  editor.resized();
  assert.deepEqual(boxes()[1], [60, 60, 90, 90]);
});

test("where another cell is chosen or this one deleted meanwhile, neither is changed", () => {
  drag(1, [30, 30], [40, 40]);
  cells.choose(2);
  finger("pointermove", [45, 45]);
  finger("pointerup", [45, 45]);
  assert.deepEqual(boxes(), [[10, 10, 30, 30], [60, 60, 90, 90]]);
  drag(1, [30, 30], [40, 40]);
  cells.remove();
  cells.choose(null);
  finger("pointermove", [45, 45]);
  finger("pointerup", [45, 45]);
  assert.deepEqual(boxes(), [[60, 60, 90, 90]]);
});
