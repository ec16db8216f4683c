"""How far missing labels bound the figures of blood-cells.

    python benchmarks/label_ceiling.py

Many red cells of BCCD carry no box. On the test part, boxes that the bundle counts and that
touch no label of any class (IoU below 0.1) are candidates for such cells. If U of them are
real beside L labelled cells, and a perfect detector cannot know which cells were labelled,
then at any recall a share L / (L + U) of what it finds is labelled: that is the ceiling of
its precision and of its AP at every overlap. The ceiling is given for all such boxes (the
pessimist's) and for those the model is surest of (score above 0.7).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cellwright.bundles.bundle import open_bundle
from cellwright.data.datasets import load_dataset
from cellwright.data.splits import part, read_split
from cellwright.inference.evaluate import predict_labelled
from cellwright.inference.predictor import Predictor
from cellwright.metrics.matching import iou_matrix
from record import write_results

MODEL, DATA = "blood-cells", "bccd_blood_cells"
SPLIT = Path(__file__).parent.parent / "zoo" / "splits" / "blood-cells.csv"
TOUCHES = 0.1
SURE = 0.7


def main() -> None:
    """Count and write results/label_ceiling.json."""
    predictor = Predictor(open_bundle(MODEL))
    test = part(load_dataset(DATA), read_split(SPLIT), "test")
    found = predict_labelled(predictor, test)
    red = predictor.classes.index("RBC")
    labelled, candidates, sure = 0, 0, 0
    for truth, predicted in zip(found.truth, found.predicted, strict=True):
        counted = predictor.count_boxes(predicted)
        cells = counted.select(counted.class_ids == red)
        apart = np.ones(len(cells), bool)
        if len(truth):
            apart = iou_matrix(cells.xyxy, truth.xyxy).max(axis=1, initial=0) < TOUCHES
        labelled += int((truth.class_ids == red).sum())
        candidates += int(apart.sum())
        sure += int((apart & (cells.scores > SURE)).sum())
    content = {
        "data": DATA,
        "n_images": len(test),
        "labelled_red_cells": labelled,
        "counted_boxes_that_touch_no_label": candidates,
        "of_these_with_score_above_0.7": sure,
        "ceiling_if_all_are_cells": labelled / (labelled + candidates),
        "ceiling_if_the_sure_ones_are": labelled / (labelled + sure),
    }
    path = write_results("label_ceiling", content)
    print(json.dumps(json.loads(path.read_text()), indent=2))


if __name__ == "__main__":
    main()
