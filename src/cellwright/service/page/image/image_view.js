// One image: look at it, correct its cells, save them.

import { confirmed, typing } from "../shared/dialogs.js";
import { by } from "../shared/dom.js";
import { guarded, say } from "../shared/say.js";
import { counted } from "../shared/words.js";
import { Board } from "./board.js";
import { CellTable } from "./cell_table.js";
import { Cells } from "./cells.js";
import { cellsOf } from "./corrections.js";
import { Editor } from "./editor.js";
import { Gestures } from "./gestures.js";
import { onKey } from "./keys.js";
import { showClassLayers, startLayers } from "./layers.js";
import { load } from "./loading.js";
import { countsInWords, showPanel } from "./panel.js";
import { save, takeBack } from "./saving.js";
import { showWhy } from "./why.js";

const COUNT_SAID_AFTER_MS = 600;

export class ImageView {
  /** @param {{saved: () => Promise<void>, another: (by: 1 | -1) => void}} asks */
  constructor({ saved, another }) {
    this.saved = saved;
    this.another = another;
    this.image = null;
    this.cells = null;
    // Of the images that were asked for, the last one is opened.
    this.turn = 0;
    this.board = new Board(by("board"), by("picture"), by("drawing"));
    this.editor = new Editor(this.board, () => by("class").value);
    this.table = new CellTable((id) => this.#choose(id, true), (event) => this.#key(event));
    this.gestures = new Gestures(by("board"), this.board, {
      choose: (id) => this.#choose(id, false),
      resize: (corner, point) => this.editor.resize(corner, point),
      resized: () => this.editor.resized(),
      unresized: () => this.editor.unresized(),
      drawn: (points) => this.editor.draw(points),
      mode: () => this.editor.mode(),
    });
    startLayers(this.board);
    this.#listen();
  }

  /** Whether the page may go elsewhere; asks where corrections would be lost. */
  async mayLeave() {
    if (!this.cells || !this.cells.dirty) return true;
    const yes = await confirmed({ title: "Leave without saving?", yes: "Leave",
      text: `The corrections of ${this.image.name} are not saved.`, no: "Stay here" });
    // The image may be come back to, and is then as it was saved.
    if (yes && this.cells) this.#start();
    return yes;
  }

  close() {
    this.turn += 1;
    this.cells = null;
    this.gestures.breakOff();
    by("board").removeAttribute("aria-busy");
    by("look").hidden = true;
  }

  /**
   * @param {string} jobId
   * @param {number} position
   * @param {{task: string, classes: string[]}} model
   * @returns {Promise<boolean>} false where another image was asked for meanwhile.
   */
  async open(jobId, position, model) {
    const turn = this.turn += 1;
    const place = `jobs/${jobId}/images/${position}`;
    by("board").setAttribute("aria-busy", "true");
    if (this.cells) this.cells.frozen = true;
    try {
      const loaded = await load(place, model.task, () => this.board.draw());
      if (turn === this.turn) this.#show({ place, model, ...loaded });
      else loaded.picture.close();
    } catch (error) {
      if (turn !== this.turn) return false;
      if (this.cells) this.cells.frozen = false;
      throw error;
    } finally {
      if (turn === this.turn) by("board").removeAttribute("aria-busy");
    }
    return turn === this.turn;
  }

  #show({ place, model, image, picture, outlines }) {
    Object.assign(this, { image, place, model, outlines });
    by("look").hidden = false;
    by("board").style.aspectRatio = String(image.width / image.height);
    this.gestures.breakOff();
    this.board.open(picture, image.width, image.height);
    this.#showClasses();
    this.#start();
  }

