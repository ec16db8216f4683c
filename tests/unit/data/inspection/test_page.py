from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cellwright.data.inspection import inspect, write_report
from cellwright.data.inspection.page import N_LISTED, N_PAIRS
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError
from cellwright.types import Annotation, Boxes, Category, Instances, SemanticMask

from .conftest import MakeSet, field


def written(labelled: LabelledSet, path: Path) -> str:
    write_report(inspect(labelled), labelled, path)
    return path.read_text(encoding="utf-8")


ANNOTATIONS: dict[str, Annotation] = {
    "boxes": Boxes([[3, 3, 20, 20], [40, 40, 60, 60]], [0, 1]),
    "instances": Instances(np.kron(np.eye(2, dtype=np.int32), np.ones((48, 64), np.int32))),
    "mask": SemanticMask(np.eye(96, 128, dtype=np.uint8)),
    "class": Category(1),
}


@pytest.mark.parametrize("annotation", ANNOTATIONS.values(), ids=ANNOTATIONS.keys())
def test_page_stands_alone(annotation: Annotation, make_set: MakeSet, tmp_path: Path) -> None:
    images = {f"field <{seed}>": field(seed) for seed in range(3)}
    html = written(make_set(images, dict.fromkeys(images, annotation)), tmp_path / "new" / "i.html")
    assert len(re.findall(r'src="data:image/jpeg', html)) == 3
    assert "field &lt;0&gt;" in html
    assert "<0>" not in html
    assert not re.search(r'(src|href)="https?:', html)
    assert "no picture occurs twice" in html


def test_findings_are_told_and_copies_shown(make_set: MakeSet, tmp_path: Path) -> None:
    images = {"a": field(0), "b": field(1), "a again": field(0)}
    images["b turned"] = np.ascontiguousarray(images["b"][:, ::-1, ::-1])
    labelled = make_set(
        images,
        dict.fromkeys(images, ANNOTATIONS["boxes"]),
        split={"a": "train", "b": "train", "b turned": "train", "a again": "test"},
    )
    html = written(labelled, tmp_path / "inspection.html")
    assert "The same picture in two parts of the split: 1." in html
    assert "a (train) | a again (test): equal pixels" in html
    assert "the right one turned by 180°" in html
    assert "no picture occurs twice" not in html


def damaged() -> Annotation:
    raise AnnotationError("holds the value 128", where="mask.png")


def test_copies_whose_labels_are_damaged_are_still_shown(make_set: MakeSet, tmp_path: Path) -> None:
    small = Instances(np.ones((2, 2), np.int32))
    labelled = make_set({"a": field(0), "b": field(0), "c": field(1), "d": field(1)}, {"a": small})
    object.__setattr__(labelled.records[2], "load_annotation", damaged)
    html = written(labelled, tmp_path / "inspection.html")
    assert "a | b: equal pixels" in html
    assert "c | d: equal pixels" in html
    assert "Label image of another size" in html
    assert "mask.png: holds the value 128" in html


def test_long_lists_are_cut_and_say_so(make_set: MakeSet, tmp_path: Path) -> None:
    boxes = Boxes([[5, 5, 5, 9]] * (N_LISTED + 7), [0] * (N_LISTED + 7))
    images = {f"{seed}{copy}": field(seed) for seed in range(N_PAIRS + 2) for copy in "ab"}
    labelled = make_set(images, {"0a": boxes})
    html = written(labelled, tmp_path / "inspection.html")
    assert html.count("Box without area</td>") <= N_LISTED
    assert "more are in the JSON output" in html
    assert html.count(": equal pixels") == N_PAIRS


def test_empty_set_has_a_page(tmp_path: Path) -> None:
    assert "0" in written(LabelledSet("none", ("cell",), ()), tmp_path / "inspection.html")
