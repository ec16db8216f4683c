// The page: choose images, watch the job, look at each image, correct it, take the tables.

import * as api from "./api.js";
import { Cells } from "./cells.js";
import { Viewer } from "./viewer.js";

const POLL_MS = 700;
const by = (id) => document.getElementById(id);

let models = [];
let limits = {};
let files = [];
let job = null;
let image = null;
let cells = null;
let picture = null;

const viewer = new Viewer(by("view"), {
  choose: (id) => { cells.choose(id); say(describe()); },
  draw: (xyxy) => { cells.add(xyxy, by("class").value); say("Cell added."); },
});

function say(text) {
  by("said").textContent = text;
}

function complain(error) {
  by("message").hidden = !error;
  by("message").textContent = error ? error.message : "";
  if (error && error.status === 401) by("sign-in").hidden = false;
}

// Errors of the service are shown; nothing is lost by them.
function guarded(action) {
  return async (...given) => {
    complain(null);
    try {
      await action(...given);
    } catch (error) {
      complain(error);
    }
  };
}

const begin = guarded(async () => {
  limits = await api.json("me");
  models = await api.json("models");
  by("model").replaceChildren(...models.map(({ name }) => new Option(name, name)));
  by("sign-in").hidden = true;
  by("upload").hidden = false;
  describeModel();
  const wanted = location.hash.slice(1);
  if (/^[0-9a-f]{32}$/.test(wanted)) await follow(wanted);
});

function modelOf(name) {
  return models.find((model) => model.name === name);
}

function describeModel() {
  const { description, limits: known, task } = modelOf(by("model").value);
  by("model-text").textContent = [description, ...known].join(" ");
  by("lowest").disabled = task === "classification";
}

function take(list) {
  files = [...list];
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const large = files.find((file) => file.size > limits.max_file_bytes);
  let problem = null;
  if (large) problem = `${large.name} is larger than ${limits.max_file_bytes >> 20} MiB.`;
  else if (files.length > limits.max_images) problem = `Choose at most ${limits.max_images} images.`;
  else if (bytes > limits.max_request_bytes) {
    problem = `Choose at most ${limits.max_request_bytes / 2 ** 20} MiB at once.`;
  }
  by("chosen").textContent = problem ||
    `${files.length} image${files.length === 1 ? "" : "s"}, ${(bytes / 2 ** 20).toFixed(1)} MiB`;
  by("start").disabled = Boolean(problem) || !files.length;
}

const start = guarded(async () => {
  const form = new FormData();
  form.append("model", by("model").value);
  if (by("pixel-size").value) form.append("pixel_size_um", by("pixel-size").value);
  if (by("lowest").value && !by("lowest").disabled) {
    form.append("score_threshold", by("lowest").value);
  }
  for (const file of files) form.append("images", file);
  by("start").disabled = true;
  by("job").hidden = false;
  by("look").hidden = true;
  by("progress-text").textContent = "Uploading";
  try {
    const made = await api.upload("jobs", form, (sent, total) => {
      by("progress").max = total;
      by("progress").value = sent;
    });
    history.replaceState(null, "", `#${made.id}`);
    await follow(made.id);
  } finally {
    by("start").disabled = false;
  }
});

async function follow(id) {
  by("job").hidden = false;
  do {
    job = await api.json(`jobs/${id}`);
    showJob();
    if (job.state === "running") await new Promise((done) => { setTimeout(done, POLL_MS); });
  } while (job.state === "running");
  const first = job.images.find((one) => one.state === "done");
  if (first) await open(first.position);
}

function showJob() {
  const done = job.n_done + job.n_failed;
  by("progress").max = job.n_images;
  by("progress").value = done;
  const failed = job.n_failed ? `, ${job.n_failed} could not be read` : "";
  by("progress-text").textContent = `${job.state}: ${done} of ${job.n_images} images${failed}`;
  by("cancel").hidden = job.state !== "running";
  by("downloads").hidden = !job.n_done;
  by("images").replaceChildren(...job.images.map(entry));
}

