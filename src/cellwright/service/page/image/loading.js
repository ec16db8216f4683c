// An image with all that is needed to show it.

import * as api from "../shared/api.js";
import { openPicture } from "./picture.js";
import { settled } from "./saving.js";

/**
 * @param {string} place path of the image below the API's root.
 * @param {string} task of the model.
 * @param {() => void} arrived called when there is more of the picture to draw.
 * @returns {Promise<{image: any, picture: any, outlines: any}>} the image with its tag.
 */
export async function load(place, task, arrived) {
  // Corrections that are still on their way are asked for, too.
  await settled(place);
  const { value, etag } = await api.tagged(place);
  const [picture, outlines] = await Promise.all([
    openPicture(place, value, arrived),
    task === "detection" ? null : api.json(`${place}/cells.geojson`),
  ]);
  return { image: { ...value, etag }, picture, outlines };
}
