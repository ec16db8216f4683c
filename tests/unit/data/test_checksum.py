from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellwright.data.checksum import checksum
from cellwright.data.formats import read_labelled
from cellwright.data.formats.layout import Known
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import DatasetError
from cellwright.types import Annotation, Boxes, Category, Instances, SemanticMask


def make(folder: Path, annotations: dict[str, Annotation | None]) -> LabelledSet:
    folder.mkdir()
    records = []
    for name, annotation in annotations.items():
        path = folder / f"{name}.png"
        path.write_bytes(name.encode())
        records.append(Record(name, path, Known(annotation), name))
    return LabelledSet(folder.name, ("a", "b"), tuple(records))


ANNOTATIONS: dict[str, Annotation | None] = {
    "boxes": Boxes(np.array([[1, 2, 3, 4]]), np.array([0])),
    "instances": Instances(np.eye(3, dtype=int)),
    "mask": SemanticMask(np.eye(3, dtype=int)),
    "category": Category(1),
    "none": None,
}


def test_place_name_order_and_split_do_not_count(tmp_path: Path) -> None:
    first = make(tmp_path / "one", ANNOTATIONS)
    second = make(tmp_path / "two", dict(reversed(ANNOTATIONS.items())))
    second = replace(second, records=tuple(replace(r, split="test", group="g") for r in second))
    assert checksum(first) == checksum(second)
    assert len(checksum(first)) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"boxes": Boxes(np.array([[1, 2, 3, 4.001]]), np.array([0]))},
        {"boxes": Boxes(np.array([[1, 2, 3, 4]]), np.array([1]))},
        {"boxes": None},
        {"none": Boxes.empty()},
        {"category": Category(0)},
        {"mask": SemanticMask(np.eye(3, dtype=int)[::-1])},
        {"mask": Instances(np.eye(3, dtype=int))},
        {"another": None},
    ],
)
def test_every_change_of_a_label_changes_it(
    tmp_path: Path, change: dict[str, Annotation | None]
) -> None:
    first = make(tmp_path / "one", ANNOTATIONS)
    second = make(tmp_path / "two", ANNOTATIONS | change)
    assert checksum(first) != checksum(second)


def test_pixels_and_classes_count(tmp_path: Path) -> None:
    labelled = make(tmp_path / "one", ANNOTATIONS)
    before = checksum(labelled)
    assert checksum(replace(labelled, classes=("b", "a"))) != before
    labelled.records[0].image_path.write_bytes(b"other")
    assert checksum(labelled) != before
    labelled.records[0].image_path.unlink()
    with pytest.raises(DatasetError, match="the image cannot be read"):
        checksum(labelled)


def test_pictures_unpacked_anew_are_the_same_set(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    archive = tmp_path / "cells.npz"
    np.savez(
        archive,
        images=rng.integers(0, 255, (3, 2, 8, 8), dtype=np.uint8),
        labels=np.array([0, 1, 0]),
        class_names=np.array(["a", "b"]),
    )
    numbers, files = set(), set()
    for cache in ("one", "two"):
        monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / cache))
        labelled = read_labelled(archive)
        numbers.add(checksum(labelled))
        files.add(labelled.records[0].image_path.read_bytes())
    assert len(files) == 2  # each OME-TIFF has a name of its own
    assert len(numbers) == 1


def test_other_pixels_in_an_archive_are_another_set(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "cache"))
    numbers = set()
    for value in (0, 1):
        archive = tmp_path / f"{value}.npz"
        images = np.zeros((1, 1, 8, 8), np.uint8)
        images[0, 0, 0, 0] = value
        np.savez(archive, images=images, labels=np.array([0]), class_names=np.array(["a"]))
        numbers.add(checksum(read_labelled(archive)))
    assert len(numbers) == 2
