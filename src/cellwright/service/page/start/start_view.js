// The first view: images in, a model chosen, the count begun.

import * as api from "../shared/api.js";
import { by } from "../shared/dom.js";
import { guarded, say, sayNowAndThen } from "../shared/say.js";
import { counted, size } from "../shared/words.js";
import { DropZone } from "./drop_zone.js";
import { ModelChooser } from "./model_chooser.js";
import { showSamples } from "./samples.js";

export class StartView {
  /** @param {(jobId: string) => void} begun */
  constructor(begun) {
    this.begun = begun;
    /** @type {File[]} */
    this.ready = [];
    this.zone = new DropZone((files) => this.#take(files));
    this.chooser = new ModelChooser((model) => this.#follow(model));
    by("start-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
  }

  /**
   * @param {any[]} models
   * @param {any} limits
   */
  async show(models, limits) {
    this.zone.limits = limits;
    this.chooser.show(models);
    by("drop-limits").textContent = `PNG, JPEG, BMP, TIFF or OME-TIFF; up to ${
      size(limits.max_file_bytes).replace(".0", "")} each, ${limits.max_images} at once.`;
    await showSamples((file, sample) => {
      this.zone.add([file]);
      this.chooser.choose(sample.model);
      by("pixel-size").value = sample.pixel_size_um;
      by("begin").focus();
    });
  }

  #follow(model) {
    by("lowest-box").hidden = model.task !== "detection";
    by("montage-box").hidden = model.task !== "classification";
    this.#name();
  }

  #take(files) {
    this.ready = files;
    by("begin").disabled = !files.length;
    this.#name();
  }

  #name() {
    const n = this.ready.length;
    by("begin").textContent = n ? `Count cells in ${counted(n, "image")}` : "Count cells";
    by("begin-with").textContent = n ? `with ${this.chooser.chosen.name}`
      : "Choose at least one image first.";
  }

  #form() {
    const form = new FormData();
    const { name, task } = this.chooser.chosen;
    form.append("model", name);
    const fields = { pixel_size_um: "pixel-size" };
    if (task === "detection") fields.score_threshold = "lowest";
    if (task === "classification") fields.tile_px = "tile";
    for (const [option, id] of Object.entries(fields)) {
      if (by(id).value) form.append(option, by(id).value);
    }
    for (const file of this.ready) form.append("images", file);
    return form;
  }

  #begin = guarded(async () => {
    if (!this.ready.length) return;
    by("begin").disabled = true;
    by("upload-progress").hidden = false;
    say("Uploading.");
    try {
      const job = await api.upload("jobs", this.#form(), (sent, total) => {
        const text = sent < total ? `Uploading: ${size(sent)} of ${size(total)}` : "Checking the images";
        by("upload-text").textContent = text;
        by("upload-bar").max = total;
        by("upload-bar").value = sent;
        sayNowAndThen(text);
      });
      by("clear").click();
      this.begun(job.id);
    } finally {
      by("begin").disabled = !this.ready.length;
      by("upload-progress").hidden = true;
    }
  });
}
