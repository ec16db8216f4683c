// Simulated pictures to try the page with.

import * as api from "../shared/api.js";
import { by, make } from "../shared/dom.js";
import { guarded } from "../shared/say.js";

/**
 * @param {(file: File, sample: any) => void} taken
 */
export async function showSamples(taken) {
  const samples = await api.json("samples");
  by("sample-list").replaceChildren(...samples.map((sample) => card(sample, taken)));
}

function card(sample, taken) {
  const picture = make("img", { alt: "", width: 96, height: 72 });
  // As a blob, because an image element sends no token.
  const loaded = api.blob(`samples/${sample.name}.png`);
  loaded.then((blob) => { picture.src = URL.createObjectURL(blob); }, () => {});
  const take = guarded(async () => {
    taken(new File([await loaded], `${sample.name}.png`, { type: "image/png" }), sample);
  });
  return make("button", { type: "button", class: "sample", click: take }, picture,
    make("span", {}, make("strong", {}, sample.title),
      make("span", { class: "quiet" }, `${sample.text} Simulated.`)));
}
