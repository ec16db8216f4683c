from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cellwright.data.formats import read_labelled, voc
from cellwright.errors import AnnotationError, DatasetError
from cellwright.types import Boxes

OBJECT = (
    "<object><name>{name}</name><bndbox><xmin>{0}</xmin><ymin>{1}</ymin>"
    "<xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)
SIZE = "<size><width>80</width><height>40</height></size>"


def xml(*boxes: tuple[float, ...], name: str = "RBC", size: str = SIZE) -> str:
    objects = "".join(OBJECT.format(*box, name=name) for box in boxes)
    return f'<?xml version="1.0" encoding="utf-8"?><annotation>{size}{objects}</annotation>'


def make(root: Path, files: dict[str, str | None]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            cv2.imwrite(str(path), np.zeros((40, 80), np.uint8))
        else:
            path.write_text(text, encoding="utf-8")
    return root


def test_original_layout_with_its_split_lists(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "JPEGImages/a.jpg": None,
            "Annotations/a.xml": xml((1, 2, 30, 40), (3, 3, 3, 9)),
            "JPEGImages/b.jpg": None,
            "Annotations/b.xml": xml((0, 0, 5, 5), name="WBC"),
            "ImageSets/Main/train.txt": "a\n",
            "ImageSets/Main/test.txt": "b\n",
            "ImageSets/Main/trainval.txt": "a\nb\n",
        },
    )
    labelled = voc.read(tmp_path)
    first, second = labelled
    assert labelled.classes == ("RBC", "WBC")
    assert (first.split, second.split) == ("train", "test")
    boxes = first.load_annotation()
    assert isinstance(boxes, Boxes)
    assert boxes.xyxy.tolist() == [[1, 2, 30, 40]]
    assert first.problems == ("object 2 (RBC): box (3, 3, 3, 9) has no area: left out",)


@pytest.mark.parametrize(("folder", "split"), [("valid/", "val"), ("", None)])
def test_files_beside_their_images(tmp_path: Path, folder: str, split: str | None) -> None:
    make(tmp_path, {f"{folder}a.jpg": None, f"{folder}a.xml": xml((0, 0, 5, 5))})
    (record,) = voc.read(tmp_path)
    assert (record.id, record.split) == ("a", split)


def test_class_order_comes_from_classes_txt(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "images/a.png": None,
            "annotations/a.xml": xml((0, 0, 5, 5), name="B"),
            "classes.txt": "C\nB\nA\n",
        },
    )
    (record,) = voc.read(tmp_path)
    boxes = record.load_annotation()
    assert isinstance(boxes, Boxes)
    assert boxes.class_ids.tolist() == [1]
    (tmp_path / "classes.txt").write_text("A\nC\n")
    with pytest.raises(AnnotationError, match=r"object 1 \(B\): the class is not in classes.txt"):
        read_labelled(tmp_path, format="voc")


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa">]><annotation>&a;</annotation>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "document type definition: refused"),
        ("<annotation>\n<object></annotation>", r"a\.xml:2: is not well-formed XML"),
        ("", "the label file is empty; an image without cells has an <annotation> without obj"),
        ("<annotation><object><name>x</name></object></annotation>", "object 1 has no complete"),
        (xml((1, 2, 3, 4), name=" "), "object 1 has no class name"),
        (
            xml((90, 2, 95, 4)),
            "outside the image of 80 x 40 px, its centre 12.5 px beyond the right border",
        ),
        (xml((9, 2, 5, 4)), "sides swapped"),
        (
            xml((1, 2, 3, 4), size="<size><width>8</width><height>4</height></size>"),
            "labels are for an image of 8 x 4 px, but a.png has 80 x 40",
        ),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    make(tmp_path, {"images/a.png": None, "annotations/a.xml": text})
    with pytest.raises(AnnotationError, match=message):
        read_labelled(tmp_path, format="voc")


def test_a_size_of_zero_is_no_size(tmp_path: Path) -> None:
    none = "<size><width>0</width><height>0</height></size>"
    make(tmp_path, {"images/a.png": None, "annotations/a.xml": xml((1, 2, 3, 4), size=none)})
    assert len(voc.read(tmp_path)) == 1


def test_an_image_in_two_split_lists_is_refused(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            "images/a.png": None,
            "annotations/a.xml": xml((1, 2, 3, 4)),
            "splits/train.txt": "a",
            "splits/val.txt": "a",
        },
    )
    with pytest.raises(DatasetError, match="'a' stands in the lists of both train and val"):
        voc.read(tmp_path)


def test_unlabelled_and_orphaned_files(tmp_path: Path) -> None:
    make(
        tmp_path,
        {"images/a.png": None, "images/b.png": None, "annotations/a.xml": xml((0, 0, 1, 1))},
    )
    _, unlabelled = voc.read(tmp_path)
    assert unlabelled.load_annotation() is None
    assert unlabelled.problems
    (tmp_path / "images/a.png").unlink()
    with pytest.raises(DatasetError, match="1 label files have no image, for instance 'a'"):
        voc.read(tmp_path)


def test_split_lists_may_name_files_and_no_strangers(tmp_path: Path) -> None:
    files = {"images/a.b.png": None, "annotations/a.b.xml": xml((1, 2, 3, 4))}
    make(tmp_path, files | {"splits/train.txt": "a.b.png\n"})
    assert [record.split for record in voc.read(tmp_path)] == ["train"]
    (tmp_path / "splits/train.txt").write_text("a.b\ngone\n")
    with pytest.raises(DatasetError, match=r"1 names in the lists .* 'gone' in that of train"):
        voc.read(tmp_path)


def test_a_size_of_thousands_of_digits_is_no_size(tmp_path: Path) -> None:
    size = f"<size><width>{'9' * 5000}</width><height>40</height></size>"
    make(tmp_path, {"images/a.png": None, "annotations/a.xml": xml((1, 2, 3, 4), size=size)})
    assert len(voc.read(tmp_path)) == 1


def test_images_in_folders_within_are_refused(tmp_path: Path) -> None:
    make(tmp_path, {"images/p/b.png": None, "annotations/a.xml": xml((1, 2, 3, 4))})
    make(tmp_path, {"images/a.png": None})
    with pytest.raises(DatasetError, match=r"1 images lie in folders within.*p/b\.png"):
        voc.read(tmp_path)
