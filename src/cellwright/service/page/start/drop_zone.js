// Files dropped, pasted or chosen; shown as a list that they can be taken out of.

import { by, make } from "../shared/dom.js";
import { say } from "../shared/say.js";
import { counted, size } from "../shared/words.js";
import { faultOf, faultOfAll } from "./files.js";

export class DropZone {
  /** @param {(files: File[]) => void} changed called with what can be sent. */
  constructor(changed) {
    this.changed = changed;
    /** @type {File[]} */
    this.files = [];
    /** @type {any} */
    this.limits = null;
    by("files").addEventListener("change", () => {
      this.add([...by("files").files]);
      by("files").value = "";
    });
    by("clear").addEventListener("click", () => this.#set([]));
    document.addEventListener("paste", (event) => {
      const pasted = [...event.clipboardData.files];
      if (pasted.length && !by("start").hidden) this.add(pasted);
    });
    this.#drops();
  }

  /** @param {File[]} files put with those there are. */
  add(files) {
    this.#set([...this.files, ...files]);
    say(by("chosen").textContent);
  }

  #drops() {
    const over = (on) => by("drop").classList.toggle("over", on);
    // On the whole page, so that a near miss does not open the picture in place of the page.
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(!by("start").hidden);
    });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      if (!by("start").hidden) this.add([...event.dataTransfer.files]);
    });
  }

  #set(files) {
    this.files = files;
    const faults = files.map((file) => faultOf(file, this.limits));
    const good = files.filter((_, index) => !faults[index]);
    const whole = faultOfAll(good, this.limits);
    const bad = files.length - good.length;
    const bytes = good.reduce((sum, file) => sum + file.size, 0);
    by("chosen").textContent = files.length
      ? `${counted(good.length, "image")}, ${size(bytes)}${bad ? `; ${bad} cannot be counted` : ""}`
      : "";
    by("files-fault").textContent = whole;
    by("file-list").replaceChildren(...files.map((file, index) => this.#row(file, faults[index])));
    by("chosen-row").hidden = !files.length;
    by("samples").hidden = Boolean(files.length);
    this.changed(whole ? [] : good);
  }

  #row(file, fault) {
    const out = make("button", { type: "button", class: "icon", "aria-label": `Take out ${file.name}`,
      click: () => {
        this.#set(this.files.filter((one) => one !== file));
        (by("file-list").querySelector("button") || by("files")).focus();
      } }, "×");
    return make("li", { class: fault ? "bad" : null },
      make("span", { class: "name" }, file.name),
      make("span", { class: "quiet" }, fault || size(file.size)), out);
  }
}
