// For a model that classes: how probable each class is, and where the evidence for one lies.

import * as api from "../shared/api.js";
import { by, make } from "../shared/dom.js";
import { guarded, say, sentence } from "../shared/say.js";
import { percent } from "../shared/words.js";
import { shareBar } from "../charts/share_bar.js";
import { colourOf } from "./palette.js";

// Of those who ask for evidence, the last one is answered, and only while its cell is shown.
let turn = 0;

/**
 * @param {Record<string, any> | null} row of the chosen cell; null takes the card away.
 * @param {string[]} classes
 * @param {string} place path of the image below the API's root.
 */
export function showWhy(row, classes, place) {
  by("why").hidden = !row;
  if (!row || by("why").dataset.cell === `${place} ${row.label}`) return;
  by("why").dataset.cell = `${place} ${row.label}`;
  turn += 1;
  by("why-picture").hidden = true;
  by("why-unlike").hidden = !row.unlike;
  by("why-notes").textContent = sentence(row.notes || "");
  by("why-rows").replaceChildren(...classes.map((name, index) => {
    const share = row[`p_${name}`];
    return make("tr", {}, make("th", { scope: "row" }, name),
      make("td", { class: "share quiet" }, make("span", {}, percent(share)),
        shareBar({ share, low: share, high: share }, colourOf(index))),
      make("td", {}, make("button", { type: "button", "aria-label": `Evidence for ${name}`,
        click: () => look(row, name, place) }, "Evidence")));
  }));
}

const look = guarded(async (row, name, place) => {
  const mine = turn += 1;
  const query = new URLSearchParams({ class: name, label: String(row.label) });
  const picture = await api.blob(`${place}/explanation.png?${query}`);
  if (turn !== mine) return;
  URL.revokeObjectURL(by("why-image").src);
  by("why-image").src = URL.createObjectURL(picture);
  by("why-image").alt = `The cell with the evidence for ${name} in colour`;
  by("why-text").textContent = `Where the evidence for ${name} lies (Grad-CAM). It says what the `
    + "network looked at, not whether that is right.";
  by("why-picture").hidden = false;
  say(`The evidence for ${name} is shown.`);
});
