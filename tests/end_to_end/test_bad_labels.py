"""What is wrong with labels is said in one line that names the file, and stops in time."""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from cellwright.bundles.bundle import open_bundle
from cellwright.data.splits import read_split
from tiny_cells import write_cells

from .conftest import Say

HEIGHT, WIDTH = 40, 80
HEAD = "image,class,xmin,ymin,xmax,ymax\n"
GOOD = "0 .5 .5 .25 .5\n"


def write(root: Path, files: dict[str, str | None]) -> Path:
    """Files below root: text as given; None is an image, each with a picture of its own."""
    for number, (name, text) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH), np.uint8)
            cv2.imwrite(str(path), pixels)
        else:
            path.write_text(text)
    return root


def yolo(labels: str) -> dict[str, str | None]:
    """A set of two images, the first with these labels."""
    return {
        "classes.txt": "live\ndead\n",
        "images/a.png": None,
        "labels/a.txt": labels,
        "images/b.png": None,
        "labels/b.txt": GOOD,
    }


def table(rows: str) -> dict[str, str | None]:
    return {"images/a.png": None, "boxes.csv": rows}


def coco(**changes: object) -> dict[str, str | None]:
    document = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 5]}],
        "categories": [{"id": 1, "name": "live"}, {"id": 2, "name": "dead"}],
    }
    return {"a.png": None, "_annotations.coco.json": json.dumps(document | changes)}


def row(**changes: object) -> list[dict[str, object]]:
    return [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 5], **changes}]


REFUSED: dict[str, tuple[dict[str, str | None], tuple[str, ...]]] = {
    "empty CSV": (table(""), ("boxes.csv", "the label file is empty", "image, class, xmin")),
    "CSV without rows": (table(HEAD), ("names no classes", "classes.txt")),
    "empty COCO": (
        {"a.png": None, "_annotations.coco.json": ""},
        ("_annotations.coco.json", "the label file is empty", "export it again"),
    ),
    "empty VOC": (
        {"images/a.png": None, "annotations/a.xml": ""},
        ("a.xml", "the label file is empty", "without objects"),
    ),
    "YOLO class": (
        yolo(GOOD + "2 .5 .5 .1 .1\n"),
        ("a.txt:2", "class 2 is not in the list of 2 (live, dead)"),
    ),
    "CSV class": (
        table(HEAD + "a.png,necrotic,1,2,3,4\n") | {"classes.txt": "live\ndead\n"},
        ("boxes.csv", "line 2", "'necrotic' is not in classes.txt (live, dead)"),
    ),
    "COCO class": (
        coco(annotations=row(category_id=7)),
        (".coco.json", "annotation 0", "category 7", "(1 live, 2 dead)"),
    ),
    "box outside": (
        yolo("0 1.5 .5 .25 .5\n"),
        ("a.txt", "line 1", "outside the image of 80 x 40 px", "40 px beyond the right border"),
    ),
    "box in pixels": (
        yolo("0 40 20 10 10\n"),
        ("a.txt", "line 1", "outside the image of 80 x 40 px"),
    ),
    "NaN in YOLO": (yolo("0 nan .5 .25 .5\n"), ("a.txt", "line 1", "not four finite numbers")),
    "NaN in CSV": (
        table(HEAD + "a.png,live,1,2,nan,4\n"),
        ("boxes.csv", "line 2", "not four finite numbers"),
    ),
    "NaN in COCO": (
        coco(annotations=row(bbox=[1, 2, float("nan"), 5])),
        (".coco.json", "annotation 0", "not four finite numbers"),
    ),
    "label without image": (
        yolo("") | {"labels/c.txt": GOOD},
        ("labels", "1 label files have no image", "'c'"),
    ),
}


OF_ONE_IMAGE = {
    "YOLO class",
    "CSV class",
    "box outside",
    "box in pixels",
    "NaN in YOLO",
    "NaN in CSV",
    "NaN in COCO",
}
"""What is wrong with the labels of one image: an inspection goes on, and lists it."""


