// A share of 1 as a bar with its interval.

import { drawn } from "../shared/dom.js";

const WIDTH = 120;
const HEIGHT = 14;

/**
 * @param {{share: number, low: number, high: number} | null} interval
 * @param {string} colour
 * @returns {SVGElement} for the eye only: the numbers stand beside it.
 */
export function shareBar(interval, colour) {
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "share-bar",
    "aria-hidden": "true", preserveAspectRatio: "none" });
  svg.append(drawn("rect", { x: 0, y: 2, width: WIDTH, height: HEIGHT - 4, class: "track" }));
  if (!interval) return svg;
  const { share, low, high } = interval;
  svg.append(
    drawn("rect", { x: 0, y: 2, width: share * WIDTH, height: HEIGHT - 4, fill: colour }),
    drawn("path", { class: "whisker", d: whisker(low * WIDTH, high * WIDTH) }),
  );
  return svg;
}

function whisker(low, high) {
  const middle = HEIGHT / 2;
  return `M${low} 1V${HEIGHT - 1}M${high} 1V${HEIGHT - 1}M${low} ${middle}H${high}`;
}
