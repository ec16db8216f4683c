// The page: its views, and which of them is seen.

import * as api from "./shared/api.js";
import { startHelp, startQuestions } from "./shared/dialogs.js";
import { by } from "./shared/dom.js";
import { jobHash, routeOf } from "./shared/route.js";
import { complain, guarded } from "./shared/say.js";
import { startTheme } from "./shared/theme.js";
import { JobView } from "./jobs/job_view.js";
import { showJobs } from "./jobs/jobs_view.js";
import { StartView } from "./start/start_view.js";

const VIEWS = ["sign-in", "start", "jobs", "job"];
const TITLES = { start: "Cellwright", jobs: "Earlier counts – Cellwright", job: "Count – Cellwright" };

let models = [];
let shownHash = location.hash;

const startView = new StartView((id) => { location.hash = jobHash(id); });
const jobView = new JobView((name) => models.find((model) => model.name === name), {
  show: (id, position) => { location.hash = jobHash(id, position); },
  gone: () => { location.hash = "#jobs"; },
});

function see(view) {
  for (const id of VIEWS) by(id).hidden = id !== view;
  by("nav").hidden = view === "sign-in";
  document.title = TITLES[view] || "Cellwright";
  for (const link of by("nav").querySelectorAll("a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

const go = guarded(async () => {
  const route = routeOf(location.hash);
  const seen = VIEWS.find((id) => !by(id).hidden);
  see(route.view);
  if (seen && seen !== route.view) by("main").focus();
  if (route.view === "jobs") await showJobs();
  if (route.view === "job") await jobView.open(route.id, route.position);
});

async function moved() {
  if (location.hash === shownHash) return;
  if (!await jobView.mayLeave()) {
    history.replaceState(null, "", shownHash || "#");
    return;
  }
  shownHash = location.hash;
  await go();
}

const begin = guarded(async () => {
  const limits = await api.json("me");
  models = await api.json("models");
  // Ready before it is seen: somebody may drop files at once.
  const shown = startView.show(models, limits);
  await go();
  await shown;
});

by("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  api.signIn(by("token").value);
  begin();
});
document.addEventListener("signed-out", () => {
  see("sign-in");
  if (!api.signedIn()) complain(null);
  by("token").focus();
});
by("message-close").addEventListener("click", () => complain(null));
by("skip").addEventListener("click", (event) => {
  event.preventDefault();
  by("main").focus();
});
window.addEventListener("hashchange", moved);
startTheme();
startHelp();
startQuestions();
begin();
