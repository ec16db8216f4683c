// Where in the page one is: kept in the address, so that Back and a bookmark work.

/**
 * @typedef {{view: "start" | "jobs"} | {view: "job", id: string, position: number | null}} Route
 */

/**
 * @param {string} hash
 * @returns {Route}
 */
export function routeOf(hash) {
  if (hash === "#jobs") return { view: "jobs" };
  const job = /^#([0-9a-f]{32})(?:\/(\d{1,7}))?$/.exec(hash);
  if (job) return { view: "job", id: job[1], position: job[2] === undefined ? null : Number(job[2]) };
  return { view: "start" };
}

/** @param {string} id @param {number | null} [position] */
export function jobHash(id, position = null) {
  return position === null ? `#${id}` : `#${id}/${position}`;
}
