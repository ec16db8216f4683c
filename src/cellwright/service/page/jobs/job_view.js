// One job: how far it is, its images, its files.

import * as api from "../shared/api.js";
import { confirmed } from "../shared/dialogs.js";
import { by } from "../shared/dom.js";
import { guarded, say, sayNowAndThen } from "../shared/say.js";
import { counted, duration, when } from "../shared/words.js";
import { ImageView } from "../image/image_view.js";
import { showDownloads } from "./downloads.js";
import { ImageList } from "./image_list.js";
import { showPooled } from "./pooled.js";

const POLL_MS = 700;
const SILENT = "The service does not answer; this page goes on as soon as it does.";
const EMPTY = {
  running: "The first image opens here as soon as it is counted.",
  cancelled: "Nothing was counted before this was cancelled.",
  done: "None of the images could be counted; what to do stands beside each.",
};
const STATES = { running: "Counting", done: "Done", cancelled: "Cancelled" };

export class JobView {
  /**
   * @param {(name: string) => any} modelOf
   * @param {{show: (jobId: string, position: number) => void, gone: () => void}} asks
   */
  constructor(modelOf, { show, gone }) {
    this.modelOf = modelOf;
    this.gone = gone;
    this.job = null;
    /** @type {number | null} of the image that is open. */
    this.position = null;
    /** @type {number | null} of the one that was asked for last, and may still be on its way. */
    this.wanted = null;
    // Of the jobs that were asked for, the last one is opened.
    this.visit = 0;
    // Of those who follow a job, the last one goes on.
    this.turn = 0;
    this.following = false;
    this.silent = false;
    this.list = new ImageList((position) => {
      if (this.job.images[position].state === "done") show(this.job.id, position);
      else say(by("images").children[position].textContent);
    });
    this.image = new ImageView({
      saved: () => this.#refresh(),
      another: (by_) => {
        const next = this.#beside(by_);
        if (next !== null) show(this.job.id, next);
      },
    });
    by("cancel").addEventListener("click", guarded(() => this.#post("cancel")));
    by("resume").addEventListener("click", guarded(async () => {
      const { id } = this.job;
      await this.#post("resume");
      if (this.#isOpen(id)) this.#follow(id);
    }));
    by("delete-job").addEventListener("click", guarded(() => this.#delete()));
  }

  async mayLeave() {
    const may = await this.image.mayLeave();
    // A job that is still on its way is no longer wanted.
    if (may) this.visit += 1;
    return may;
  }

  /**
   * @param {string} id
   * @param {number | null} position of the image to open; null for the first that is done.
   */
  async open(id, position) {
    const visit = this.visit += 1;
    const isNew = !this.#isOpen(id);
    if (isNew) {
      this.#close();
      const job = await api.json(`jobs/${id}`);
      if (visit !== this.visit) return;
      this.job = job;
      this.#show();
      by("job").classList.toggle("coming", false);
    }
    const looked = position === null ? null : this.#look(position);
    if (isNew || (this.job.state === "running" && !this.following)) this.#follow(id);
    await looked;
  }

  #isOpen(id) {
    return Boolean(this.job) && this.job.id === id;
  }

  #close() {
    this.job = null;
    this.position = null;
    this.wanted = null;
    this.silent = false;
    this.image.close();
    by("job").classList.toggle("coming", true);
  }

  async #look(position) {
    if (position === this.wanted && this.image.cells) return;
    const image = this.job.images[position];
    if (!image || image.state !== "done") return;
    this.wanted = position;
    try {
      if (!await this.image.open(this.job.id, position, this.#model())) return;
    } catch (error) {
      this.wanted = this.position;
      throw error;
    }
    this.position = position;
    this.list.show(this.job, position);
    say(`${image.name} is open.`);
  }

  #model() {
    return this.modelOf(this.job.model) || { name: this.job.model, task: this.job.task, classes: [] };
  }

  #follow = guarded(async (id) => {
    const turn = this.turn += 1;
    const followed = () => this.turn === turn && this.#isOpen(id);
    this.following = true;
    try {
      await this.#toTheEnd(id, followed);
    } finally {
      if (this.turn === turn) this.following = false;
    }
    if (!followed() || this.job.state === "running") return;
    say(`${by("progress-text").textContent}.`);
    await showPooled(this.job, this.#model().classes);
  });

  async #toTheEnd(id, followed) {
    const begun = { at: Date.now(), done: this.job.n_done + this.job.n_failed };
    while (followed()) {
      try {
        this.#show(begun);
        const first = this.job.images.find((image) => image.state === "done");
        if (first && this.wanted === null) await this.#look(first.position);
        if (!followed() || this.job.state !== "running") return;
        await api.pause(POLL_MS);
        // Whoever comes back to this job follows it anew.
        if (!followed() || by("job").hidden) return;
        const job = await api.json(`jobs/${id}`);
        if (followed()) this.job = job;
        this.silent = false;
      } catch (error) {
        if (!followed()) return;
        if (!api.isSilence(error)) throw error;
        // A service that is started again goes on with the job, and so does this page.
        this.silent = true;
        await api.pause(POLL_MS);
      }
    }
  }

  #show(begun = null) {
    const { job } = this;
    const over = job.n_done + job.n_failed;
    const running = job.state === "running";
    by("job-title").textContent = job.n_images === 1 ? job.images[0].name
      : `${counted(job.n_images, "image")}`;
    by("job-facts").textContent = `${job.model}, ${when(job.created)}`;
    by("progress").max = job.n_images;
    by("progress").value = over;
    by("progress").hidden = !running;
    const failed = job.n_failed ? `, ${job.n_failed} could not be counted` : "";
    by("progress-text").textContent = `${STATES[job.state]}: ${over} of ${
      counted(job.n_images, "image")}${failed}`;
    by("progress-left").textContent = !running ? "" : this.silent ? SILENT
      : job.waits_for ? `It waits for ${job.waits_for}.`
      : begun ? left(begun, over, job.n_images) : "";
    by("job-state").dataset.state = job.n_failed && !running ? "failed" : job.state;
    if (running) sayNowAndThen(this.silent ? SILENT : by("progress-text").textContent);
    by("cancel").hidden = !running;
    const cancelled = job.state === "cancelled";
    by("resume").hidden = running || !(cancelled || job.n_failed);
    by("resume").textContent = cancelled ? "Go on counting" : "Try again what failed";
    by("images-box").hidden = job.n_images < 2 && !job.n_failed;
    by("job").classList.toggle("single", by("images-box").hidden);
    by("pooled").hidden = running || job.n_done < 2 || by("pooled").dataset.job !== job.id;
    by("look-empty").textContent = EMPTY[job.state];
    by("look-empty").hidden = job.n_done > 0;
    this.list.show(job, this.position);
    showDownloads(job);
  }

