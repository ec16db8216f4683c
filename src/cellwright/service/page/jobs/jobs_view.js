// Earlier counts, newest first, a portion at a time.

import * as api from "../shared/api.js";
import { by, make } from "../shared/dom.js";
import { guarded, say } from "../shared/say.js";
import { counted, when } from "../shared/words.js";

const PORTION = 100;
const STATES = { running: "counting", done: "done", cancelled: "cancelled" };

// Of those who look at the list, the last one fills it.
let visit = 0;
/** @type {Set<string>} jobs that stand in the list. */
let shown = new Set();

export async function showJobs() {
  visit += 1;
  const { jobs, total } = await portion(0, visit) || {};
  if (!jobs) return;
  shown = new Set();
  by("jobs-rows").replaceChildren();
  by("jobs-empty").hidden = Boolean(jobs.length);
  by("jobs-table").hidden = !jobs.length;
  add(jobs, jobs.length >= total);
}

by("jobs-more").addEventListener("click", guarded(async () => {
  const before = shown.size;
  const { jobs, total } = await portion(before, visit) || {};
  if (!jobs) return;
  add(jobs, before + jobs.length >= total);
  say(`${counted(shown.size - before, "older count")} more.`);
}));

/** What the service has behind the first ``offset``; null where the list is another by then. */
async function portion(offset, asking) {
  const answer = await api.ask(`jobs?limit=${PORTION}&offset=${offset}`);
  const jobs = await answer.json();
  if (asking !== visit) return null;
  return { jobs, total: Number(answer.headers.get("X-Total-Count")) };
}

function add(jobs, wasLast) {
  // One that began since then pushes others into the next portion, which hold it already.
  const others = jobs.filter((job) => !shown.has(job.id));
  by("jobs-rows").append(...others.map(row));
  for (const job of others) shown.add(job.id);
  by("jobs-more").hidden = wasLast;
}

function row(job) {
  const state = job.state === "running"
    ? `${STATES.running}, ${job.n_done + job.n_failed} of ${job.n_images}` : STATES[job.state];
  return make("tr", {},
    make("th", { scope: "row" }, make("a", { href: `#${job.id}` }, when(job.created))),
    make("td", {}, job.model),
    make("td", {}, counted(job.n_images, "image")),
    make("td", {}, state, job.n_failed ? `, ${job.n_failed} could not be counted` : ""));
}
