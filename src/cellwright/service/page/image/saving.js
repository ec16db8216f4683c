// Corrections on their way to the service: in the order they were given, and none taken for saved
// that did not arrive.

import * as api from "../shared/api.js";
import { bodyOf } from "./corrections.js";

/** @type {Map<string, Promise<void>>} place -> when all that was asked to change there is done. */
const underWay = new Map();

/** What was asked to change at an image, done or failed. @param {string} place */
export function settled(place) {
  return underWay.get(place) || Promise.resolve();
}

function inTurn(place, change) {
  const done = settled(place).then(change);
  const over = done.then(() => {}, () => {});
  underWay.set(place, over);
  return done;
}

/**
 * Only what the cells are when they leave counts as saved: what a person changes meanwhile does not.
 * @param {string} place path of the image below the API's root.
 * @param {{image: any, cells: import("./cells.js").Cells, task: string}} shown
 * @returns {Promise<number | null>} how many cells were saved; null where all was saved before.
 */
export function save(place, { image, cells, task }) {
  return inTurn(place, async () => {
    if (!cells.dirty && image.corrections) return null;
    const { state } = cells;
    const body = bodyOf(task, cells.shown, image);
    const n = cells.shown.length;
    const { value, etag } = await sent(place, image, body);
    Object.assign(image, { corrections: value.corrections, etag });
    cells.markSaved(state);
    return n;
  });
}

/**
 * Back to the model's cells.
 * @param {string} place
 * @param {any} image
 */
export function takeBack(place, image) {
  return inTurn(place, async () => {
    const { etag } = await sent(place, image, null);
    Object.assign(image, { corrections: null, etag });
  });
}

async function sent(place, image, body) {
  try {
    return await api.put(`${place}/corrections`, body, image.etag);
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error;
    if (error.status !== 412) throw refusal(error, image, body);
    return ownOf(place, image, body);
  }
}

// The answer to an earlier try may have been lost on its way, and then nobody else was there.
async function ownOf(place, image, body) {
  const now = await api.tagged(place);
  if (plain(now.value.corrections) === plain(body && (body.boxes || body.cells))) return now;
  throw refusal({ status: 412, what: "somebody else has corrected this image meanwhile",
    remedy: "reload the page to see that; what is not saved here is then lost" }, image, body);
}

function refusal({ status, what, remedy }, image, body) {
  const failed = `the corrections of ${image.name} are ${body ? "not saved" : "still there"}: ${what}`;
  // Where the body is too long, the service or a proxy before it speaks of uploads.
  const help = status === 413 ? "draw fewer or simpler cells, or leave weak ones out with the slider"
    : remedy;
  return new api.Refused(status, failed, help);
}

function plain(corrections) {
  return JSON.stringify(corrections, ["label", "class", "xyxy", "polygon"]);
}