@pytest.mark.parametrize("command", ["inspect", "train", "evaluate"])
@pytest.mark.parametrize("case", sorted(REFUSED))
def test_one_line_that_names_the_place(
    case: str, command: str, say: Say, tmp_path: Path, blob_bundle: Path
) -> None:
    files, parts = REFUSED[case]
    data = write(tmp_path / "set", files)
    arguments: dict[str, tuple[object, ...]] = {
        "inspect": ("data", "inspect", data),
        "train": ("train", a_config(tmp_path, data), "--out", tmp_path / "run"),
        "evaluate": ("evaluate", blob_bundle, data),
    }
    code, said = say(*arguments[command])
    if command == "inspect" and case in OF_ONE_IMAGE:
        (finding,) = inspection(say, data, tmp_path)["findings"]
        assert finding["kind"] == "unreadable_labels"
        said = finding["detail"]
    else:
        assert code == 2
        assert said.startswith("error: ")
        assert said.count("\n") == 1
    for part in parts:
        assert part in said


def voc(name: str, corners: tuple[object, ...]) -> str:
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    box = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return f"<annotation><object><name>{name}</name><bndbox>{box}</bndbox></object></annotation>"


PICTURES: dict[str, str | None] = {f"images/{name}.png": None for name in "abcd"}
SEVERAL: dict[str, tuple[dict[str, str | None], dict[str, str]]] = {
    "yolo": (
        {
            "classes.txt": "live\n",
            "labels/a.txt": "0 .5\n",
            "labels/b.txt": GOOD,
            "labels/c.txt": "0 1.5 .5 .25 .5\n",
            "labels/d.txt": "4 .5 .5 .1 .1\n",
        },
        {"a": "a.txt:1", "c": "c.txt", "d": "d.txt:1"},
    ),
    "voc": (
        {
            "annotations/a.xml": "<annotation>",
            "annotations/b.xml": voc("live", (1, 2, 9, 9)),
            "annotations/c.xml": voc("live", (200, 2, 300, 9)),
            "annotations/d.xml": voc("live", (1, 2, "x", 9)),
        },
        {"a": "a.xml:1", "c": "c.xml", "d": "d.xml"},
    ),
    "csv": (
        {
            "boxes.csv": f"{HEAD}a.png,live,1,2,x,4\nb.png,live,1,2,3,4\n"
            "c.png,live,200,2,300,4\nd.png,,1,2,3,4\nd.png,live,1,2,3,4\n"
        },
        {"a": "boxes.csv:2", "c": "line 4", "d": "boxes.csv:5"},
    ),
}


@pytest.mark.parametrize("format_name", SEVERAL)
def test_an_inspection_lists_every_damaged_file_and_a_training_counts_them(
    format_name: str, say: Say, tmp_path: Path
) -> None:
    files, expected = SEVERAL[format_name]
    data = write(tmp_path / "set", PICTURES | files)
    found = inspection(say, data, tmp_path)
    assert found["found"] == {"unreadable_labels": 3}
    details = {one["image_id"]: one["detail"] for one in found["findings"]}
    assert details.keys() == expected.keys()
    for name, place in expected.items():
        assert place in details[name]
    assert found["n_objects"] == 1
    code, said = say("train", a_config(tmp_path, data), "--out", tmp_path / "run")
    assert code == 2
    assert expected["a"] in said
    assert "so with the labels of 2 more images: `cellwright data inspect` lists them all" in said


def test_where_no_label_can_be_read_the_first_is_named(say: Say, tmp_path: Path) -> None:
    files = dict.fromkeys(("annotations/a.xml", "annotations/b.xml"), "<annotation>")
    data = write(tmp_path / "set", PICTURES | files)
    code, said = say("data", "inspect", data)
    assert code == 2
    assert "a.xml:1" in said and "1 more image:" in said


