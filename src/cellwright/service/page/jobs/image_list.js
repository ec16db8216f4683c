// The images of a job: thumbnails, how far each is, what it holds.

import * as api from "../shared/api.js";
import { by, make, walk } from "../shared/dom.js";
import { sentence } from "../shared/say.js";
import { counted } from "../shared/words.js";
import { thumbnailLevel } from "../image/pyramid.js";

export class ImageList {
  /** @param {(position: number) => void} open */
  constructor(open) {
    this.open = open;
    /** @type {Map<string, string>} place -> address of a thumbnail. */
    this.pictures = new Map();
    this.wanted = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) this.#load(target);
    });
    by("images").addEventListener("keydown", (event) => {
      walk(event, [...by("images").querySelectorAll("button")]);
    });
  }

  /** @param {any} job @param {number | null} current position of the image that is open. */
  show(job, current) {
    const rows = by("images");
    if (rows.dataset.job !== job.id) {
      for (const url of this.pictures.values()) URL.revokeObjectURL(url);
      this.pictures.clear();
      rows.replaceChildren(...job.images.map((image) => this.#row(job, image)));
      rows.dataset.job = job.id;
    }
    const stop = current === null ? 0 : current;
    job.images.forEach((image, index) => this.#update(rows.children[index], image, {
      current: image.position === current, stop: image.position === stop }));
  }

  #row(job, image) {
    const picture = make("img", { alt: "", width: 56, height: 56 });
    picture.dataset.place = `jobs/${job.id}/images/${image.position}`;
    const button = make("button", { type: "button", class: "image",
      click: () => this.open(image.position) }, picture,
    make("span", {}, make("span", { class: "name" }, image.name), make("span", { class: "state" })));
    return make("li", {}, button);
  }

  #update(row, image, { current, stop }) {
    const button = row.firstElementChild;
    const state = row.querySelector(".state");
    const text = stateOf(image);
    if (state.textContent !== text) state.textContent = text;
    row.dataset.state = image.state;
    // Not disabled, so that a screen reader finds what went wrong with it.
    button.setAttribute("aria-disabled", String(image.state !== "done"));
    button.tabIndex = stop ? 0 : -1;
    if (current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    const picture = row.querySelector("img");
    if (image.state === "done" && !picture.dataset.asked) {
      picture.dataset.asked = "yes";
      this.wanted.observe(picture);
    }
  }

  async #load(picture) {
    this.wanted.unobserve(picture);
    const { place } = picture.dataset;
    try {
      const level = thumbnailLevel(await api.json(`${place}/tiles.json`));
      const url = URL.createObjectURL(await api.blob(`${place}/tiles/${level}/0_0.jpg`));
      this.pictures.set(place, url);
      picture.src = url;
    } catch (error) {
      // Asked for again where the service was away, with the next look at how far the job is.
      if (api.isSilence(error)) delete picture.dataset.asked;
    }
  }
}

function stateOf(image) {
  if (image.state === "failed") {
    return `${sentence(image.problem.what)} ${sentence(image.problem.remedy)}`.trim();
  }
  if (image.state === "waiting") return "Waiting";
  const n = Object.values(image.counts || {}).reduce((sum, count) => sum + count, 0);
  const cells = counted(image.counts ? n : image.summary.n_cells, "cell");
  return image.corrected ? `${cells}, checked` : cells;
}
