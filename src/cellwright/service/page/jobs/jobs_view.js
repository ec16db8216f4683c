// Earlier counts, newest first.

import * as api from "../shared/api.js";
import { by, make } from "../shared/dom.js";
import { counted, when } from "../shared/words.js";

const STATES = { running: "counting", done: "done", cancelled: "cancelled" };

export async function showJobs() {
  const jobs = await api.json("jobs");
  by("jobs-empty").hidden = Boolean(jobs.length);
  by("jobs-table").hidden = !jobs.length;
  by("jobs-rows").replaceChildren(...jobs.map(row));
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
