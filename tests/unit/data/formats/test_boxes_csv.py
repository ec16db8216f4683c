from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cellwright.data.formats import boxes_csv, read_labelled
from cellwright.errors import AnnotationError, DatasetError
from cellwright.types import Boxes

HEAD = "image,class,xmin,ymin,xmax,ymax\n"


def make(root: Path, table: str, images: tuple[str, ...] = ("a.png", "b.png")) -> Path:
    for name in images:
        (root / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / "images" / name), np.zeros((40, 80), np.uint8))
    (root / "boxes.csv").write_text(table, encoding="utf-8")
    return root


def test_rows_empty_images_and_unlabelled_ones(tmp_path: Path) -> None:
    table = HEAD + "a.png,dead,1,2,30.5,40\na.png,live,0,0,1,1\nb.png,,,,,\n"
    make(tmp_path, table, ("a.png", "b.png", "c.png"))
    labelled = read_labelled(tmp_path / "boxes.csv")
    assert labelled.classes == ("dead", "live")
    first, empty, unlabelled = (record.load_annotation() for record in labelled)
    assert isinstance(first, Boxes)
    assert first.xyxy.tolist() == [[1, 2, 30.5, 40], [0, 0, 1, 1]]
    assert first.class_ids.tolist() == [0, 1]
    assert isinstance(empty, Boxes)
    assert len(empty) == 0
    assert unlabelled is None


def test_columns_may_stand_in_any_order_and_others_are_ignored(tmp_path: Path) -> None:
    table = "note,ymax,xmax,ymin,xmin,class,image\nx,4,3,2,1,c,sub/a.png\n"
    make(tmp_path, table, ("sub/a.png",))
    (record,) = boxes_csv.read(tmp_path)
    boxes = record.load_annotation()
    assert isinstance(boxes, Boxes)
    assert boxes.xyxy.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("image,class,xmin,ymin,xmax\n", "the column 'ymax' is missing"),
        (
            HEAD.replace(",", ";") + "a.png;c;1;2;3;4\n",
            r"separated by ';', not by commas; the first line must name image, class",
        ),
        (HEAD.replace(",", "\t"), "separated by tabs"),
        ("", r"boxes\.csv: the label file is empty; the first line must name image, class"),
        (HEAD + "a.png,c,1,5,2,5,3,5,4,5\n", r"csv:2: the row has 10 cells, .* names 6"),
        (HEAD + 'a.png,"c,1,2,3,4\nb.png,c,1,2,3,4\n', r"csv:2: is no table from here on"),
        (
            HEAD + "a.png,c,1,2,3,4\na.png,c,1,2,x,4\n",
            r"boxes\.csv:3: the box .* is not four numbers",
        ),
        (HEAD + "a.png,c,1,2\n", r"boxes\.csv:2: the box"),
        (HEAD + "a.png,,1,2,3,4\n", r"boxes\.csv:2: the row has a box but no class"),
        (HEAD + ",c,1,2,3,4\n", r"boxes\.csv:2: the row names no image"),
        (HEAD + "../a.png,c,1,2,3,4\n", r"boxes\.csv:2: the path '\.\./a\.png' leads out"),
        (HEAD + "/etc/passwd,c,1,2,3,4\n", "leads out"),
        (HEAD + "C:\\a.png,c,1,2,3,4\n", "leads out"),
        (
            HEAD + "a.png,c,1,2,3,4\na.png,c,100,2,200,4\n",
            "line 3: .* outside the image .* 70 px beyond the right border",
        ),
        (HEAD + "a.png,c,1e999,2,3,4\n", "not four finite numbers"),
    ],
)
def test_wrong_tables(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(AnnotationError, match=message):
        read_labelled(make(tmp_path, table), format="csv")


def test_a_row_without_image_file_is_refused(tmp_path: Path) -> None:
    make(tmp_path, HEAD + "z.png,c,1,2,3,4\n")
    with pytest.raises(DatasetError, match=r"1 images named in boxes\.csv are not in images/"):
        boxes_csv.read(tmp_path)


def test_classes_must_be_known_somewhere(tmp_path: Path) -> None:
    make(tmp_path, HEAD + "a.png,,,,,\n")
    with pytest.raises(DatasetError, match="names no classes"):
        boxes_csv.read(tmp_path)
    (tmp_path / "classes.txt").write_text("cell\n")
    assert boxes_csv.read(tmp_path).classes == ("cell",)
    (tmp_path / "boxes.csv").write_text(HEAD + "a.png,blob,1,2,3,4\n")
    with pytest.raises(AnnotationError, match=r"'blob' is not in classes\.txt"):
        read_labelled(tmp_path, format="csv")


def test_binary_and_huge_tables_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "")
    (tmp_path / "boxes.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(AnnotationError, match="not UTF-8"):
        read_labelled(tmp_path, format="csv")
