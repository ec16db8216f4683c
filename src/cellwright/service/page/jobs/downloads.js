// Tables, outlines and labels of a job as files.

import * as api from "../shared/api.js";
import { by, make } from "../shared/dom.js";
import { guarded, say } from "../shared/say.js";

const REPORTS = [
  { file: "report.html", name: "Report: figures, pictures, numbers", kind: "HTML" },
  { file: "overlays.zip", name: "Images with their cells drawn", kind: "PNG" },
];
const TABLES = [
  { file: "counts.csv", name: "Counts, as checked", kind: "CSV" },
  { file: "counts.parquet", name: "Counts, as checked", kind: "Parquet" },
  { file: "summary.csv", name: "Counts, as the model found them", kind: "CSV" },
  { file: "summary.parquet", name: "Counts, as the model found them", kind: "Parquet" },
  { file: "cells.csv", name: "Cells, as the model found them", kind: "CSV" },
  { file: "cells.parquet", name: "Cells, as the model found them", kind: "Parquet" },
  { file: "corrected.csv", name: "Corrected cells", kind: "CSV" },
  { file: "results", name: "Everything, for programs", kind: "JSON" },
];
const OUTLINES = [
  { file: "outlines.zip?format=geojson", name: "Outlines for QuPath", kind: "GeoJSON" },
  { file: "outlines.zip?format=imagej", name: "Outlines for ImageJ and Fiji", kind: "ROI" },
];
const LABELS = {
  yolo: "YOLO", coco: "COCO", csv: "CSV", voc: "Pascal VOC", masks: "Masks",
  instances: "Label images", folders: "Folders",
};

/** @param {any} job */
export function showDownloads(job) {
  by("downloads").hidden = !job.n_done;
  const formats = job.label_formats || [];
  // While a job goes on this is called all the time, and a button made anew loses the focus.
  const made = [job.id, ...formats].join(" ");
  if (by("downloads").dataset.made !== made) showButtons(job, formats);
  by("downloads").dataset.made = made;
  const corrected = job.images.filter((image) => image.corrected).length;
  by("labels-text").textContent = corrected
    ? `${corrected} of ${job.n_done} images are checked; these go into the labels.`
    : "Check an image and save it: only what a person has checked is a label to train on.";
  for (const one of by("labels").children) one.disabled = !corrected;
  by("labels-box").hidden = !formats.length;
}

function showButtons(job, formats) {
  by("reports").replaceChildren(...REPORTS.map((one) => button(job, one)));
  by("tables").replaceChildren(...TABLES.map((one) => button(job, one)));
  by("outlines").replaceChildren(...OUTLINES.map((one) => button(job, one)));
  by("labels").replaceChildren(...formats.map((format) => button(job, {
    file: `labels.zip?format=${format}`, name: "Corrected labels", kind: LABELS[format] || format })));
}

function button(job, { file, name, kind }) {
  return make("button", { type: "button", class: "download", click: () => download(job, file) },
    make("span", {}, name), make("span", { class: "tag" }, kind));
}

const download = guarded(async (job, file) => {
  say("The file is being made.");
  const answer = await api.ask(`jobs/${job.id}/${file}`);
  const name = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") || "");
  const link = make("a", { href: URL.createObjectURL(await answer.blob()),
    download: name ? name[1] : file.split("?")[0] });
  link.click();
  say(`${link.download} is downloaded.`);
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});