function entry(one) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.disabled = one.state !== "done";
  button.textContent = `${one.name}: ${stateOf(one)}`;
  if (image && image.position === one.position) button.setAttribute("aria-current", "true");
  button.addEventListener("click", guarded(() => open(one.position)));
  item.append(button);
  return item;
}

function stateOf(one) {
  if (one.state === "failed") return `${one.problem.what}. ${one.problem.remedy}`;
  if (one.state === "waiting") return "waiting";
  return `${one.summary.n_cells} cells${one.corrected ? ", corrected" : ""}`;
}

async function open(position) {
  if (cells && cells.past.length && !confirm("Leave this image without saving its corrections?")) {
    return;
  }
  const place = `jobs/${job.id}/images/${position}`;
  image = await api.json(place);
  const shown = await api.blob(`${place}/picture.png`);
  if (picture) URL.revokeObjectURL(picture);
  picture = URL.createObjectURL(shown);
  const { classes, task } = modelOf(job.model);
  by("class").replaceChildren(...classes.map((name) => new Option(name, name)));
  const editable = task === "detection";
  for (const id of ["add", "delete", "undo", "save", "class"]) by(id).disabled = !editable;
  cells = new Cells(image.corrections ? given() : found(), repaint);
  const scores = cells.all.map((cell) => cell.score).filter((score) => score !== null);
  by("score").min = scores.length ? Math.floor(Math.min(...scores) * 100) / 100 : 0;
  by("score").value = by("score").min;
  by("score-value").textContent = by("score").value;
  by("look").hidden = false;
  by("look-title").textContent = `3. Look and correct: ${image.name}`;
  viewer.open(picture, image.width, image.height);
  repaint();
  showJob();
}

function given() {
  return image.corrections.map((box, index) => ({ id: index + 1, score: null, ...box }));
}

function found() {
  return image.cells.map((cell, index) => ({
    id: index + 1,
    class: cell.class,
    score: cell.score,
    xyxy: [cell["bbox-1"], cell["bbox-0"], cell["bbox-3"], cell["bbox-2"]],
  }));
}

function repaint() {
  const { classes } = modelOf(job.model);
  viewer.paint(cells.shown, cells.chosen, classes);
  const counts = [...cells.count(classes)].map(([name, count]) => `${name}: ${count}`);
  by("counts").textContent = `${cells.shown.length} cells (${counts.join(", ")})`;
  const chosen = cells.all.find((cell) => cell.id === cells.chosen);
  if (chosen) by("class").value = chosen.class;
  by("undo").disabled = !cells.past.length;
  by("delete").disabled = !chosen || by("save").disabled;
}

function describe() {
  const chosen = cells.all.find((cell) => cell.id === cells.chosen);
  if (!chosen) return "No cell chosen.";
  const [x0, y0, x1, y1] = chosen.xyxy.map(Math.round);
  const score = chosen.score === null ? "drawn by hand" : `score ${chosen.score}`;
  return `${chosen.class}, ${score}, at ${x0}, ${y0} to ${x1}, ${y1}.`;
}

const save = guarded(async () => {
  const boxes = cells.shown
    .map(({ class: name, xyxy: [x0, y0, x1, y1] }) => ({
      class: name,
      xyxy: [Math.max(0, x0), Math.max(0, y0), Math.min(image.width, x1), Math.min(image.height, y1)],
    }))
    .filter(({ xyxy: [x0, y0, x1, y1] }) => x1 > x0 && y1 > y0);
  await api.put(`jobs/${job.id}/images/${image.position}/corrections`, { boxes });
  cells.past = [];
  job = await api.json(`jobs/${job.id}`);
  repaint();
  showJob();
  say(`Saved ${boxes.length} cells.`);
});

const download = guarded(async (path) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await api.blob(`jobs/${job.id}/${path}`));
  const [name, format] = path.split("?format=");
  link.download = format ? `labels-${format}.zip` : name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});