  async #refresh() {
    if (!this.job) return;
    const { id } = this.job;
    const job = await api.json(`jobs/${id}`);
    if (!this.#isOpen(id)) return;
    this.job = job;
    this.#show();
    if (this.job.state !== "running") await showPooled(this.job, this.#model().classes);
  }

  async #post(what) {
    await api.json(`jobs/${this.job.id}/${what}`, { method: "POST" });
    await this.#refresh();
  }

  async #delete() {
    const { job } = this;
    const yes = await confirmed({ title: "Delete this count?", yes: "Delete it", no: "Keep it",
      text: `${counted(job.n_images, "image")}, what was found in them and what you corrected `
        + "are deleted from the service. This cannot be undone." });
    if (!yes) return;
    await api.json(`jobs/${job.id}`, { method: "DELETE" });
    if (this.#isOpen(job.id)) {
      this.#close();
      this.gone();
    }
    say("Deleted.");
  }

  #beside(by_) {
    const done = this.job.images.filter((image) => image.state === "done");
    const at = done.findIndex((image) => image.position === this.wanted);
    const next = done[at + by_];
    return next ? next.position : null;
  }
}

function left({ at, done }, over, all) {
  if (over - done < 1) return "";
  const each = (Date.now() - at) / (over - done);
  return `${duration((each * (all - over)) / 1000)} left`;
}
