from __future__ import annotations

import numpy as np

from cellwright.audit.corrected import corrected_boxes, corrected_instances, corrected_mask
from cellwright.audit.suspects import Corners, Kind, Region, Suspect
from cellwright.types import Boxes, Instances, SemanticMask

CLASSES = ("red", "white")
BOX: Corners = (1, 2, 11, 12)


def suspect(
    kind: Kind,
    label: int | None,
    *,
    name: str = "",
    region: Region | None = None,
    proposed: Region | None = None,
    other: int | None = None,
) -> Suspect:
    return Suspect(
        *("image", kind, label, "red", (0, 0, 5, 5), 0.9, ""),
        proposed_class=name,
        proposed=BOX if name else None,
        region=region,
        proposed_region=proposed,
        other=other,
    )


def test_boxes_are_added_removed_moved_and_renamed() -> None:
    given = Boxes(np.arange(20).reshape(5, 4) * [[1, 1, 1, 1]], np.array([0, 0, 1, 0, 1]))
    changed = corrected_boxes(
        given,
        [
            suspect("missing", None, name="white"),
            suspect("spurious", 1),
            suspect("doubled", 2, other=3),
            suspect("misplaced", 3, name="white"),
            suspect("wrong class", 4, name="white"),
        ],
        CLASSES,
    )
    assert changed.xyxy.tolist() == [list(BOX), [12, 13, 14, 15], [16, 17, 18, 19], list(BOX)]
    assert changed.class_ids.tolist() == [1, 1, 1, 1]
    assert given.class_ids.tolist() == [0, 0, 1, 0, 1]


def test_boxes_of_an_empty_image_can_be_added() -> None:
    changed = corrected_boxes(Boxes.empty(), [suspect("missing", None, name="red")], CLASSES)
    assert changed.xyxy.tolist() == [list(BOX)]
    assert corrected_boxes(changed, [suspect("spurious", 1)], CLASSES).xyxy.shape == (0, 4)


def test_with_one_class_on_both_sides_names_may_differ() -> None:
    changed = corrected_boxes(Boxes.empty(), [suspect("missing", None, name="cell")], ("RBC",))
    assert changed.class_ids.tolist() == [0]


def square(y: int, x: int, edge: int = 4) -> Region:
    return Region(x, y, np.ones((edge, edge), bool))


def test_instances_are_added_removed_moved_merged_and_renamed() -> None:
    labels = np.zeros((30, 30), np.int32)
    for number, (y, x) in enumerate([(0, 0), (0, 10), (10, 0), (10, 4), (20, 0)], start=1):
        labels[y : y + 4, x : x + 4] = number
    given = Instances(labels, np.array([0, 0, 1, 0, 0]))
    changed = corrected_instances(
        given,
        [
            suspect("missing", None, name="white", proposed=square(18, 2)),
            suspect("spurious", 1, region=square(0, 0)),
            suspect("misplaced", 2, name="red", proposed=square(0, 20)),
            suspect("doubled", 4, other=3, region=square(10, 4)),
            suspect("wrong class", 5, name="white", region=square(20, 0)),
        ],
        CLASSES,
    )
    expected = np.zeros((30, 30), np.int32)
    expected[0:4, 20:24] = 1
    expected[10:14, 0:8] = 2
    expected[18:22, 2:6] = 4
    # The new cell takes no pixel of the labelled one that it overlaps.
    expected[20:24, 0:4] = 3
    np.testing.assert_array_equal(changed.labels, expected)
    assert changed.class_ids is not None
    assert changed.class_ids.tolist() == [0, 1, 1, 1]


def test_masks_are_painted_and_erased() -> None:
    mask = np.zeros((30, 30), np.uint8)
    mask[0:4, 0:4], mask[10:14, 0:4], mask[20:24, 0:4] = 1, 1, 1
    changed = corrected_mask(
        SemanticMask(mask),
        [
            suspect("missing", None, name="white", region=square(0, 20), proposed=square(0, 20)),
            suspect("spurious", 1, region=square(0, 0)),
            suspect("misplaced", 2, name="red", region=square(10, 0), proposed=square(10, 8)),
            suspect("wrong class", 3, name="white", region=square(20, 0), proposed=square(20, 0)),
        ],
        ("background", "red", "white"),
    )
    expected = np.zeros((30, 30), np.uint8)
    expected[0:4, 20:24], expected[10:14, 8:12], expected[20:24, 0:4] = 2, 1, 2
    np.testing.assert_array_equal(changed.mask, expected)
    assert mask[0, 0] == 1
