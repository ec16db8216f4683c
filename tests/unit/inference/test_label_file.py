"""Fields whose cells a label image tells apart: the numbers of cells, and runs that go on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import Bundle
from cellwright.errors import ConfigError
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


def test_label_images_within_the_folder_of_the_fields_are_no_fields(
    field: Path, bundle: Bundle
) -> None:
    (field / "labels").rename(field / "fields" / "labels")
    options = RunOptions(labels_dir=str(field / "fields" / "labels"))
    out = field / "out"
    done = predict_files([field / "fields"], bundle=bundle, out=out, options=options)
    assert (done.n_images, len(rows_of(field))) == (1, 2)


def test_a_folder_of_fields_within_that_of_the_label_images_is_searched(
    field: Path, bundle: Bundle
) -> None:
    (field / "fields").rename(field / "labels" / "fields")
    options, out = RunOptions(labels_dir=str(field / "labels")), field / "out"
    inputs = [field / "labels" / "fields"]
    assert predict_files(inputs, bundle=bundle, out=out, options=options).n_done == 1


def test_fields_of_one_name_do_not_share_a_label_image(field: Path, bundle: Bundle) -> None:
    for day in ("day1", "day2"):
        write_tiff(field / "fields" / day / "a.tif", np.full((1, 16, 16), 80, np.uint16))
    (field / "fields" / "a.tif").unlink()
    with pytest.raises(ConfigError, match=r"label image of .*day1.* and of .*day2"):
        predicted(field, bundle)
    labels = np.zeros((16, 16), np.int32)
    labels[5:7, 5:7] = 3
    write_labels(field / "labels" / "day2" / "a.tif", labels)
    (field / "labels" / "a.tif").rename(field / "labels" / "day1__a.tif")
    predicted(field, bundle)
    assert [(row["group"], row["label"]) for row in rows_of(field)] == [
        *(("day1", "5"), ("day1", "9")),
        ("day2", "3"),
    ]


def test_a_field_is_not_its_own_label_image(field: Path, bundle: Bundle) -> None:
    options = RunOptions(labels_dir=str(field / "fields"))
    done = predict_files([field / "fields"], bundle=bundle, out=field / "out", options=options)
    assert (done.n_done, len(done.errors)) == (0, 1)
