"""What a COCO file holds, cells or boxes, and its polygons against the COCO API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellwright.data.formats import coco, read_labelled
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError
from cellwright.images.write import write_png
from cellwright.types import Boxes, Instances, boxes_of

HEIGHT, WIDTH = 30, 50


def polygon(*corners: tuple[float, float]) -> list[float]:
    return [float(value) for corner in corners for value in corner]


def upright(x: float, y: float, width: float, height: float) -> list[float]:
    return polygon((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def row(*polygons: Any, category: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "image_id": 1,
        "category_id": category,
        "bbox": [2, 3, 20, 10],
        "segmentation": list(polygons),
        "iscrowd": 0,
    } | changes


def runs(first: int, last: int, **changes: Any) -> dict[str, Any]:
    """Whole columns from ``first`` up to ``last``."""
    counts = [first * HEIGHT, (last - first) * HEIGHT, (WIDTH - last) * HEIGHT]
    return row(segmentation={"counts": counts, "size": [HEIGHT, WIDTH]}, **changes)


def a_set(root: Path, *rows: dict[str, Any], format: str | None = None) -> LabelledSet:
    write_png(root / "a.png", np.zeros((1, HEIGHT, WIDTH), np.uint8))
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "annotations": rows,
        "categories": [{"id": 1, "name": "live"}, {"id": 2, "name": "dead"}],
    }
    (root / coco.FILE).write_text(json.dumps(content))
    return read_labelled(root, format=format)


def cells(labelled: LabelledSet) -> Instances:
    found = labelled.records[0].load_annotation()
    assert isinstance(found, Instances)
    return found


def boxes(labelled: LabelledSet) -> Boxes:
    found = labelled.records[0].load_annotation()
    assert isinstance(found, Boxes)
    return found


TRIANGLE = polygon((2, 2), (10, 2), (2, 10))


def test_polygons_are_cells_and_the_parts_of_one_are_joined(tmp_path: Path) -> None:
    second = upright(20, 10, 4, 2)
    labelled = a_set(tmp_path, row(TRIANGLE, category=2), row(second, upright(22, 10, 4, 2)))
    found = cells(labelled)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    expected = np.zeros((HEIGHT, WIDTH), int)
    expected[(rows >= 2) & (columns >= 2) & (rows + columns + 1 < 12)] = 1
    expected[10:12, 20:26] = 2  # the overlap of its parts is no hole
    np.testing.assert_array_equal(found.labels, expected)
    assert found.class_ids is not None and found.class_ids.tolist() == [1, 0]
    assert labelled.records[0].problems == ()


def test_polygons_are_filled_as_the_coco_api_does_up_to_their_border(tmp_path: Path) -> None:
    mask_api = pytest.importorskip("faster_coco_eval.core.mask")
    rng = np.random.default_rng(3)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 40))
    reach = rng.uniform(9, 13, 40)
    star = polygon(*zip(25 + reach * np.cos(angles), 15 + reach * np.sin(angles), strict=True))
    theirs = mask_api.decode(mask_api.frPyObjects([star], HEIGHT, WIDTH))[..., 0] > 0
    ours = cells(a_set(tmp_path, row(star))).labels > 0
    inner = sum(np.roll(ours, shift, axis) for shift in (-1, 1) for axis in (0, 1)) == 4
    assert theirs[inner & ours].all()
    assert (ours != theirs).sum() < 0.15 * ours.sum()


def test_polygons_and_run_lengths_of_one_file_are_drawn_in_its_order(tmp_path: Path) -> None:
    labels = cells(a_set(tmp_path, row(TRIANGLE), runs(0, 4), row(upright(3, 0, 2, 2)))).labels
    assert labels[0, :6].tolist() == [2, 2, 2, 2, 3, 0]
    assert labels[2, :6].tolist() == [2, 2, 1, 1, 1, 1]


def test_outlines_of_cells_train_a_detector_too(tmp_path: Path) -> None:
    labelled = a_set(tmp_path, row(TRIANGLE))
    assert boxes_of(cells(labelled), where="a").xyxy.tolist() == [[2, 2, 9, 9]]
    stated = boxes(a_set(tmp_path, row(TRIANGLE), row(TRIANGLE), format="coco-boxes"))
    assert stated.xyxy.tolist() == [[2, 3, 22, 13]] * 2


def test_boxes_that_a_converter_wrote_as_polygons_stay_boxes(tmp_path: Path) -> None:
    closed = [*upright(2, 3, 20, 10), 2.0, 3.0]
    labelled = a_set(tmp_path, row(upright(2, 3, 20, 10)), row(closed))
    assert boxes(labelled).xyxy.tolist() == [[2, 3, 22, 13]] * 2
    assert labelled.records[0].problems == ()
    # One that is more than a box shows that all were drawn.
    assert len(cells(a_set(tmp_path, row(upright(2, 3, 20, 10)), row(TRIANGLE)))) == 2


def test_outlines_of_some_objects_only_are_boxes_and_that_is_said(tmp_path: Path) -> None:
    labelled = a_set(tmp_path, row(TRIANGLE), row(), row(segmentation=None))
    assert len(boxes(labelled)) == 3
    assert labelled.records[0].problems == (
        "outlines are read as boxes: 2 of 3 objects of the set have none",
    )


def test_crowds_are_left_out_unless_every_object_is_marked_as_one(tmp_path: Path) -> None:
    labelled = a_set(tmp_path, row(TRIANGLE), runs(20, 30, iscrowd=1))
    assert len(cells(labelled)) == 1
    assert labelled.records[0].problems == (coco.CROWD,)
    # CVAT marks every painted object so: no image must end up as one without cells.
    painted = a_set(tmp_path, runs(0, 4, iscrowd=1), runs(20, 30, iscrowd=1))
    assert len(cells(painted)) == 2
    assert painted.records[0].problems == (coco.ALL_CROWDS,)


@pytest.mark.parametrize(
    "polygon_",
    [
        [1, 2, 3, 4],
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5, "x"],
        7,
        [float("nan")] * 6,
        [10**400] * 6,
        [0, 0, 1e308, 0, 0, 9],
    ],
)
def test_damaged_polygons_are_refused_with_the_way_to_the_boxes(
    tmp_path: Path, polygon_: object
) -> None:
    with pytest.raises(AnnotationError, match=r"annotation 1: a polygon is not .* coco-boxes"):
        a_set(tmp_path, row(TRIANGLE), row(polygon_))
    assert len(boxes(a_set(tmp_path, row(TRIANGLE), row(polygon_), format="coco-boxes"))) == 2


@pytest.mark.parametrize("other", [row(TRIANGLE), row(upright(100, 100, 5, 5)), runs(3, 3)])
def test_objects_that_no_pixel_is_left_of_are_named(tmp_path: Path, other: dict[str, Any]) -> None:
    labelled = a_set(tmp_path, row(TRIANGLE), other)
    with pytest.raises(AnnotationError, match=r"annotation 1 has no pixel.*coco-boxes"):
        labelled.records[0].load_annotation()


def test_an_image_of_another_size_than_the_labels_say_is_refused(tmp_path: Path) -> None:
    labelled = a_set(tmp_path, row(TRIANGLE))
    write_png(tmp_path / "a.png", np.zeros((1, 12, 12), np.uint8))
    with pytest.raises(AnnotationError, match="for an image of 50 x 30 px"):
        labelled.records[0].load_annotation()