  #start() {
    const { image, model } = this;
    const cells = new Cells(cellsOf(image, this.outlines), () => {
      if (this.cells === cells) this.#paint();
    });
    this.cells = cells;
    const um = image.summary && image.summary.pixel_size_um;
    this.unit = um ? "µm" : "px";
    this.editor.open(this.cells, { task: model.task, classes: model.classes, width: image.width,
      height: image.height, unitPx: um || 1 });
    this.#setAdding(false);
    const scores = this.cells.all.map((cell) => cell.score).filter((score) => score !== null);
    const least = scores.reduce((a, b) => Math.min(a, b), 1);
    by("score-box").hidden = scores.length < 2;
    by("score").min = scores.length ? Math.floor(least * 100) / 100 : 0;
    by("score").value = by("score").min;
    this.cells.lowest = Number(by("score").value);
    this.cells.savedLowest = this.cells.lowest;
    if (!this.editor.canDraw && this.cells.all.length === 1) this.cells.chosen = this.cells.all[0].id;
    by("image-name").textContent = image.name;
    by("image-facts").textContent = `${image.width} × ${image.height} px${um ? `, ${um} µm a pixel` : ""}`;
    this.#paint();
  }

  #showClasses() {
    const { classes } = this.model;
    by("class").replaceChildren(...classes.map((name) => new Option(name, name)));
    by("class-box").hidden = classes.length < 2;
    by("add").hidden = this.model.task === "classification";
    showClassLayers(this.board, classes);
  }

  #paint() {
    const { cells, model, image } = this;
    const { shown, chosenCell } = cells;
    by("score-value").textContent = cells.lowest.toFixed(2);
    this.board.setCells({ shown, chosen: chosenCell, classes: model.classes,
      resizable: this.editor.boxes });
    this.table.show(shown, cells.chosen, this.unit);
    const touched = cells.dirty || Boolean(image.corrections);
    showPanel({ cells, classes: model.classes, unit: this.unit, task: model.task,
      summary: image.summary || {}, touched });
    showWhy(this.#rowToExplain(chosenCell), model.classes, this.place);
    if (chosenCell) by("class").value = chosenCell.class;
    by("chosen-cell").textContent = chosenCell ? this.editor.describe() : "";
    by("undo").disabled = !cells.past.length;
    by("redo").disabled = !cells.future.length;
    by("delete").disabled = !chosenCell;
    // An image where nothing is wrong makes a label, too, once a person has said so.
    by("save").textContent = cells.dirty || image.corrections ? "Save corrections" : "All is right";
    by("save").disabled = !cells.dirty && Boolean(image.corrections);
    by("revert").hidden = !image.corrections;
    by("save-state").textContent = cells.dirty ? "Not saved"
      : image.corrections ? "Saved as checked" : "As the model found them";
  }

  #rowToExplain(cell) {
    if (this.model.task !== "classification" || !cell) return null;
    return this.image.cells.find((row) => row.label === cell.label) || null;
  }

  #choose(id, show) {
    this.cells.choose(id);
    if (show) this.#showChosen();
    say(this.editor.describe());
  }

  #showChosen() {
    if (!this.cells.chosenCell) return;
    this.board.view.show(this.cells.chosenCell.xyxy);
    this.board.draw();
  }

  #setAdding(adding) {
    this.editor.adding = adding;
    by("board").classList.toggle("adding", adding);
    by("add").setAttribute("aria-pressed", String(adding));
    by("board-hint").hidden = !adding;
    by("board-hint").textContent = this.editor.boxes ? "Drag a box around the cell"
      : "Draw around the cell";
  }

  #zoom(factor) {
    this.board.view.zoom(factor);
    this.board.draw();
  }

  #fit() {
    this.board.view.fit();
    this.board.draw();
  }

  #arrow(dx, dy) {
    if (!this.cells.chosenCell) {
      this.board.view.pan(dx * 60, dy * 60);
      this.board.draw();
    } else if (this.cells.stepTowards(dx, dy)) {
      this.#showChosen();
      say(this.editor.describe());
    }
  }

  #step(by_) {
    if (this.cells.step(by_)) this.#showChosen();
    say(this.editor.describe());
  }

  #leave() {
    if (this.editor.adding) this.#setAdding(false);
    else this.#choose(null, false);
  }

  #travel(way) {
    const done = way === "undo" ? this.cells.undo() : this.cells.redo();
    const words = { undo: ["Undone", "nothing to undo"], redo: ["Done again", "nothing to redo"] }[way];
    say(done ? `${words[0]}: ${countsInWords(this.cells, this.model.classes)}.` : `There is ${words[1]}.`);
  }

  #key(event) {
    if (!this.cells) return;
    onKey(event, {
      arrow: (dx, dy) => this.#arrow(dx, dy),
      nudge: (dx, dy) => this.editor.nudge(dx, dy),
      grow: (dx, dy) => this.editor.grow(dx, dy),
      step: (by_) => this.#step(by_),
      image: (by_) => this.another(by_),
      zoom: (factor) => this.#zoom(factor),
      fit: () => this.#fit(),
      remove: () => this.editor.remove(),
      add: () => this.editor.addInTheMiddle(),
      leave: () => this.#leave(),
      relabel: (at) => this.editor.relabel(this.model.classes[at]),
      undo: () => this.#travel("undo"),
      redo: () => this.#travel("redo"),
      save: () => this.#save(),
    });
  }

  #save = guarded(async () => {
    const { image, cells, place, model } = this;
    const n = await save(place, { image, cells, task: model.task });
    if (n === null) return;
    // Left without saving, and not touched since.
    if (this.image === image && this.cells !== cells && !this.cells.dirty) this.#start();
    say(`Saved ${counted(n, "cell")}.`);
    await this.saved();
  });

  #revert = guarded(async () => {
    const { image, place } = this;
    const yes = await confirmed({ title: "Back to the model's cells?", yes: "Throw them away",
      text: `The corrections of ${image.name} are thrown away.`, no: "Keep them" });
    if (!yes) return;
    const { all } = this.cells;
    await takeBack(place, image);
    if (this.image === image) this.#takenBack(all);
    say("The model's cells are back.");
    await this.saved();
  });

  #takenBack(before) {
    // What was changed meanwhile stays, and differs from all that is saved.
    if (this.cells.dirty && this.cells.all !== before) this.cells.markSaved({ all: null, lowest: 0 });
    else this.#start();
  }

  #listen() {
    const on = (id, deed) => by(id).addEventListener("click", deed);
    on("add", () => this.#setAdding(!this.editor.adding));
    on("delete", () => this.editor.remove());
    on("undo", () => this.#travel("undo"));
    on("redo", () => this.#travel("redo"));
    on("zoom-in", () => this.#zoom(1.5));
    on("zoom-out", () => this.#zoom(1 / 1.5));
    on("fit", () => this.#fit());
    on("save", () => this.#save());
    on("revert", () => this.#revert());
    by("class").addEventListener("change", () => this.editor.relabel(by("class").value));
    by("score").addEventListener("input", () => {
      const { cells, model } = this;
      cells.setLowest(Number(by("score").value));
      clearTimeout(this.countSaid);
      this.countSaid = setTimeout(() => {
        if (this.cells === cells) say(countsInWords(cells, model.classes));
      }, COUNT_SAID_AFTER_MS);
    });
    by("board").addEventListener("keydown", (event) => this.#key(event));
    // Undo and save work wherever the focus is, but in a field.
    document.addEventListener("keydown", (event) => {
      const inside = by("board").contains(event.target) || by("cell-rows").contains(event.target);
      const wanted = (event.ctrlKey || event.metaKey) && /^[zys]$/i.test(event.key);
      const seen = !by("job").hidden && !by("look").hidden && !document.querySelector("dialog[open]");
      if (wanted && !inside && seen && !typing(event.target)) this.#key(event);
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.cells && this.cells.dirty) event.preventDefault();
    });
  }
}
