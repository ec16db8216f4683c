// Counts in bins as columns, stacked by class.

import { drawn } from "../shared/dom.js";
import { number, short } from "../shared/words.js";

const [WIDTH, HEIGHT] = [320, 150];
const [LEFT, RIGHT, TOP, BOTTOM] = [34, 18, 8, 34];

/**
 * @param {{edges: number[], stacks: {name: string, colour: string, counts: number[]}[],
 *   axis: string, title: string}} chart
 * @returns {SVGElement}
 */
export function histogram({ edges, stacks, axis, title }) {
  const bins = edges.length - 1;
  const totals = Array.from({ length: bins }, (_, bin) =>
    stacks.reduce((sum, { counts }) => sum + counts[bin], 0));
  const most = Math.max(1, ...totals);
  const x = (bin) => LEFT + ((WIDTH - LEFT - RIGHT) * bin) / bins;
  const y = (count) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * count) / most;
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "histogram", role: "img",
    "aria-label": `${title}: ${described(edges, totals)}` });
  svg.append(...ruler(most, y), ...columns(stacks, x, y),
    ...scale(edges, x), text(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 4, axis, "middle"));
  return svg;
}

function columns(stacks, x, y) {
  const below = [];
  return stacks.flatMap(({ name, colour, counts }) => counts.map((count, bin) => {
    const from = below[bin] || 0;
    below[bin] = from + count;
    if (!count) return drawn("g");
    return drawn("rect", { x: x(bin) + 0.5, y: y(from + count), fill: colour,
      width: Math.max(0.5, x(bin + 1) - x(bin) - 1), height: y(from) - y(from + count) },
    drawn("title", {}, `${name}: ${number(count)}`));
  }));
}

function ruler(most, y) {
  const ticks = most < 2 ? [0, most] : [0, Math.round(most / 2), most];
  return ticks.flatMap((tick) => [
    drawn("path", { class: "rule", d: `M${LEFT} ${y(tick)}H${WIDTH - RIGHT}` }),
    text(LEFT - 5, y(tick) + 4, number(tick), "end"),
  ]);
}

function scale(edges, x) {
  const every = Math.ceil((edges.length - 1) / 4);
  return edges.map((edge, index) => (index % every ? drawn("g")
    : text(x(index), HEIGHT - BOTTOM + 13, short(edge), "middle")));
}

function text(x, y, words, anchor) {
  return drawn("text", { x, y, "text-anchor": anchor }, words);
}

function described(edges, totals) {
  const most = Math.max(...totals);
  const at = totals.indexOf(most);
  return `${number(totals.reduce((a, b) => a + b, 0))} cells between ${short(edges[0])} and `
    + `${short(edges[edges.length - 1])}, most of them, ${number(most)}, between `
    + `${short(edges[at])} and ${short(edges[at + 1])}`;
}
