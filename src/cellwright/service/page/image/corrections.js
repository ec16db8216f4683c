// Between the cells of the page and what the service keeps of an image.

import { areaOf, boxOf, clipped } from "./geometry.js";

/**
 * @typedef {import("./cells.js").Cell} Cell
 */

/**
 * The cells of an image as they count now: corrected where a person has.
 * @param {any} image as the service gives it.
 * @param {any | null} outlines GeoJSON of the model's cells; null for a model that draws boxes.
 * @returns {Cell[]}
 */
export function cellsOf(image, outlines) {
  const shapes = outlines ? shapesByLabel(outlines) : new Map();
  const found = image.cells.map((row, index) => cellOf(row, index, shapes));
  const { corrections } = image;
  if (!corrections) return found;
  const kept = new Map(found.map((cell) => [cell.label, cell]));
  // Those drawn around are numbered after the model's; corrected boxes are numbered anew.
  const before = outlines ? found.reduce((most, cell) => Math.max(most, cell.id), 0) : 0;
  const unit = (image.summary && image.summary.pixel_size_um) || 1;
  return corrections.map((one, index) => correctedCell(one, before + index + 1, { kept, unit }));
}

function cellOf(row, index, shapes) {
  const rings = shapes.get(String(row.label)) || null;
  const xyxy = row["bbox-0"] === undefined || row["bbox-0"] === null
    ? boxOf(rings || [[[0, 0]]])
    : [row["bbox-1"], row["bbox-0"], row["bbox-3"], row["bbox-2"]];
  // The number that the tables give it, too.
  return { id: row.label ?? index + 1, label: row.label, class: row.class, score: row.score ?? null, xyxy,
    rings, area: row.area_um2 ?? row.area ?? null };
}

function correctedCell(one, id, { kept, unit }) {
  if (one.xyxy) {
    return { id, label: null, class: one.class, score: null, xyxy: one.xyxy, rings: null,
      area: null };
  }
  if (one.polygon) {
    return { id, label: null, class: one.class, score: null, xyxy: boxOf([one.polygon]),
      rings: [one.polygon], area: areaOf(one.polygon) * unit ** 2 };
  }
  return { ...kept.get(one.label), class: one.class, score: null };
}

/** @param {any} outlines a FeatureCollection. @returns {Map<string, any>} label -> rings. */
function shapesByLabel(outlines) {
  return new Map(outlines.features.map(({ geometry, properties }) => [String(properties.name),
    (geometry.type === "MultiPolygon" ? geometry.coordinates.flat() : geometry.coordinates)
      .map(opened)]));
}

function opened(ring) {
  const [first, last] = [ring[0], ring[ring.length - 1]];
  return first[0] === last[0] && first[1] === last[1] ? ring.slice(0, -1) : ring;
}

/**
 * What to send so that ``cells`` count from now on.
 * @param {string} task
 * @param {Cell[]} cells
 * @param {{width: number, height: number}} image
 */
export function bodyOf(task, cells, { width, height }) {
  if (task === "detection") {
    const boxes = cells
      .map((cell) => ({ class: cell.class, xyxy: clipped(cell.xyxy, width, height) }))
      .filter(({ xyxy: [x0, y0, x1, y1] }) => x1 > x0 && y1 > y0);
    return { boxes };
  }
  return { cells: cells.map((cell) => (cell.label === null
    ? { class: cell.class, polygon: cell.rings[0] }
    : { label: cell.label, class: cell.class })) };
}
