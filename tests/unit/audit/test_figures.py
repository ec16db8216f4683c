from __future__ import annotations

import numpy as np
import pytest

from cellwright.audit.figures import (
    BoxPair,
    MaskPair,
    box_report,
    mask_report,
    without_boxes,
    without_regions,
)
from cellwright.audit.suspects import Corners, Kind, Region, Suspect
from cellwright.inference.regions import label_regions
from cellwright.inference.segmenter import Segmented
from cellwright.metrics.counting_rule import AtThreshold
from cellwright.metrics.detection import evaluate_detection
from cellwright.types import Boxes, SemanticMask


def suspect(
    kind: Kind, label: int | None, corners: Corners, region: Region | None = None
) -> Suspect:
    proposed = corners if kind == "missing" else None
    return Suspect("image", kind, label, "cell", corners, 0.9, "", proposed=proposed, region=region)


TRUTH = Boxes(np.array([[0, 0, 20, 20], [40, 0, 60, 20]]), np.zeros(2, int))
FOUND = Boxes(
    np.array([[0, 0, 20, 20], [80, 0, 100, 20], [81, 0, 101, 20]]),
    np.zeros(3, int),
    np.array([0.9, 0.8, 0.1]),
)
RULE = AtThreshold((0.5,))


def test_with_all_labels_the_figures_are_those_of_an_evaluation() -> None:
    pair = BoxPair("a", TRUTH, FOUND)
    mine = box_report([pair], ("cell",), rule=RULE)
    theirs = evaluate_detection([TRUTH], [FOUND], ("cell",), score_threshold=RULE)
    assert mine.metrics == theirs.metrics
    assert mine.metrics["precision"].value == mine.metrics["recall"].value == 0.5


def test_a_missing_and_a_spurious_label_are_left_out_on_both_sides() -> None:
    pair = without_boxes(
        BoxPair("a", TRUTH, FOUND),
        [suspect("missing", None, (80, 0, 100, 20)), suspect("spurious", 2, (40, 0, 60, 20))],
    )
    # The weaker box on the same place goes too.
    assert len(pair.predicted) == 1
    report = box_report([pair], ("cell",), rule=RULE)
    assert report.metrics["precision"].value == report.metrics["recall"].value == 1.0


def test_a_prediction_that_a_kept_label_needs_stays() -> None:
    twins = Boxes(np.array([[0, 0, 20, 20], [0, 0, 20, 24]]), np.zeros(2, int))
    pair = without_boxes(
        BoxPair("a", twins, FOUND.select(np.array([0]))),
        [suspect("spurious", 2, (0, 0, 20, 24))],
    )
    assert (len(pair.truth), len(pair.predicted)) == (1, 1)


def segmented(*windows: tuple[slice, slice]) -> Segmented:
    mask = np.zeros((40, 40), np.uint8)
    for window in windows:
        mask[window] = 1
    return Segmented(SemanticMask(mask), label_regions(SemanticMask(mask)))


FIRST, SECOND = (slice(0, 10), slice(0, 10)), (slice(20, 30), slice(20, 30))
REGION = Region(20, 20, np.ones((10, 10), bool))


@pytest.mark.parametrize("task", ["semantic", "instances"])
def test_a_region_in_doubt_counts_neither_as_pixels_nor_as_cell(task: str) -> None:
    whole = MaskPair("a", segmented(FIRST), segmented(FIRST, SECOND))
    prefix = "" if task == "semantic" else "pixel_"
    every = mask_report([whole], ("cell",), task=task).metrics
    # By hand: 100 pixels right, 100 invented.
    assert every[f"{prefix}jaccard"].value == pytest.approx(0.5)
    assert every["matched50"].value == pytest.approx(0.5)
    left = without_regions(whole, [suspect("missing", None, (20, 20, 30, 30), REGION)], task=task)
    rest = mask_report([left], ("cell",), task=task).metrics
    assert rest[f"{prefix}jaccard"].value == rest["matched50"].value == 1.0


def test_without_suspects_nothing_changes() -> None:
    whole = MaskPair("a", segmented(FIRST), segmented(SECOND))
    assert without_regions(whole, [], task="semantic") is whole