def a_config(folder: Path, data: Path, **settings: object) -> Path:
    path = folder / "train.yaml"
    content = {
        "name": "tiny",
        "threads": 1,
        "data": {"path": str(data), **settings},
        "input": {"tile_px": 128},
        "detector": {"settings": {"width": 16, "n_bins": 8}},
        "schedule": {"epochs": 1, "batch_size": 4, "precision": "32-true"},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def inspection(say: Say, data: Path, folder: Path) -> dict[str, object]:
    code, said = say("data", "inspect", data, "--json", folder / "inspection.json")
    assert code == 0, said
    return json.loads((folder / "inspection.json").read_text())


def test_an_empty_text_file_means_no_cells_and_is_counted(say: Say, tmp_path: Path) -> None:
    found = inspection(say, write(tmp_path / "set", yolo("")), tmp_path)
    assert found["found"] == {"no_cells": 1}
    assert found["n_objects"] == 1


def test_boxes_that_cross_the_border_are_cut_and_those_without_area_left_out(
    say: Say, tmp_path: Path
) -> None:
    lines = "0 0 .5 .25 .5\n1 .5 .5 0 .5\n1 .5 .5 .1 .1\n"
    found = inspection(say, write(tmp_path / "set", yolo(lines)), tmp_path)
    details = [one["detail"] for one in found["findings"] if one["kind"] == "repaired"]
    assert len(details) == 2
    assert "reaches 10 px beyond the left border of the image: cut there" in details[0]
    assert "line 2" in details[1]
    assert "has no area: left out" in details[1]
    assert found["n_objects"] == 3


def test_labels_that_hold_nothing_at_all_are_not_trained_on(say: Say, tmp_path: Path) -> None:
    files: dict[str, str | None] = {"classes.txt": "live\n"}
    for number in range(12):
        files |= {f"images/{number}.png": None, f"labels/{number}.txt": ""}
    data = write(tmp_path / "set", files)
    found = inspection(say, data, tmp_path)
    assert found["found"] == {"nothing_labelled": 1, "no_cells": 12}
    code, said = say("train", a_config(tmp_path, data), "--out", tmp_path / "run")
    assert code == 2
    assert "the labels of all" in said
    assert "training images are empty" in said


def test_images_nobody_labelled_are_not_learned_as_empty(
    say: Say, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files: dict[str, str | None] = {"classes.txt": "live\n"}
    files |= {f"images/{number}.png": None for number in range(12)}
    data = write(tmp_path / "set", files)
    (data / "labels").mkdir()
    with caplog.at_level(logging.WARNING):
        arguments = ("--set", "data.format=yolo", "--out", tmp_path / "run")
        code, said = say("train", a_config(tmp_path, data), *arguments)
    assert code == 2
    assert "images of the training part is labelled" in said
    assert "labels of 12 images" in caplog.text
    assert "there is no label file" in caplog.text


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    """Twelve pictures; one of the training part stands in the test part under another name."""
    data = write_cells(tmp_path / "set", n_images=12)
    source, copy = data / "images" / "cells00.png", data / "images" / "again.png"
    copy.write_bytes(source.read_bytes())
    labels = data / "boxes.csv"
    text = labels.read_text()
    rows = [line for line in text.splitlines() if line.startswith("cells00.png")]
    labels.write_text(text + "".join(f"{r.replace('cells00', 'again')}\n" for r in rows))
    parts = ["train"] * 8 + ["val"] * 2 + ["test"] * 2
    with (tmp_path / "split.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "group", "part"])
        writer.writerows([f"cells{n:02d}", "", part] for n, part in enumerate(parts))
        writer.writerow(["again", "", "test"])
    return data


@pytest.mark.slow
def test_a_leaking_split_is_never_trained_on_unless_allowed_and_then_it_is_said(
    say: Say, leaking: Path, tmp_path: Path
) -> None:
    config = a_config(tmp_path, leaking, split_file=str(tmp_path / "split.csv"))
    run = tmp_path / "run"
    code, said = say("train", config, "--out", run)
    assert code == 2
    pair = ("'again' (test)", "'cells00' (train)")
    assert "1 near-duplicate pairs stand in different parts" in said
    assert all(one in said for one in pair)
    assert "--allow-leak" in said
    assert not list(run.glob("*.cellwright"))
    assert not list(run.glob("**/*.ckpt"))

    # In the same folder: the permission is no other setting of what is learned.
    code, said = say("train", config, "--out", run, "--allow-leak")
    assert code == 0, said
    assert "warning: the split leaks, so these figures flatter the model: 1 near-dup" in said
    card = open_bundle(run / "tiny.cellwright").card
    assert any("near-duplicate" in limit for limit in card.limits)
    assert {one.data.partition(", ")[2] for one in card.evaluations} == {
        "validation part (leaking split)",
        "test part (leaking split)",
    }
    assert read_split(run / "split.csv")["again"] == "test"
    assert yaml.safe_load((run / "config.yaml").read_text())["data"]["allow_leak"] is True
