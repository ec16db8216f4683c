from __future__ import annotations

import numpy as np
import pytest

from cellwright.audit.regions import region_suspects, typical_radius, wide_parts
from cellwright.audit.suspects import Suspect
from cellwright.inference.regions import label_regions
from cellwright.inference.segmenter import Segmented
from cellwright.types import SemanticMask

CLASSES = ("dim", "bright")
SIZE = (100, 140)


def disc(y: float, x: float, radius: float = 12) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.hypot(rows - y, columns - x) <= radius


def segmented(*parts: tuple[np.ndarray, int]) -> Segmented:
    mask = np.zeros(SIZE, np.uint8)
    for where, value in parts:
        mask[where] = value
    return Segmented(SemanticMask(mask), label_regions(SemanticMask(mask)))


def suspects(truth: Segmented, found: Segmented, *, confidence: float = 0.0) -> list[Suspect]:
    probabilities = np.full((3, *SIZE), 0.05, np.float32)
    for value in range(3):
        probabilities[value][found.mask.mask == value] = 0.9
    return region_suspects("image", CLASSES, truth, found, probabilities, confidence=confidence)


A, B, C = disc(25, 25), disc(25, 75), disc(70, 40)


def test_the_typical_radius_is_that_of_the_discs_even_where_they_run_together() -> None:
    alone = typical_radius(disc(50, 30))
    together = typical_radius(disc(50, 30) | disc(50, 52))
    assert alone == pytest.approx(12, abs=1)
    assert together == pytest.approx(alone, abs=1.5)
    assert typical_radius(np.zeros(SIZE, bool)) is None


def test_a_region_without_label_is_missing() -> None:
    (one,) = suspects(segmented((A, 1)), segmented((A, 1), (B, 2)))
    assert (one.kind, one.label, one.class_name) == ("missing", None, "bright")
    assert one.score == pytest.approx(0.9)
    assert one.region is not None
    assert one.corners == (63, 13, 88, 38)
    assert one.region.pixels.sum() == B.sum()


def test_an_unlabelled_cell_that_touches_a_labelled_one_is_missing() -> None:
    touching = disc(25, 48)
    (one,) = suspects(segmented((A, 1)), segmented((A | touching, 1)))
    assert one.kind == "missing"
    assert one.region is not None
    assert one.region.pixels.sum() == (touching & ~A).sum()


def test_a_large_unlabelled_cell_at_a_small_labelled_one_is_missing_not_misplaced() -> None:
    small, large = disc(25, 12, 6), disc(25, 30, 14)
    (one,) = suspects(segmented((small, 1)), segmented((small | large, 1)))
    assert one.kind == "missing"


def test_rims_are_no_suspects() -> None:
    """A prediction that is 2 px larger all around says nothing about missing labels."""
    assert suspects(segmented((A, 1)), segmented((disc(25, 25, 14), 1))) == []
    assert suspects(segmented((disc(25, 25, 14), 1)), segmented((A, 1))) == []


def test_a_labelled_region_that_nobody_sees_is_spurious() -> None:
    (one,) = suspects(segmented((A, 1), (B, 1)), segmented((A, 1)))
    assert (one.kind, one.label, one.proposed) == ("spurious", 2, None)
    assert one.score == pytest.approx(0.9)


def test_a_region_of_another_class_is_wrong() -> None:
    (one,) = suspects(segmented((A, 1), (B, 1)), segmented((A, 1), (B, 2)))
    assert (one.kind, one.class_name, one.proposed_class) == ("wrong class", "dim", "bright")
    assert one.score == pytest.approx(0.85)


def test_a_region_beside_its_cell_is_misplaced_and_nothing_else() -> None:
    moved = disc(25, 87)
    (one,) = suspects(segmented((A, 1), (moved, 1)), segmented((A, 1), (B, 1)))
    assert (one.kind, one.label) == ("misplaced", 2)
    assert one.proposed == (63, 13, 88, 38)


def test_a_cell_cut_by_the_border_of_the_image_is_as_wide_as_it_is() -> None:
    (one,) = suspects(segmented((A, 1)), segmented((A, 1), (disc(0, 75), 1)))
    assert one.kind == "missing"


def test_a_timid_region_is_left_out_where_confidence_is_asked_for() -> None:
    truth, found = segmented((A, 1)), segmented((A, 1), (B, 1))
    assert suspects(truth, found, confidence=0.95) == []


def test_empty_images_have_no_suspects() -> None:
    assert suspects(segmented(), segmented()) == []


def test_wide_parts_share_no_pixel() -> None:
    parts = list(wide_parts(A | C | disc(40, 33, 4), 12.0))
    drawn = np.zeros(SIZE, int)
    for part in parts:
        drawn[part.window] += part.pixels
    assert len(parts) == 2
    assert drawn.max() == 1
