import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { answer, bitmaps, by, calm, send, service } from "./browser.mjs";
import { page } from "./page.mjs";

const { ImageView } = await page("image/image_view.js");

const row = (label, x) => ({ label, class: "live", score: 0.9, "bbox-0": 10, "bbox-1": x, "bbox-2": 30,
  "bbox-3": x + 20, area: 400 });
const imageOf = (position) => ({ position, name: `${position}.png`, width: 100, height: 100,
  summary: { pixel_size_um: null }, corrections: null, cells: [row(1, 10), row(2, 60)] });
const model = { task: "detection", classes: ["live", "dead"] };
const at = (position) => `jobs/a/images/${position}`;
const corrected = (n) => ({ corrections: Array.from({ length: n }, (_, index) =>
  ({ class: "live", xyxy: [10 * index, 0, 10 * index + 5, 5] })) });

// The view listens to its elements for good, so there is one.
let saves = 0;
const view = new ImageView({ saved: async () => { saves += 1; }, another: () => {} });
let answers;

beforeEach(async () => {
  saves = 0;
  answers = {};
  for (const position of [0, 1, 2]) {
    answers[`GET ${at(position)}`] = imageOf(position);
    answers[`GET ${at(position)}/picture.png`] = () => new Response("pixels");
  }
  service(answers);
  await view.open("a", 0, model);
  by("message").hidden = true;
});

const state = () => by("save-state").textContent;
const name = () => by("image-name").textContent;

function remove(id) {
  view.cells.choose(id);
  by("delete").click();
}

/** Deletes the first cell of image 0 and saves; `put` is what the service answers, when it does. */
async function beginSave() {
  const { asked, hold } = service(answers);
  const put = hold(`PUT ${at(0)}/corrections`);
  remove(1);
  by("save").click();
  await calm();
  return { asked, put };
}

async function leave() {
  const may = view.mayLeave();
  by("ask").close("yes");
  assert.equal(await may, true);
}

test("what is changed while a save travels is not saved, and is not called so", async () => {
  const { asked, put } = await beginSave();
  remove(2);
  await put({ ...imageOf(0), ...corrected(1) });
  assert.equal(asked[0].body.boxes.length, 1);
  assert.equal(view.cells.dirty, true);
  assert.equal(state(), "Not saved");
  view.cells.undo();
  assert.equal(state(), "Saved as checked");
  assert.equal(saves, 1);
});

test("a save that comes back after another image was opened is the first one's", async () => {
  const { put } = await beginSave();
  await leave();
  await view.open("a", 2, model);
  await put({ ...imageOf(0), ...corrected(1) });
  assert.equal(view.image.position, 2);
  assert.equal(view.image.corrections, null);
  assert.equal(state(), "As the model found them");
});

test("a second save goes after the first, with what it answered", async () => {
  const { asked, hold } = service(answers);
  const put = hold(`PUT ${at(0)}/corrections`);
  answers[`PUT ${at(0)}/corrections`] = answer(corrected(0), { headers: { ETag: '"second"' } });
  remove(1);
  by("save").click();
  await calm();
  remove(2);
  by("save").click();
  await calm();
  assert.equal(asked.length, 1);
  await put(answer(corrected(1), { headers: { ETag: '"first"' } }));
  assert.deepEqual(asked.map(({ headers, body }) => [headers["If-Match"], body.boxes.length]),
    [[undefined, 1], ['"first"', 0]]);
  assert.equal(state(), "Saved as checked");
});

test("an image is not asked for before its corrections have arrived", async () => {
  const { asked, put } = await beginSave();
  await leave();
  await view.open("a", 1, model);
  const again = view.open("a", 0, model);
  await calm();
  assert.ok(!asked.some(({ request }) => request === `GET ${at(0)}`));
  answers[`GET ${at(0)}`] = { ...imageOf(0), ...corrected(1) };
  await put(corrected(1));
  await again;
  assert.equal(state(), "Saved as checked");
  assert.equal(view.cells.all.length, 1);
});

