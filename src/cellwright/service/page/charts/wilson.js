// Interval of a share of counted things, as everywhere else in Cellwright.

const Z = 1.959963984540054;

/**
 * Wilson's 95 % interval (Wilson, J. Am. Stat. Assoc. 22, 209, 1927).
 * @param {number} k of n.
 * @param {number} n
 * @returns {{share: number, low: number, high: number} | null} null where nothing was counted.
 */
export function wilson(k, n) {
  if (!n) return null;
  const share = k / n;
  const centre = (share + Z ** 2 / (2 * n)) / (1 + Z ** 2 / n);
  const half = (Z / (1 + Z ** 2 / n)) * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2));
  return { share, low: k === 0 ? 0 : Math.max(0, centre - half),
    high: k === n ? 1 : Math.min(1, centre + half) };
}