function addInTheMiddle() {
  const sizes = cells.all.map(({ xyxy }) => xyxy[2] - xyxy[0]).sort((a, b) => a - b);
  const edge = sizes.length ? sizes[sizes.length >> 1] : Math.min(image.width, image.height) / 10;
  const { x, y } = viewer.middle();
  const x0 = Math.min(Math.max(x - edge / 2, 0), image.width - edge);
  const y0 = Math.min(Math.max(y - edge / 2, 0), image.height - edge);
  cells.add([x0, y0, x0 + edge, y0 + edge], by("class").value);
  say("Cell added in the middle.");
}

function moveChosen(dx, dy) {
  cells.edit(({ xyxy: [x0, y0, x1, y1] }) => {
    const [x, y] = [Math.min(Math.max(dx, -x0), image.width - x1),
      Math.min(Math.max(dy, -y0), image.height - y1)];
    return { xyxy: [x0 + x, y0 + y, x1 + x, y1 + y] };
  });
}

function relabel(name) {
  if (cells.chosen === null) return;
  cells.edit(() => ({ class: name }));
  say(describe());
}

function setAdding(adding) {
  viewer.setAdding(adding);
  by("add").setAttribute("aria-pressed", String(adding));
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function key(event) {
  const editable = !by("save").disabled;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const classes = modelOf(job.model).classes;
  if (name in ARROWS) {
    const [dx, dy] = ARROWS[name];
    if (event.shiftKey && editable) moveChosen(dx, dy);
    else viewer.pan(dx / 10, dy / 10);
  } else if ((event.ctrlKey || event.metaKey) && name === "z") undo();
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (name === "n" || name === "p") {
    const cell = cells.step(name === "n" ? 1 : -1);
    if (cell) viewer.show(cell.xyxy);
    say(describe());
  } else if (name === "+" || name === "=") viewer.zoom(0.8);
  else if (name === "-") viewer.zoom(1.25);
  else if (!editable) return;
  else if (name === "Delete" || name === "Backspace") remove();
  else if (name === "a") addInTheMiddle();
  else if (name === "Escape") setAdding(false);
  else if (/^[1-9]$/.test(name) && classes[name - 1]) relabel(classes[name - 1]);
  else return;
  event.preventDefault();
}

function remove() {
  if (cells.chosen === null) return;
  cells.remove();
  say("Cell deleted.");
}

function undo() {
  say(cells.undo() ? "Undone." : "There is nothing to undo.");
}

by("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  api.signIn(by("token").value);
  begin();
});
by("model").addEventListener("change", describeModel);
by("files").addEventListener("change", () => take(by("files").files));
by("upload-form").addEventListener("submit", (event) => { event.preventDefault(); start(); });
by("drop").addEventListener("dragover", (event) => {
  event.preventDefault();
  by("drop").classList.add("over");
});
by("drop").addEventListener("dragleave", () => by("drop").classList.remove("over"));
by("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  by("drop").classList.remove("over");
  take(event.dataTransfer.files);
});
by("cancel").addEventListener("click", guarded(() => api.json(`jobs/${job.id}/cancel`,
  { method: "POST" })));
by("downloads").addEventListener("click", (event) => {
  if (event.target.dataset.file) download(event.target.dataset.file);
});
by("score").addEventListener("input", () => {
  by("score-value").textContent = by("score").value;
  cells.setLowest(Number(by("score").value));
});
by("class").addEventListener("change", () => relabel(by("class").value));
by("add").addEventListener("click", () => setAdding(!viewer.adding));
by("delete").addEventListener("click", remove);
by("undo").addEventListener("click", undo);
by("zoom-in").addEventListener("click", () => viewer.zoom(0.8));
by("zoom-out").addEventListener("click", () => viewer.zoom(1.25));
by("fit").addEventListener("click", () => viewer.fit());
by("save").addEventListener("click", save);
by("view").addEventListener("keydown", key);
window.addEventListener("beforeunload", (event) => {
  if (cells && cells.past.length) event.preventDefault();
});
begin();
