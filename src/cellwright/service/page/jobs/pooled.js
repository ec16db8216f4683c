// All images of a job together: shares, sizes, and the counts image by image.

import * as api from "../shared/api.js";
import { by, make } from "../shared/dom.js";
import { number, percent } from "../shared/words.js";
import { histogram } from "../charts/histogram.js";
import { shareRows, shareText, viability } from "../charts/shares.js";
import { colourOf } from "../image/palette.js";

// Of the counts that were asked for, the last ones are shown.
let turn = 0;

/** @param {any} job @param {string[]} classes */
export async function showPooled(job, classes) {
  const mine = turn += 1;
  if (job.n_done < 2) by("pooled").hidden = true;
  if (job.n_done < 2) return;
  const counts = await api.json(`jobs/${job.id}/counts`);
  if (turn !== mine) return;
  by("pooled").dataset.job = job.id;
  by("pooled").hidden = false;
  const pooled = new Map(counts.classes.map(({ name, n }) => [name, n]));
  by("pooled-total").textContent = `${number(counts.n_cells)} cells in ${number(job.n_done)} images`;
  by("pooled-rows").replaceChildren(...shareRows(pooled, classes));
  const alive = viability(pooled);
  by("pooled-viability").hidden = !alive;
  if (alive) by("pooled-viability").textContent = `Viability ${shareText(alive)}`;
  by("pooled-note").hidden = classes.length < 2;
  showSizes(counts.areas, classes);
  by("by-image").replaceChildren(...counts.images.map((image) => row(image, classes)));
}

function showSizes(areas, classes) {
  by("pooled-sizes").hidden = !areas;
  if (!areas) return;
  const stacks = classes.filter((name) => areas.counts[name]).map((name) => ({ name,
    colour: colourOf(classes.indexOf(name)), counts: areas.counts[name] }));
  const axis = areas.unit === "um2" ? "Area, µm²" : "Area, px²";
  by("pooled-sizes").replaceChildren(histogram({ edges: areas.edges, stacks, axis,
    title: "Size of the cells in all images" }));
}

function row({ name, counts, n_cells: n, corrected }, classes) {
  const bar = make("span", { class: "stack", "aria-hidden": "true" });
  bar.append(...classes.map((one, index) => {
    const part = make("span", { class: `class-${index % 7}` });
    part.style.flexGrow = String(counts[one] || 0);
    return part;
  }));
  const shares = classes.length < 2 ? "" : classes
    .filter((one) => counts[one])
    .map((one) => `${one} ${number(counts[one])} (${percent(counts[one] / n)})`).join(", ");
  return make("tr", {}, make("th", { scope: "row" }, name),
    make("td", { class: "n" }, number(n)), make("td", { class: "share" }, classes.length > 1 ? bar : null),
    make("td", { class: "quiet" }, shares, corrected ? make("span", { class: "tag" }, "checked") : null));
}