test("who leaves without saving and comes back finds the image as it was saved, and can go on", async () => {
  remove(1);
  await leave();
  assert.deepEqual([view.cells.all.length, view.cells.dirty], [2, false]);
  remove(2);
  assert.deepEqual(view.editor.cells.all.map(({ id }) => id), [1]);
  view.cells.undo();
  const { put } = await beginSave();
  await leave();
  await put(corrected(1));
  assert.deepEqual([view.cells.all.length, view.cells.dirty, state()], [1, false, "Saved as checked"]);
});

test("of two images the one that was asked for last is opened, whichever comes first", async () => {
  const { hold } = service(answers);
  const slow = hold(`GET ${at(1)}/picture.png`);
  const first = view.open("a", 1, model);
  await calm();
  assert.equal(await view.open("a", 2, model), true);
  await slow(new Response("pixels"));
  assert.equal(await first, false);
  assert.deepEqual([name(), view.place, by("board").attributes["aria-busy"]], ["2.png", at(2), undefined]);
  assert.equal(bitmaps.size, 1);
});

test("an image that nobody waits for any more fails in silence", async () => {
  const { hold } = service(answers);
  const slow = hold(`GET ${at(1)}`);
  const first = view.open("a", 1, model);
  await calm();
  await view.open("a", 2, model);
  await slow(new TypeError("offline"));
  assert.equal(await first, false);
});

test("while another image comes nothing is changed; where none comes the first goes on", async () => {
  const { hold } = service(answers);
  const slow = hold(`GET ${at(1)}`);
  const failed = assert.rejects(view.open("a", 1, model), /does not answer/);
  await calm();
  remove(1);
  view.editor.addInTheMiddle();
  send(Object.assign(by("score"), { value: "0.95" }), "input");
  assert.deepEqual([view.cells.dirty, view.cells.all.length], [false, 2]);
  await slow(new TypeError("offline"));
  await failed;
  assert.equal(name(), "0.png");
  remove(1);
  assert.equal(view.cells.all.length, 1);
});

test("what was begun to be drawn on one image is not drawn on the next", async () => {
  by("add").click();
  const touch = (type, at_) =>
    send(by("board"), type, { pointerId: 1, button: 0, clientX: at_, clientY: at_ });
  touch("pointerdown", 40);
  touch("pointermove", 50);
  await view.open("a", 1, model);
  touch("pointermove", 55);
  touch("pointerup", 55);
  assert.equal(view.cells.all.length, 2);
});

for (const [why, given, said] of [
  ["nothing answers", new TypeError("offline"), /^The corrections of 0\.png are not saved: the service does/],
  ["they are too long", answer({ what: "the upload is larger than 8 MiB", where: null,
    remedy: "upload fewer images" }, { status: 413 }), /^The corrections of 0\.png .*larger than 8 MiB\.$/],
  ["they are refused", answer({ what: "unknown class 'x'", where: "boxes.0", remedy: "choose" },
    { status: 422 }), /not saved: boxes\.0: unknown class/],
]) {
  test(`corrections stay where ${why}, and it is said`, async () => {
    answers[`PUT ${at(0)}/corrections`] = () => given;
    remove(1);
    by("save").click();
    await calm();
    assert.equal(by("message").hidden, false);
    assert.match(by("message-what").textContent, said);
    assert.doesNotMatch(by("message-remedy").textContent, /images/);
    assert.deepEqual([state(), view.cells.all.length, saves], ["Not saved", 1, 0]);
    answers[`PUT ${at(0)}/corrections`] = corrected(1);
    by("save").click();
    await calm();
    assert.deepEqual([state(), by("message").hidden], ["Saved as checked", true]);
  });
}

const changed = () => answer({ what: "changed", where: null, remedy: "" }, { status: 412 });

