// Values sorted into equal bins whose edges are round numbers.

/**
 * @param {number[]} values
 * @param {number} [aim] about so many bins.
 * @returns {number[]} edges, one more than bins; empty for no values.
 */
export function edgesOf(values, aim = 16) {
  if (!values.length) return [];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const rough = (high - low || Math.abs(high) || 1) / aim;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.floor(high / step) + 1);
  return Array.from({ length: last - first + 1 },
    (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/**
 * @param {number[]} values
 * @param {number[]} edges
 * @returns {number[]} how many lie in each; the last bin has its upper edge in it.
 */
export function countsIn(values, edges) {
  const counts = new Array(Math.max(0, edges.length - 1)).fill(0);
  for (const value of values) {
    if (value < edges[0] || value > edges[edges.length - 1]) continue;
    const at = edges.findIndex((edge) => value < edge) - 1;
    counts[at < 0 ? counts.length - 1 : at] += 1;
  }
  return counts;
}
