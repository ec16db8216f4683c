import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, by, calm, service } from "./browser.mjs";
import { page } from "./page.mjs";

const { showJobs } = await page("jobs/jobs_view.js");

const jobOf = (id) => ({ id: String(id), state: "done", model: "blobs", created: "2026-01-01T00:00:00Z",
  n_images: 1, n_done: 1, n_failed: 0 });
const jobs = (first, last) => Array.from({ length: last - first }, (_, one) => jobOf(first + one));
const total = (value, n) => () => answer(value, { headers: { "X-Total-Count": String(n) } });
const ids = () => by("jobs-rows").children.map((row) => row.querySelector("a").attributes.href.slice(1));

test("older counts come when they are asked for, each once", async () => {
  service({
    "GET jobs?limit=100&offset=0": total(jobs(0, 100), 130),
    // One that began meanwhile: number 99 is now in the second portion too.
    "GET jobs?limit=100&offset=100": total(jobs(99, 130), 131),
  });
  await showJobs();
  assert.deepEqual([ids().length, by("jobs-more").hidden], [100, false]);
  by("jobs-more").click();
  await calm();
  assert.deepEqual(ids(), jobs(0, 130).map((job) => job.id));
  assert.ok(by("jobs-more").hidden);
});

test("nothing more is offered where all of them are shown, or none is there", async () => {
  service({ "GET jobs?limit=100&offset=0": total(jobs(0, 3), 3) });
  await showJobs();
  assert.deepEqual([ids().length, by("jobs-more").hidden, by("jobs-empty").hidden], [3, true, true]);
  service({ "GET jobs?limit=100&offset=0": total([], 0) });
  await showJobs();
  assert.deepEqual([ids().length, by("jobs-more").hidden, by("jobs-empty").hidden], [0, true, false]);
});

test("older counts that come after the list was opened anew are not added to it", async () => {
  const { hold } = service({ "GET jobs?limit=100&offset=0": total(jobs(0, 100), 130) });
  await showJobs();
  const slow = hold("GET jobs?limit=100&offset=100");
  by("jobs-more").click();
  await showJobs();
  await slow(answer(jobs(100, 130), { headers: { "X-Total-Count": "130" } }));
  assert.deepEqual([ids().length, by("jobs-more").hidden], [100, false]);
});
