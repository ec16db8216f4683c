// Numbers and times as people write them.

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 * @returns {string} "1 cell", "1,234 cells".
 */
export function counted(n, one, many = `${one}s`) {
  return `${number(n)} ${n === 1 ? one : many}`;
}

/** @param {number} n */
export function number(n) {
  return n.toLocaleString("en");
}

/**
 * Three digits that count, no more.
 * @param {number} value
 */
export function short(value) {
  return value === 0 ? "0" : Number(value.toPrecision(3)).toLocaleString("en", {
    maximumSignificantDigits: 3 });
}

/** @param {number} bytes */
export function size(bytes) {
  const mib = bytes / 2 ** 20;
  return mib < 0.1 ? `${Math.max(1, Math.round(bytes / 1024))} KiB` : `${mib.toFixed(1)} MiB`;
}

/** @param {number} share of 1. */
export function percent(share) {
  const value = 100 * share;
  // What is nearly none or nearly all is not rounded to none or all.
  if (value > 0 && value < 0.1) return "<0.1 %";
  if (value >= 99 && value < 100) return `${(Math.floor(value * 10) / 10).toFixed(1)} %`;
  return `${value > 0 && value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
}

/**
 * @param {number} seconds
 * @returns {string} "about 40 s", "about 3 min".
 */
export function duration(seconds) {
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`;
  return `about ${(seconds / 3600).toFixed(1)} h`;
}

/**
 * @param {string} iso a time in UTC.
 * @returns {string}
 */
export function when(iso) {
  return new Date(iso).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
