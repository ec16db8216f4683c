// How many cells of each class, with their share and its interval.

import { make } from "../shared/dom.js";
import { number, percent } from "../shared/words.js";
import { colourOf } from "../image/palette.js";
import { shareBar } from "./share_bar.js";
import { wilson } from "./wilson.js";

/**
 * Rows of a table: class, count, share with interval.
 * @param {Map<string, number>} counts
 * @param {string[]} classes in the model's order.
 * @returns {HTMLTableRowElement[]}
 */
export function shareRows(counts, classes) {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return classes.map((name, index) => {
    const interval = wilson(counts.get(name) || 0, all);
    const swatch = make("span", { class: `swatch class-${index % 7}`, "aria-hidden": "true" });
    const share = classes.length < 2 ? null : make("td", { class: "share quiet" },
      make("span", {}, shareText(interval)), shareBar(interval, colourOf(index)));
    return make("tr", {}, make("th", { scope: "row" }, swatch, name),
      make("td", { class: "n" }, number(counts.get(name) || 0)), share);
  });
}

/** @param {{share: number, low: number, high: number} | null} interval */
export function shareText(interval) {
  if (!interval) return "";
  const { share, low, high } = interval;
  return `${percent(share)} (${bare(low)} to ${bare(high)})`;
}

/**
 * The figure that a live/dead stain is done for; null where the classes are others.
 * @param {Map<string, number>} counts
 */
export function viability(counts) {
  if (!counts.has("live") || !counts.has("dead")) return null;
  return wilson(counts.get("live"), counts.get("live") + counts.get("dead"));
}

function bare(share) {
  return percent(share).replace(" %", "");
}
