"""Against the COCO API as faster-coco-eval implements it, and files as others write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cellwright.data.formats import coco, read_labelled, rle
from cellwright.data.formats.layout import Known
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError
from cellwright.types import Boxes, Instances

mask_api = pytest.importorskip("faster_coco_eval.core.mask")

HEIGHT, WIDTH = 30, 50


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH), np.uint8))
    return path


def discs() -> Instances:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    for label, (y, x, r) in enumerate([(8, 8, 7), (8, 20, 6), (29, 49, 9)], start=1):
        labels[(rows - y) ** 2 + (columns - x) ** 2 < r * r] = label
    return Instances(labels, np.array([1, 0, 1]))


def document(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "images": [{"id": 7, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 10, 5.5]}],
        "categories": [{"id": 3, "name": "live"}, {"id": 5, "name": "dead"}],
    }
    return base | changes


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_masks_written_are_those_the_coco_api_reads(tmp_path: Path) -> None:
    instances = discs()
    record = Record("x", picture(tmp_path / "x.png"), Known(instances), "x")
    coco.write(LabelledSet("s", ("a", "b"), (record,)), tmp_path / "out")
    written = json.loads((tmp_path / "out/_annotations.coco.json").read_text())
    for label, row in enumerate(written["annotations"], start=1):
        runs = mask_api.frPyObjects(row["segmentation"], HEIGHT, WIDTH)
        np.testing.assert_array_equal(mask_api.decode(runs), instances.labels == label)
        assert row["area"] == mask_api.area(runs)
        np.testing.assert_array_equal(row["bbox"], mask_api.toBbox(runs))
    assert [row["category_id"] for row in written["annotations"]] == [2, 1, 2]


def test_packed_masks_of_the_coco_api_are_read(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    instances = discs()
    rows = []
    for label in (1, 2, 3):
        packed = mask_api.encode(np.asfortranarray(instances.labels == label, np.uint8))
        rows.append(
            {
                "image_id": 7,
                "category_id": 3,
                "bbox": mask_api.toBbox(packed).tolist(),
                "segmentation": {"size": packed["size"], "counts": packed["counts"].decode()},
            }
        )
    write_json(tmp_path / "_annotations.coco.json", document(annotations=rows))
    (record,) = coco.read(tmp_path)
    found = record.load_annotation()
    assert isinstance(found, Instances)
    np.testing.assert_array_equal(found.labels, instances.labels)


def drawn(masks: list[list[int]], height: int, width: int) -> np.ndarray:
    columns = np.zeros(height * width, np.int32)
    for number, lengths in enumerate(masks, start=1):
        rle.draw_runs(columns, lengths, number, where="x")
    return columns.reshape(width, height).T


def test_run_lengths_worked_out_by_hand() -> None:
    # Columns one after the other: 0 0 1, 1 1 0.
    labels = np.array([[0, 1], [0, 1], [1, 0]], np.int32)
    assert rle.encode_labels(labels) == [[2, 3, 1]]
    np.testing.assert_array_equal(drawn([[2, 3, 1]], 3, 2), labels)
    # Overlap: the first mask keeps its pixels.
    np.testing.assert_array_equal(drawn([[2, 3, 1], [0, 6]], 3, 2), [[2, 1], [2, 1], [1, 2]])


@pytest.mark.parametrize(
    "lengths", [[2, 3], [2, -3, 7], [], [10**20], [2**62, 2**62, 2**62, 2**62 + 6]]
)
def test_masks_that_do_not_fit_are_refused(lengths: list[int]) -> None:
    with pytest.raises(AnnotationError, match="pixels of an image of 6"):
        rle.draw_runs(np.zeros(6, np.int32), lengths, 1, where="x")


@pytest.mark.parametrize("text", ["\u00ff", "o", "ooooooooooooooooo0", "~"])
def test_damaged_packed_masks_are_refused(text: str) -> None:
    with pytest.raises(AnnotationError):
        rle.unpack(text, where="x")


def test_roboflow_layout_drops_the_parent_category_and_crowds(tmp_path: Path) -> None:
    categories = [
        {"id": 0, "name": "cells", "supercategory": "none"},
        {"id": 1, "name": "live", "supercategory": "cells"},
        {"id": 2, "name": "dead", "supercategory": "cells"},
    ]
    rows = [
        {"image_id": 7, "category_id": 2, "bbox": [1, 2, 10, 5.5], "segmentation": []},
        {"image_id": 7, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        {
            "image_id": 7,
            "category_id": 1,
            "bbox": [0, 0, 9, 9],
            "segmentation": [[0, 0, 9, 0, 9, 9]],
        },
    ]
    picture(tmp_path / "valid/a.png")
    picture(tmp_path / "valid/unlisted.png")
    write_json(
        tmp_path / "valid/_annotations.coco.json", document(categories=categories, annotations=rows)
    )
    labelled = coco.read(tmp_path)
    first, unlisted = labelled
    assert labelled.classes == ("live", "dead")
    assert (first.split, unlisted.split) == ("val", "val")
    boxes = first.load_annotation()
    assert isinstance(boxes, Boxes)
    assert boxes.xyxy.tolist() == [[1, 2, 11, 7.5], [0, 0, 9, 9]]
    assert boxes.class_ids.tolist() == [1, 0]
    assert first.problems == (
        coco.CROWD,
        "outlines are read as boxes: 1 of 2 objects of the set have none",
    )
    assert unlisted.load_annotation() is None


def test_original_layout(tmp_path: Path) -> None:
    picture(tmp_path / "train2017/a.png")
    write_json(tmp_path / "annotations/instances_train2017.json", document())
    (record,) = coco.read(tmp_path)
    assert (record.id, record.split) == ("a", "train")


def test_one_json_given_itself(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    write_json(tmp_path / "labels.json", document())
    assert coco.recognises(tmp_path / "labels.json")
    (record,) = coco.read(tmp_path / "labels.json")
    assert record.split is None


ROW = {"image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the label file is empty; export it again"),
        ("{", "Invalid JSON"),
        ("[" * 100_000, "Invalid JSON"),
        ("[]", "the file: "),
        ({"images": []}, "annotations: Field required"),
        (document(annotations=[ROW | {"bbox": [1, 2, 3]}]), r"annotations\.0\.bbox"),
        (
            document(annotations=[ROW | {"category_id": 4}]),
            r"annotation 0 names category 4, which is not in the list \(3 live, 5 dead\)",
        ),
        (document(annotations=[ROW | {"image_id": 8}]), "names image 8, which is not listed"),
        (
            document(annotations=[ROW | {"bbox": [60, 0, 9, 9]}]),
            "annotation 0: .* outside the image",
        ),
        (document(annotations=[ROW | {"bbox": [float("nan"), 0, 9, 9]}]), "four finite numbers"),
        (document(annotations=[ROW | {"bbox": [9, 9, -4, 4]}]), "sides swapped"),
        (document(images=[{"id": 7, "file_name": "../a.png"}]), "leads out of the data set"),
        (
            document(images=[{"id": 7, "file_name": "a.png", "width": 9, "height": 9}]),
            "labels are for an image of 9 x 9 px",
        ),
        (document(images=[{"id": 7, "file_name": "x" * 5000}]), "is longer than any file's"),
        (document(categories=[{"id": 3, "name": " "}]), "class 0 has no name"),
        (document(images=[{"id": 7, "file_name": "a.png"}] * 2), "two images share an id"),
        (document(categories=[{"id": 3, "name": "a"}, {"id": 4, "name": "a"}]), "named twice"),
        (document(categories=[{"id": 3, "name": "a"}, {"id": 3, "name": "b"}]), "share an id"),
    ],
)
def test_wrong_files(tmp_path: Path, content: Any, message: str) -> None:
    picture(tmp_path / "a.png")
    write_json(tmp_path / "_annotations.coco.json", content)
    with pytest.raises(AnnotationError, match=message):
        read_labelled(tmp_path, format="coco")


def test_missing_images_and_differing_categories(tmp_path: Path) -> None:
    write_json(tmp_path / "train/_annotations.coco.json", document())
    with pytest.raises(DatasetError, match=r"the image 'a\.png' is not there"):
        coco.read(tmp_path)
    picture(tmp_path / "train/a.png")
    write_json(
        tmp_path / "valid/_annotations.coco.json",
        document(images=[], annotations=[], categories=[{"id": 3, "name": "dead"}]),
    )
    with pytest.raises(DatasetError, match="different categories"):
        coco.read(tmp_path)


def test_masks_of_another_size_are_refused_when_loaded(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    row = ROW | {"segmentation": {"counts": [0, 6], "size": [3, 2]}}
    write_json(tmp_path / "_annotations.coco.json", document(annotations=[row]))
    (record,) = coco.read(tmp_path)
    with pytest.raises(AnnotationError, match=r"a mask of 2 x 3 px lies on a\.png of 50 x 30"):
        record.load_annotation()


def test_images_that_no_json_lists_are_unlabelled_wherever_they_lie(tmp_path: Path) -> None:
    for name in ("train2017/a.png", "train2017/b.png", "test2017/c.png", "valid/d.png"):
        picture(tmp_path / name)
    picture(tmp_path / "images/plate2/e.png")
    write_json(tmp_path / "annotations/instances_train2017.json", document())
    labelled = coco.read(tmp_path)
    assert [(record.id, record.split) for record in labelled] == [
        ("a", "train"),
        ("b", "train"),
        ("c", "test"),
        ("d", "val"),
        ("e", None),
    ]
    assert [record.load_annotation() is None for record in labelled] == [False] + [True] * 4


def test_a_name_that_begins_as_a_part_says_no_part(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    write_json(tmp_path / "annotations/cells_validated.json", document())
    (record,) = coco.read(tmp_path)
    assert record.split is None