test("where somebody else has corrected the image meanwhile nothing is written over", async () => {
  answers[`GET ${at(0)}`] = () => answer(imageOf(0), { headers: { ETag: '"seen"' } });
  await view.open("a", 0, model);
  answers[`PUT ${at(0)}/corrections`] = changed;
  answers[`GET ${at(0)}`] = { ...imageOf(0), ...corrected(2) };
  const { asked } = service(answers);
  remove(1);
  by("save").click();
  await calm();
  assert.equal(asked[0].headers["If-Match"], '"seen"');
  assert.match(by("message-what").textContent, /somebody else has corrected this image meanwhile/);
  assert.match(by("message-remedy").textContent, /^Reload the page/);
  assert.deepEqual([state(), view.cells.all.length], ["Not saved", 1]);
});

test("a save whose answer was lost is not taken for somebody else's", async () => {
  answers[`PUT ${at(0)}/corrections`] = () => new TypeError("offline");
  remove(1);
  by("save").click();
  await calm();
  answers[`PUT ${at(0)}/corrections`] = changed;
  answers[`GET ${at(0)}`] = { ...imageOf(0), corrections: [{ xyxy: [60, 10, 80, 30], class: "live" }] };
  by("save").click();
  await calm();
  assert.deepEqual([state(), by("message").hidden], ["Saved as checked", true]);
});

async function takeBack() {
  by("revert").click();
  by("ask").close("yes");
  await calm();
}

test("what is taken back is the image it was asked for, and changes made meanwhile stay", async () => {
  for (const position of [0, 1]) answers[`GET ${at(position)}`] = { ...imageOf(position), ...corrected(1) };
  await view.open("a", 0, model);
  const { hold } = service(answers);
  const slow = hold(`DELETE ${at(0)}/corrections`);
  await takeBack();
  await view.open("a", 1, model);
  await slow(imageOf(0));
  assert.deepEqual([name(), state(), view.cells.all.length], ["1.png", "Saved as checked", 1]);
  const other = hold(`DELETE ${at(1)}/corrections`);
  await takeBack();
  remove(1);
  await other(imageOf(1));
  assert.deepEqual([state(), view.cells.all.length], ["Not saved", 0]);
  view.cells.undo();
  assert.equal(view.cells.dirty, true);
});

test("corrections of somebody else are not thrown away unseen; a lost answer is one's own", async () => {
  answers[`GET ${at(0)}`] = () => answer({ ...imageOf(0), ...corrected(1) }, { headers: { ETag: '"seen"' } });
  await view.open("a", 0, model);
  const { asked } = service(answers);
  answers[`DELETE ${at(0)}/corrections`] = changed;
  await takeBack();
  assert.equal(asked[0].headers["If-Match"], '"seen"');
  assert.match(by("message-what").textContent, /0\.png are still there: somebody else/);
  assert.equal(state(), "Saved as checked");
  answers[`GET ${at(0)}`] = imageOf(0);
  await takeBack();
  assert.equal(state(), "As the model found them");
});

test("Ctrl and S save what is seen, and nothing behind a question or on another view", async () => {
  const { asked } = service({ ...answers, [`PUT ${at(0)}/corrections`]: corrected(2) });
  const press = async () => {
    send(document, "keydown", { key: "s", ctrlKey: true });
    await calm();
    return asked.length;
  };
  by("job").hidden = true;
  assert.equal(await press(), 0);
  by("job").hidden = false;
  by("ask").showModal();
  assert.equal(await press(), 0);
  by("ask").close();
  assert.equal(await press(), 1);
});

test("a closed view says no count, and opens nothing that comes late", async () => {
  const { hold } = service(answers);
  const slow = hold(`GET ${at(1)}`);
  send(Object.assign(by("score"), { value: "0.95" }), "input");
  const coming = view.open("a", 1, model);
  view.close();
  by("said").textContent = "before";
  await slow(imageOf(1));
  assert.equal(await coming, false);
  await new Promise((done) => { setTimeout(done, 700); });
  assert.deepEqual([by("look").hidden, view.cells, by("said").textContent], [true, null, "before"]);
});
