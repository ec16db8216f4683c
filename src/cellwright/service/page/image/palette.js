// Colours of Okabe and Ito, which stay apart for colour-blind readers, as the overlays have them;
// and a dash a class, for those who see none.

const COLOURS = ["#56b4e9", "#d55e00", "#f0e442", "#009e73", "#cc79a7", "#e69f00", "#0072b2"];
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 2], [12, 4], [1, 2]];

/** @param {number} index of the class. */
export function colourOf(index) {
  return COLOURS[Math.max(0, index) % COLOURS.length];
}

/** @param {number} index of the class. @returns {number[]} screen pixels on and off. */
export function dashOf(index) {
  return DASHES[Math.max(0, index) % DASHES.length];
}
