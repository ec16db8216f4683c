"""Figures of live-dead a recording, and how each recording was labelled.

    python benchmarks/recordings.py

The images that the model did not learn from, validation and test part together, by the prefix
of their file names, which likely stands for one recording each. The model has seen other
images of every recording: this says how unequal they are, not how it does on a new one.

Beside the figures stands how much wider and higher than a found box its label is drawn, in
the mean over labels that a counted box of the same class overlaps by at least half: whoever
labels draws closer in one recording than in the next.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellwright.bundles.bundle import open_bundle
from cellwright.data.datasets import load_dataset
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import read_split
from cellwright.inference.evaluate import predict_labelled, report_on
from cellwright.inference.predictor import Predictor
from cellwright.metrics.matching import iou_matrix
from cellwright.types import Boxes
from record import write_results

MODEL, DATA = "live-dead", "livedead_labelfree"
SPLIT = Path(__file__).parent.parent / "zoo" / "splits" / "live-dead.csv"
FIGURES = ("ap50", "ap50_95", "precision", "recall")
FEWEST = 5
"""Unseen images; recordings with fewer are pooled."""
OTHERS = "others"


def main() -> None:
    """Evaluate a recording at a time and write results/recordings.json."""
    predictor = Predictor(open_bundle(MODEL))
    whole = load_dataset(DATA)
    part_of = read_split(SPLIT)
    unseen = [record.id for record in whole if part_of[record.id] != "train"]
    content = {
        "data": f"{DATA}, validation and test part",
        "recordings": {
            name: described(predictor, whole.subset(ids))
            for name, ids in by_recording(whole.subset(unseen)).items()
        },
    }
    path = write_results("recordings", content)
    print(json.dumps(json.loads(path.read_text()), indent=2))


def by_recording(unseen: LabelledSet) -> dict[str, list[str]]:
    """Ids a recording, the largest first; small recordings together at the end."""
    of: dict[str, list[str]] = {}
    for record in unseen:
        of.setdefault(record.group, []).append(record.id)
    large = {name: ids for name, ids in of.items() if len(ids) >= FEWEST}
    found = dict(sorted(large.items(), key=lambda item: -len(item[1])))
    rest = [one for name, ids in of.items() if name not in large for one in ids]
    return found | ({OTHERS: rest} if rest else {})


def described(predictor: Predictor, images: LabelledSet) -> dict[str, object]:
    """Figures of one recording, and how closely it was labelled."""
    found = predict_labelled(predictor, images)
    report = report_on(found, predictor, thresholds=predictor.thresholds.tolist())
    counted = [predictor.count_boxes(boxes) for boxes in found.predicted]
    return {
        "n_images": len(images),
        "n_labels": sum(len(boxes) for boxes in found.truth),
        "figures": {name: report.metrics[name].to_json() for name in FIGURES},
        "label_to_box": label_to_box(found.truth, counted),
    }


def label_to_box(truth: Sequence[Boxes], counted: Sequence[Boxes]) -> float | None:
    """Geometric mean of the side of a label over that of its box; None without any pair."""
    ratios = []
    for labels, boxes in zip(truth, counted, strict=True):
        overlap = iou_matrix(labels.xyxy, boxes.xyxy)
        overlap *= labels.class_ids[:, None] == boxes.class_ids
        for row in np.flatnonzero(overlap.max(axis=1, initial=0) >= 0.5):
            box = boxes.select(np.array([overlap[row].argmax()]))
            sides = (labels.widths_px[row] * labels.heights_px[row]) ** 0.5
            ratios.append(sides / float((box.widths_px * box.heights_px)[0]) ** 0.5)
    return float(np.exp(np.mean(np.log(ratios)))) if ratios else None


if __name__ == "__main__":
    main()
