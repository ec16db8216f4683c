from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cellwright.data.formats import read_labelled
from cellwright.data.inspection import KINDS, inspect
from cellwright.data.inspection.result import Spread
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError
from cellwright.types import Annotation, Boxes, Category, Instances, SemanticMask

from .conftest import MakeSet, field


def clean_set(make_set: MakeSet) -> LabelledSet:
    """Four fields; boxes of known size; one pixel is half a micrometre in two of them."""
    boxes = {
        "a": Boxes([[0, 0, 10, 20], [20, 20, 32, 44]], [0, 1]),
        "b": Boxes([[5, 5, 19, 15]], [0]),
        "c": Boxes.empty(),
        "d": Boxes([[50, 50, 60, 60]], [0]),
    }
    return make_set(
        {name: field(seed) for seed, name in enumerate(boxes)},
        boxes,
        group={"a": "well1", "b": "well1"},
        split={"a": "train", "b": "train", "c": "val", "d": "test"},
        pixel_size_um={"a": 0.5, "b": 0.5},
    )


def test_counts_and_sizes_by_hand(make_set: MakeSet) -> None:
    found = inspect(clean_set(make_set))
    assert (found.n_images, found.n_groups, found.n_objects, found.unit) == (4, 3, 4, "boxes")
    assert [(one.name, one.count, one.n_images) for one in found.classes] == [
        ("live", 3, 3),
        ("dead", 1, 1),
    ]
    assert [(one.name, one.n_images, one.n_groups, one.counts) for one in found.parts] == [
        ("train", 2, 1, (2, 1)),
        ("val", 1, 1, (0, 0)),
        ("test", 1, 1, (1, 0)),
    ]
    live, dead = found.boxes
    assert (live.width_px.minimum, live.width_px.median, live.width_px.maximum) == (10, 10, 14)
    assert (live.height_px.median, dead.height_px.median) == (10, 24)
    assert live.side_um is not None
    assert live.side_um.n == 2  # the scale of the third is unknown
    assert live.side_um.maximum == pytest.approx(np.sqrt(10 * 20) * 0.5, abs=1e-3)
    assert found.objects_per_image.tolist() == [2, 1, 0, 1]
    assert found.found() == {"no_cells": 1}
    (row,) = found.findings_table().rows
    assert row[:3] == ("note", KINDS["no_cells"].title, 1)
    assert [table.title for table in found.tables()] == [
        "What needs attention",
        "Classes",
        "Split",
        "Box sizes",
        "Images",
        "Pixel values",
    ]


def test_json_has_the_documented_keys(make_set: MakeSet) -> None:
    document = json.loads(json.dumps(inspect(clean_set(make_set)).to_dict(), allow_nan=False))
    assert list(document) == [
        "name", "licence", "n_images", "n_groups", "n_objects", "unit", "classes", "parts",
        "images", "objects_per_image", "boxes", "channels", "duplicates", "leaks", "looks",
        "found", "findings",
    ]  # fmt: skip
    assert document["images"] == [
        {"width_px": 128, "height_px": 96, "channels": 1, "dtype": "uint8",
         "pixel_size_um": scale, "n_images": 2}
        for scale in (0.5, None)
    ]  # fmt: skip
    assert document["objects_per_image"]["median"] == 1.0


def test_every_flaw_is_found_once_and_stops_nothing(make_set: MakeSet) -> None:
    images = {name: field(seed) for seed, name in enumerate("abcdefgh")}
    images["blank"] = np.full((1, 96, 128), 7, np.uint8)
    images["copy"] = images["a"]
    images["mirrored"] = np.ascontiguousarray(images["b"][..., ::-1])
    fine = Boxes([[1, 1, 9, 9]], [0])
    annotations: dict[str, Annotation | None] = dict.fromkeys(images, fine)
    annotations |= {
        "a": Boxes([[1, 1, 9, 9], [30, 30, 40, 40]], [0, 1]),
        "c": Boxes([[-4, 2, 6, 9], [120, 90, 130, 95]], [0, 0]),
        "d": Boxes([[5, 5, 5, 20]], [0]),
        "e": Boxes([[0, 0, 20, 20], [0, 0, 20, 19], [0, 0, 20, 20]], [0, 0, 1]),
        "f": Boxes([[0, 0, 5, 5]], [2]),
        "g": None,
    }
    labelled = make_set(
        images,
        annotations,
        split=dict.fromkeys(images, "train") | {"copy": "test"},
        group={"g": "well", "h": "well"},
        problems={"h": ("boxes.csv:3: box left out",)},
    )
    labelled.records[7].image_path.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    found = inspect(labelled)
    assert found.found() == {
        "leak": 1,
        "contradiction": 1,
        "unreadable_image": 1,
        "unknown_class": 1,
        "blank_image": 1,
        "unlabelled": 1,
        "box_outside": 2,
        "zero_size_box": 1,
        "doubled_box": 1,
        "copies": 1,
        "repaired": 1,
    }
    detail = {one.kind: f"{one.image_id}: {one.detail}" for one in found.findings}
    assert detail["leak"] == "a: (train) is the same picture as copy (test)"
    assert detail["contradiction"] == "a: 2 labels here, 1 in its copy copy"
    assert detail["copies"] == "b: is the same picture as mirrored"
    assert detail["blank_image"] == "blank: every pixel has the same value; labels on it: 1"
    assert detail["box_outside"] == "c: box 2 (120, 90, 130, 95) in an image of 128 × 96 px"
    assert detail["doubled_box"].startswith("e: box 1 (0, 0, 20, 20) and box 2 (0, 0, 20, 19)")
    assert detail["unknown_class"] == "f: class 2, but only 2 class names"
    assert [one.kind for one in found.leaks] == ["identical"]
    assert len(found.duplicates) == 2
    kinds = [one.kind for one in found.findings]
    assert kinds == sorted(kinds, key=list(KINDS).index)
    assert {"blank", "h"}.isdisjoint(found.examples)


