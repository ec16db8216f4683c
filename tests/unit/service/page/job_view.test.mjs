import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { by, calm, service } from "./browser.mjs";
import { page } from "./page.mjs";

const { JobView } = await page("jobs/job_view.js");

const POLL_MS = 700;
const model = { name: "blobs", task: "detection", classes: ["live"] };
const row = { label: 1, class: "live", score: 0.9, "bbox-0": 10, "bbox-1": 10, "bbox-2": 30, "bbox-3": 30 };
const imageOf = (position) => ({ position, name: `${position}.png`, width: 100, height: 100,
  state: "done", summary: { n_cells: 1 }, corrections: null, corrected: false, cells: [row] });

function jobOf(id, { state = "done", n = 3, done = n } = {}) {
  const images = Array.from({ length: n }, (_, position) =>
    (position < done ? imageOf(position) : { ...imageOf(position), state: "waiting", summary: null }));
  return { id, state, model: "blobs", task: "detection", created: "2026-01-01T00:00:00Z", n_images: n,
    n_done: done, n_failed: 0, label_formats: ["coco", "yolo"], images };
}

const countsOf = (n) => ({ n_cells: n, classes: [{ name: "live", n }], images: [], areas: null });

let answers;
let went = [];
// The view listens to its elements for good, so there is one.
const view = new JobView(() => model, { show: (...to) => went.push(to), gone: () => went.push("gone") });

beforeEach(() => {
  answers = { "GET jobs/a/counts": countsOf(3), "GET jobs/b/counts": countsOf(7) };
  for (const [id, n] of [["a", 3], ["b", 2]]) {
    answers[`GET jobs/${id}`] = jobOf(id, { n });
    for (let position = 0; position < n; position += 1) {
      answers[`GET jobs/${id}/images/${position}`] = imageOf(position);
      answers[`GET jobs/${id}/images/${position}/picture.png`] = () => new Response("pixels");
    }
  }
  went = [];
  view.job = null;
  view.image.cells = null;
  by("look").hidden = true;
  by("pooled").dataset = {};
  by("job").hidden = false;
  by("message").hidden = true;
});

const polled = async () => {
  await new Promise((done) => { setTimeout(done, POLL_MS + 50); });
  await calm();
};

test("the job that was asked for last is shown, whichever comes first", async () => {
  const { hold } = service(answers);
  const slow = hold("GET jobs/a");
  const first = view.open("a", null);
  await calm();
  assert.ok(by("job").classes.has("coming"));
  await view.open("b", 1);
  await slow(jobOf("a"));
  await first;
  assert.deepEqual([view.job.id, view.position, by("job-title").textContent], ["b", 1, "2 images"]);
  assert.ok(!by("job").classes.has("coming"));
});

test("who went elsewhere before a job came, or after it did not, can come back to the first", async () => {
  service(answers);
  await view.open("a", null);
  answers["GET jobs/b"] = () => new TypeError("offline");
  await assert.rejects(view.open("b", null), /does not answer/);
  await view.open("a", null);
  await calm();
  assert.deepEqual([view.job.id, view.position, by("look").hidden], ["a", 0, false]);
  const { hold } = service(answers);
  const slow = hold("GET jobs/b");
  const coming = view.open("b", null);
  await calm();
  assert.equal(await view.mayLeave(), true);
  await slow(jobOf("b"));
  await coming;
  assert.equal(view.job, null);
});

test("the first image does not push away the one that was asked for", async () => {
  answers["GET jobs/a"] = jobOf("a", { state: "running", done: 2 });
  const { asked, hold } = service(answers);
  const slow = hold("GET jobs/a/images/1");
  const coming = view.open("a", 1);
  await calm();
  await polled();
  assert.ok(!asked.some(({ request }) => request === "GET jobs/a/images/0"));
  await slow(imageOf(1));
  await coming;
  assert.deepEqual([view.position, by("image-name").textContent], [1, "1.png"]);
});

test("back from an image that is still on its way is to the one before", async () => {
  const { hold } = service(answers);
  await view.open("a", 0);
  const slow = hold("GET jobs/a/images/2");
  const coming = view.open("a", 2);
  await calm();
  await view.open("a", 0);
  await slow(imageOf(2));
  await coming;
  assert.deepEqual([view.position, by("image-name").textContent], [0, "0.png"]);
  const none = hold("GET jobs/a/images/2");
  const failed = assert.rejects(view.open("a", 2), /does not answer/);
  await calm();
  await none(new TypeError("offline"));
  await failed;
  await view.open("a", 2);
  assert.equal(by("image-name").textContent, "2.png");
});

