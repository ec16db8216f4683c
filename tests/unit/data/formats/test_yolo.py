from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from cellwright.data.formats import FORMATS, read_labelled, yolo
from cellwright.data.formats.layout import Known
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError, ImageError
from cellwright.types import Boxes

HEIGHT, WIDTH = 40, 80


def make(root: Path, config: object, files: dict[str, str | None]) -> Path:
    """Files below root: text as given, None is an image."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH), np.uint8))
        else:
            path.write_text(text)
    if config is not None:
        (root / "data.yaml").write_text(yaml.safe_dump(config))
    return root


def boxes_of(labelled: LabelledSet, name: str) -> Boxes:
    annotation = {record.id: record for record in labelled}[name].load_annotation()
    assert isinstance(annotation, Boxes)
    return annotation


def test_roboflow_layout(tmp_path: Path) -> None:
    config = {
        "train": "../train/images",
        "val": "../valid/images",
        "test": "../test/images",
        "nc": 2,
        "names": ["live", "dead"],
        "roboflow": {"workspace": "x", "version": 1},
    }
    make(
        tmp_path,
        config,
        {
            "train/images/a.jpg": None,
            "train/labels/a.txt": "1 0.5 0.25 0.25 0.5\n\n0 0.1 0.1 0.2 0.2\n",
            "train/images/empty.jpg": None,
            "train/labels/empty.txt": "",
            "valid/images/b.jpg": None,
        },
    )
    labelled = yolo.read(tmp_path)
    assert labelled.classes == ("live", "dead")
    assert {record.id: record.split for record in labelled} == {
        "a": "train",
        "empty": "train",
        "b": "val",
    }
    # Centre 40 across and 10 down, half sides 10 and 10.
    np.testing.assert_allclose(
        boxes_of(labelled, "a").xyxy, [[30, 0, 50, 20], [0, 0, 16, 8]], atol=1e-5
    )
    assert boxes_of(labelled, "a").class_ids.tolist() == [1, 0]
    assert len(boxes_of(labelled, "empty")) == 0
    unlabelled = {record.id: record for record in labelled}["b"]
    assert unlabelled.load_annotation() is None
    assert "treated as unlabelled" in unlabelled.problems[0]
    # The test folder is named but not there: said with the first image.
    said = [problem for record in labelled for problem in record.problems if "test" in problem]
    assert said == ["data.yaml names '../test/images' for test, which is not there"]


def test_ultralytics_layout_with_names_as_mapping_and_a_foreign_path(tmp_path: Path) -> None:
    config = {
        "path": "/content/datasets/cells",
        "train": "images/train",
        "val": ["images/val"],
        "names": {0: "cell", 1: "debris"},
    }
    make(
        tmp_path,
        config,
        {
            "images/train/a.png": None,
            "labels/train/a.txt": "1 .5 .5 .5 .5",
            "images/val/plate1/b.png": None,
            "labels/val/plate1/b.txt": "0 .5 .5 .5 .5",
        },
    )
    labelled = yolo.read(tmp_path)
    assert [(record.id, record.split) for record in labelled] == [("a", "train"), ("b", "val")]
    assert boxes_of(labelled, "b").class_ids.tolist() == [0]
    assert FORMATS["yolo"].recognises(tmp_path)


def test_plain_folders_with_classes_txt(tmp_path: Path) -> None:
    make(
        tmp_path,
        None,
        {
            "images/a.png": None,
            "labels/a.txt": "0 .5 .5 1 1",
            "classes.txt": "cell\n",
            "images/train/b.png": None,
            "labels/train/b.txt": "",
        },
    )
    labelled = yolo.read(tmp_path)
    assert [(record.id, record.split) for record in labelled] == [("a", None), ("b", "train")]
    assert boxes_of(labelled, "a").xyxy.tolist() == [[0, 0, WIDTH, HEIGHT]]
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(DatasetError, match=r"class names are missing.*classes\.txt"):
        yolo.read(tmp_path)


def test_one_stem_in_two_parts_gives_two_ids(tmp_path: Path) -> None:
    config = {"train": "train/images", "val": "valid/images", "names": ["cell"]}
    make(tmp_path, config, {"train/images/a.png": None, "valid/images/a.png": None})
    assert [record.id for record in yolo.read(tmp_path)] == ["train/images/a", "valid/images/a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 .5 .5 .5 .5\n7 .5 .5 .1 .1", r"a\.txt:2: class 7 is not in the list of 1 \(cell\)"),
        ("-1 .5 .5 .5 .5", r"a\.txt:1: class -1 is not in the list"),
        ("0 .5 .5 .5", r"a\.txt:1: a line holds a class and 4 numbers, not 4 fields"),
        ("0 .5 .5 .5 .5 .9", r"a\.txt:1: a line holds"),
        ("0.5 .5 .5 .5 .5", r"a\.txt:1: a line holds"),
        ("cell .5 .5 .5 .5", r"a\.txt:1: the line 'cell .* is not numbers"),
        ("0 nan .5 .5 .5", r"a\.txt: line 1: .* is not four finite numbers"),
        ("0 .5 .5 -.5 .5", r"line 1: .* has its sides swapped"),
        ("0 320 .5 10 .5", r"line 1: .* lies outside the image of 80 x 40 px"),
        ("0 .5 1.2 .5 .5", r"a\.txt: line 1: .*, its centre 8 px beyond the lower border"),
        ("0 -.1 .5 .4 .5\n" * 3, r"line 1: .* 8 px beyond the left border; so with 2 more boxes"),
    ],
)
def test_wrong_lines_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    make(tmp_path, {"train": "images", "names": ["cell"]}, {"images/a.png": None})
    make(tmp_path, None, {"labels/a.txt": text})
    with pytest.raises(AnnotationError, match=message):
        read_labelled(tmp_path, format="yolo")


def test_repairs_are_said(tmp_path: Path) -> None:
    lines = [
        "0 0.0 0.5 0.5 0.5",
        "0 0.5 0.5 0.0 0.5",
        "0 0.1 0.1 0.3 0.1 0.2 0.4",
        "0 0.500001 0.5 1.000001 1",
    ]
    make(tmp_path, {"train": "images", "names": ["cell"]}, {"images/a.png": None})
    make(tmp_path, None, {"labels/a.txt": "\n".join(lines)})
    (record,) = yolo.read(tmp_path)
    np.testing.assert_allclose(
        boxes_of(yolo.read(tmp_path), "a").xyxy,
        [[0, 10, 20, 30], [8, 4, 24, 16], [0, 0, 80, 40]],
        atol=1e-3,
    )
    # The last box overshoots by rounding only: not worth a word.
    assert record.problems == (
        "line 3: a polygon, read as its box",
        "line 1: box (-20, 10, 20, 30) reaches 20 px beyond the left border of the image: "
        "cut there",
        "line 2: box (40, 10, 40, 30) has no area: left out",
    )


def test_label_without_image_is_refused(tmp_path: Path) -> None:
    make(tmp_path, {"train": "images", "names": ["cell"]}, {"images/a.png": None})
    make(tmp_path, None, {"labels/b.txt": "", "labels/c.txt": ""})
    with pytest.raises(DatasetError, match="2 label files have no image, for instance 'b'"):
        yolo.read(tmp_path)


def test_two_images_of_one_stem_are_refused(tmp_path: Path) -> None:
    make(tmp_path, {"train": "images", "names": ["c"]}, {"images/a.png": None})
    make(tmp_path, None, {"images/a.jpg": None})
    with pytest.raises(DatasetError, match="share a stem"):
        yolo.read(tmp_path)


def test_a_corrupt_image_is_listed_and_raises_only_when_loaded(tmp_path: Path) -> None:
    make(tmp_path, {"train": "images", "names": ["cell"]}, {"images/a.png": None})
    make(tmp_path, None, {"labels/a.txt": "0 .5 .5 .5 .5", "images/b.png": "", "labels/b.txt": ""})
    good, bad = yolo.read(tmp_path)
    assert not good.problems
    assert "cannot be read" in bad.problems[0]
    with pytest.raises(ImageError):
        bad.load_annotation()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("names: [a, b\n", r"data\.yaml: line 2, column 1: is no YAML"),
        ("just text", "must hold keys"),
        ("train: images\n", "names must be a list"),
        ("train: images\nnames: {0: a, 2: b}\n", "names must be a list"),
        ("train: images\nnames: [a]\nnc: 3\n", "nc is 3, but names holds 1"),
        ("train: images\nnames: [a, a]\n", "'a' is named twice"),
        ("train: elsewhere\nnames: [a]\n", "none of the image folders"),
        ("train: ../../../etc\nnames: [a]\n", "none of the image folders"),
        ("path: /\ntrain: etc\nnames: [a]\n", "none of the image folders"),
        ("train: 5\nnames: [a]\n", "train must be a folder, or a list of them"),
        ("train: [5]\nnames: [a]\n", "train must be a folder, or a list of them"),
        ("path: [[a]]\ntrain: images\nnames: [a]\n", "path must be a folder"),
        (f"train: {'x' * 5000}\nnames: [a]\n", "is longer than any file's"),
        ("train: images\nnames: {0: a, x: b}\n", "names must be a list"),
        ("train: images\nnames: [live, '', dead]\n", "class 1 has no name"),
        ("train: images\nnames: [yes, no]\n", "the name of class 0 is no text; put it into quota"),
        ("train: images\nnames: [[a]]\n", "the name of class 0 is no text"),
        ("train: images\nnames: [a]\nnc: [[a]]\n", "nc must be the number of classes"),
        ("train: images\nnames: [a]\nkpt_shape: [5, 4]\n", "kpt_shape must be the number"),
        ("!!python/object/apply:os.system ['true']", "is no YAML"),
    ],
)
def test_wrong_configurations(tmp_path: Path, config: str, message: str) -> None:
    make(tmp_path, None, {"images/a.png": None, "data.yaml": config})
    with pytest.raises((AnnotationError, DatasetError), match=message):
        read_labelled(tmp_path, format="yolo")


def test_written_for_roboflow_and_ultralytics(tmp_path: Path) -> None:
    source = make(tmp_path / "source", None, {"a.png": None, "b.png": None})
    boxes = Boxes(np.array([[30, 0, 50, 20]]), np.array([1]))
    records = tuple(
        Record(f"{split}/x", source / f"{name}.png", Known(boxes), "g", split)
        for name, split in (("a", "train"), ("b", "val"))
    )
    yolo.write(LabelledSet("s", ("live", "dead"), records), tmp_path / "out")
    config = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert config == {
        "train": "train/images",
        "val": "valid/images",
        "nc": 2,
        "names": ["live", "dead"],
    }
    line = (tmp_path / "out/valid/labels/val_x.txt").read_text()
    assert line == "1 0.5000000000 0.2500000000 0.2500000000 0.5000000000\n"


def test_aliases_do_not_grow_into_a_name(tmp_path: Path) -> None:
    rows = [
        f"{'abcdefgh'[i]}: &{'abcdefgh'[i]} [{', '.join(['*' + 'abcdefgh'[i - 1]] * 9)}]"
        for i in range(1, 8)
    ]
    config = "\n".join(["a: &a [x, x, x]", *rows, "train: images", "names: [*h]"])
    make(tmp_path, None, {"images/a.png": None, "data.yaml": config})
    with pytest.raises(AnnotationError, match="class 0 is no text") as caught:
        yolo.read(tmp_path)
    assert len(str(caught.value)) < 1000


def test_keypoints_are_no_corners_of_the_box(tmp_path: Path) -> None:
    config = {"train": "images", "names": ["cell"], "kpt_shape": [2, 2]}
    line = "0 0.5 0.5 0.25 0.5 0.05 0.1 0.95 0.9\n"
    make(tmp_path, config, {"images/a.png": None, "labels/a.txt": line})
    labelled = yolo.read(tmp_path)
    assert boxes_of(labelled, "a").xyxy.tolist() == [[30, 10, 50, 30]]
    assert labelled.records[0].problems == ("line 1: a box with keypoints, which are left out",)
    (tmp_path / "labels/a.txt").write_text("0 0.5 0.5 0.25 0.5 0.05 0.1\n")
    with pytest.raises(AnnotationError, match="4 numbers, then the 4 of its keypoints, not 7"):
        yolo.read(tmp_path).records[0].load_annotation()


def test_an_image_called_classes_keeps_its_labels(tmp_path: Path) -> None:
    files = {"images/classes.png": None, "labels/classes.txt": "0 0.5 0.5 0.5 0.5\n"}
    make(tmp_path, {"train": "images", "names": ["cell"]}, files)
    assert len(boxes_of(yolo.read(tmp_path), "classes")) == 1


def test_hidden_folders_hold_no_images_of_the_set(tmp_path: Path) -> None:
    files = {"images/a.png": None, "images/.ipynb_checkpoints/a-checkpoint.png": None}
    make(tmp_path, {"train": "images", "names": ["cell"]}, files)
    assert [record.id for record in yolo.read(tmp_path)] == ["a"]