def test_a_group_on_both_sides_is_found(make_set: MakeSet) -> None:
    images = {name: field(seed) for seed, name in enumerate("abc")}
    labelled = make_set(
        images,
        dict.fromkeys(images, Boxes([[1, 1, 9, 9]], [0])),
        group={"a": "well", "b": "well"},
        split={"a": "train", "b": "val", "c": "val"},
    )
    (finding,) = inspect(labelled).findings
    assert (finding.kind, finding.image_id) == ("torn_group", "a")
    assert finding.detail == "group 'well' stands in train and val"


def test_copies_within_a_group_are_no_finding(make_set: MakeSet) -> None:
    images = {"a": field(0), "b": field(0)}
    labelled = make_set(
        images, dict.fromkeys(images, Boxes([[1, 1, 9, 9]], [0])), group={"a": "well", "b": "well"}
    )
    found = inspect(labelled)
    assert len(found.duplicates) == 1
    assert found.findings == ()


def test_damaged_labels_become_a_finding(make_set: MakeSet) -> None:
    def damaged() -> Annotation:
        raise AnnotationError("line 3 holds four numbers, not five", where="a.txt")

    labelled = make_set({"a": field(0), "b": field(1)}, {})
    for record in labelled:
        object.__setattr__(record, "load_annotation", damaged)
    inspection = inspect(labelled)
    assert [finding.kind for finding in inspection.findings] == ["unreadable_labels"] * 2
    what = "a.txt: line 3 holds four numbers, not five"
    tables = {table.title: table.rows for table in inspection.tables()}
    assert tables["What cannot be read"] == (("a", what), ("b", what))


def squares(count: int, height: int = 96, width: int = 128) -> np.ndarray:
    labels = np.zeros((height, width), np.int32)
    for index in range(count):
        labels[2:8, 10 * index : 10 * index + 6] = index + 1
    return labels


def test_other_annotations_are_counted_in_their_unit(make_set: MakeSet) -> None:
    images = {"a": field(0), "b": field(1)}
    cells = inspect(
        make_set(images, {"a": Instances(squares(3)), "b": Instances(squares(1))}, ("cell",))
    )
    assert (cells.unit, cells.n_objects) == ("cells", 4)
    assert cells.boxes[0].width_px == Spread(4, 6, 6, 6, 6, 6)
    masks = inspect(
        make_set(images, dict.fromkeys(images, SemanticMask(np.eye(96, 128, dtype=np.uint8))))
    )
    assert (masks.unit, masks.classes[1].count, masks.n_objects) == ("pixels", 192, 2 * 96 * 128)
    classes = inspect(make_set(images, {"a": Category(1), "b": Category(1)}))
    assert (classes.unit, [one.count for one in classes.classes]) == ("images", [0, 2])
    assert classes.boxes == ()


def test_labels_of_another_size_are_found(make_set: MakeSet) -> None:
    found = inspect(make_set({"a": field(0)}, {"a": Instances(squares(2, 48, 64))}, ("cell",)))
    (finding,) = found.findings
    assert (finding.kind, finding.detail) == ("wrong_size", "labels 64 × 48 px, image 128 × 96 px")


def test_pixel_values_and_the_share_at_the_limit(make_set: MakeSet) -> None:
    image = np.zeros((3, 40, 50), np.uint8)
    image[0, :10] = 255
    image[1] = 9
    found = inspect(make_set({"a": image}, {}))
    red, green, blue = found.channels
    assert (red.name, green.name, blue.name) == ("red", "green", "blue")
    assert red.share_at_maximum == pytest.approx(0.25)
    assert (green.values.minimum, green.values.maximum, green.share_at_maximum) == (9, 9, 0)


def test_empty_set_and_progress(make_set: MakeSet) -> None:
    nothing = inspect(LabelledSet("none", ("cell",), ()))
    assert (nothing.n_images, nothing.n_objects, nothing.images) == (0, 0, ())
    steps: list[tuple[int, int]] = []
    inspect(clean_set(make_set), progress=lambda *step: steps.append(step))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.real_data
@pytest.mark.skipif("CELLWRIGHT_DATA" not in os.environ, reason="needs the public sets")
def test_known_flaws_of_public_sets_are_found() -> None:
    read = partial(Path, os.environ.get("CELLWRIGHT_DATA", ""))
    blood = inspect(read_labelled(read("bccd_blood_cells"), format="voc"))
    assert blood.found()["repaired"] == 2  # two zero-size boxes its SOURCE.md warns of
    assert [(pair.first, pair.second) for pair in blood.leaks] == [
        ("BloodImage_00037", "BloodImage_00038")
    ]
    live_dead = inspect(read_labelled(read("livedead_labelfree"), format="csv"))
    assert live_dead.found()["blank_image"] == 14
    turned = [pair for pair in live_dead.duplicates if pair.orientation != "as it is"]
    assert len(turned) >= 30