test("corrections that were left without saving do not leave a dead view behind", async () => {
  service(answers);
  await view.open("a", null);
  await calm();
  view.image.cells.choose(1);
  by("delete").click();
  const may = view.mayLeave();
  by("ask").close("yes");
  assert.equal(await may, true);
  await view.open("a", null);
  assert.equal(view.image.cells.all.length, 1);
  assert.equal(view.image.cells, view.image.editor.cells);
});

test("what comes of a save is not put in the place of another job", async () => {
  answers["PUT jobs/a/images/0/corrections"] = { corrections: [] };
  const { hold } = service(answers);
  await view.open("a", 0);
  await calm();
  const slow = hold("GET jobs/a");
  view.image.cells.choose(1);
  by("delete").click();
  by("save").click();
  await calm();
  await view.open("b", 0);
  await slow(jobOf("a"));
  assert.deepEqual([view.job.id, by("job-title").textContent], ["b", "2 images"]);
  assert.equal(by("message").hidden, true);
});

test("sums of one job are not shown with another", async () => {
  const { hold } = service(answers);
  const slow = hold("GET jobs/a/counts");
  await view.open("a", null);
  await calm();
  assert.equal(by("pooled").hidden, true);
  await view.open("b", null);
  await calm();
  assert.equal(by("pooled-total").textContent, "7 cells in 2 images");
  await slow(countsOf(3));
  assert.equal(by("pooled-total").textContent, "7 cells in 2 images");
  assert.equal(by("pooled").hidden, false);
  const none = hold("GET jobs/a/counts");
  await view.open("a", null);
  await calm();
  assert.equal(by("pooled").hidden, true);
  await none(countsOf(3));
  assert.deepEqual([by("pooled").hidden, by("pooled-total").textContent], [false, "3 cells in 3 images"]);
});

test("while a job goes on the focus stays on the button that has it", async () => {
  answers["GET jobs/a"] = jobOf("a", { state: "running", done: 1 });
  service(answers);
  await view.open("a", null);
  await calm();
  const [first] = by("tables").children;
  assert.match(first.children[0].textContent, /^Counts, as checked$/);
  first.focus();
  answers["GET jobs/a"] = jobOf("a");
  await polled();
  assert.match(by("progress-text").textContent, /^Done/);
  assert.equal(document.activeElement, first);
  await view.open("b", null);
  assert.notEqual(by("tables").children[0], first);
});

test("labels can be taken once an image is checked", async () => {
  service(answers);
  await view.open("a", null);
  await calm();
  assert.deepEqual(by("labels").children.map((one) => one.disabled), [true, true]);
  answers["PUT jobs/a/images/0/corrections"] = { corrections: [] };
  answers["GET jobs/a"] = { ...jobOf("a"), images: [{ ...imageOf(0), corrected: true }, imageOf(1), imageOf(2)] };
  by("save").click();
  await calm();
  assert.deepEqual(by("labels").children.map((one) => one.disabled), [false, false]);
});

test("a job that was deleted takes no other with it, and is not missed", async () => {
  const { hold } = service(answers);
  await view.open("a", null);
  await calm();
  const slow = hold("DELETE jobs/a");
  by("delete-job").click();
  by("ask").close("yes");
  await calm();
  await view.open("b", null);
  await calm();
  await slow(new Response(null, { status: 204 }));
  assert.deepEqual([view.job.id, went], ["b", []]);
  assert.equal(by("said").textContent, "Deleted.");
});

test("who signs in again keeps what is not saved, and the job is followed on", async () => {
  answers["GET jobs/a"] = jobOf("a", { state: "running", done: 2 });
  service(answers);
  await view.open("a", 0);
  await calm();
  view.image.cells.choose(1);
  by("delete").click();
  by("job").hidden = true;
  await polled();
  by("job").hidden = false;
  answers["GET jobs/a"] = jobOf("a");
  await view.open("a", 0);
  assert.equal(view.image.cells.dirty, true);
  await polled();
  assert.match(by("progress-text").textContent, /^Done/);
});

test("a job that waits for a model says so, and goes on being followed", async () => {
  const waits = "the model 'mine', which is not served here";
  answers["GET jobs/a"] = { ...jobOf("a", { state: "running", done: 1 }), waits_for: waits };
  service(answers);
  await view.open("a", null);
  await calm();
  assert.equal(by("progress-left").textContent, `It waits for ${waits}.`);
  assert.equal(by("resume").hidden, true);
});

test("what failed can be tried again, what was cancelled goes on", async () => {
  const shown = [];
  for (const [state, failed] of [["done", 0], ["done", 1], ["cancelled", 0]]) {
    answers["GET jobs/a"] = { ...jobOf("a", { state, done: 2 }), n_failed: failed };
    service(answers);
    view.job = null;
    await view.open("a", null);
    await calm();
    shown.push(by("resume").hidden ? "" : by("resume").textContent);
  }
  assert.deepEqual(shown, ["", "Try again what failed", "Go on counting"]);
});
