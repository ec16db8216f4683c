"""Fields whose cells a label image tells apart: the numbers of cells, and runs that go on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import Bundle
from cellwright.images.write import write_labels, write_tiff
from cellwright.inference.run import RunOptions, RunSummary, predict_files
from corner_model import corner_bundle


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """A field with two cells that its label image calls 5 and 9."""
    (tmp_path / "fields").mkdir()
    (tmp_path / "labels").mkdir()
    write_tiff(tmp_path / "fields" / "a.tif", np.full((1, 16, 16), 80, np.uint16))
    labels = np.zeros((16, 16), np.int32)
    labels[2:4, 2:4], labels[10:12, 10:12] = 9, 5
    write_labels(tmp_path / "labels" / "a.tif", labels)
    return tmp_path


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return corner_bundle(tmp_path / "corner.cellwright")


def predicted(folder: Path, bundle: Bundle) -> RunSummary:
    options = RunOptions(labels_dir=str(folder / "labels"))
    return predict_files([folder / "fields"], bundle=bundle, out=folder / "out", options=options)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "out" / "cells.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_cells_are_called_as_in_their_label_image(field: Path, bundle: Bundle) -> None:
    predicted(field, bundle)
    found = {row["label"]: (row["bbox-0"], row["bbox-1"]) for row in rows_of(field)}
    assert found == {"5": ("10", "10"), "9": ("2", "2")}


def test_a_field_is_done_anew_when_its_label_image_changed(field: Path, bundle: Bundle) -> None:
    predicted(field, bundle)
    assert predicted(field, bundle).n_resumed == 1
    labels = np.zeros((16, 16), np.int32)
    labels[5:7, 5:7] = 3
    write_labels(field / "labels" / "a.tif", labels)
    assert predicted(field, bundle).n_resumed == 0
    assert [row["label"] for row in rows_of(field)] == ["3"]


def test_a_field_whose_label_image_is_gone_is_an_error_not_an_old_result(
    field: Path, bundle: Bundle
) -> None:
    predicted(field, bundle)
    (field / "labels" / "a.tif").unlink()
    (error,) = predicted(field, bundle).errors.values()
    assert "no label image of this name" in error.what
    assert rows_of(field) == []


def test_the_folder_of_label_images_is_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunOptions(labels_dir="labels").labels_dir == str(tmp_path / "labels")
