"""A model in Python finds what ``predict`` writes into its tables, and refuses in words."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cellwright
from blob_model import discs, write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.errors import (
    AnnotationError,
    BundleError,
    ConfigError,
    ImageError,
    UnknownNameError,
)
from cellwright.images.read import read_image
from cellwright.images.write import write_tiff
from cellwright.inference.cells import OF_THE_FILE
from cellwright.inference.classifier import Classifier
from cellwright.inference.model import Model, load_model
from cellwright.inference.run import RunOptions, predict_files
from cellwright.types import Boxes
from corner_model import corner_bundle
from ink_cells import draw_ink, scattered_discs, write_ink_bundle


def predicted(folder: Path, model: Path, image: Path, **options: Any) -> list[dict[str, str]]:
    predict_files([image], bundle=open_bundle(model), out=folder, options=RunOptions(**options))
    with (folder / "cells.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_same_table(table: dict[str, list[Any]], rows: list[dict[str, str]]) -> None:
    assert rows
    assert [name for name in rows[0] if name not in OF_THE_FILE] == list(table)
    for column, values in table.items():
        written = ["" if value is None else str(value) for value in values]
        assert written == [row[column] for row in rows], column


def test_boxes_are_those_of_predict(tmp_path: Path) -> None:
    path = write_blob_model(tmp_path / "blobs.cellwright")
    image = discs(tmp_path / "in", n_images=1).records[0].image_path
    rows = predicted(tmp_path / "out", path, image)
    model = load_model(path)
    cells = model.find_cells(read_image(image).pixels[0])
    assert_same_table(cells.table, rows)
    assert isinstance(cells.found, Boxes)
    assert cells.boxes is cells.found
    assert cells.counts == {"disc": len(rows)}
    assert not cells.capped
    np.testing.assert_array_equal(
        cells.picture(),
        read_image(tmp_path / f"out/overlays/{image.stem}.png").pixels.transpose(1, 2, 0),
    )
    none = model.find_cells(image, score_threshold=1.0)
    assert (len(none), none.table["label"]) == (0, [])
    with pytest.raises(BundleError, match="no outlines"):
        _ = cells.labels


def test_labels_are_those_of_predict_in_micrometres(tmp_path: Path) -> None:
    path = write_ink_bundle(tmp_path / "ink.cellwright")
    pixels = draw_ink(scattered_discs(9, (80, 100), seed=1))
    write_tiff(tmp_path / "a.tif", pixels, pixel_size_um=0.5)
    rows = predicted(tmp_path / "out", path, tmp_path / "a.tif")
    model = load_model(path)
    for image, size in ((tmp_path / "a.tif", None), (pixels, 0.5)):
        cells = model.find_cells(image, pixel_size_um=size)
        assert_same_table(cells.table, rows)
        np.testing.assert_array_equal(
            cells.labels, read_image(tmp_path / "out/labels/a.tif").pixels[0]
        )
        assert len(cells.boxes) == len(cells) == cells.labels.max()
        assert cells.picture(max_edge=50).shape == (40, 50, 3)
        assert cells.mask is None
    assert repr(cells) == f"<{len(rows)} cells: cell {len(rows)}>"
    (tmp_path / "a.tif").unlink()
    moved = model.find_cells(pixels)
    moved.picture()  # of an array nothing is read again


def test_a_picture_of_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    model = load_model(write_ink_bundle(tmp_path / "ink.cellwright"))
    write_tiff(tmp_path / "a.tif", draw_ink(scattered_discs(2, (40, 40))), pixel_size_um=None)
    cells = model.find_cells(tmp_path / "a.tif")
    (tmp_path / "a.tif").unlink()
    with pytest.raises(ImageError, match=r"a\.tif"):
        cells.picture()


def test_a_model_of_pixels_gives_classes_and_their_regions(tmp_path: Path) -> None:
    model = load_model(write_ink_bundle(tmp_path / "ink.cellwright", "two_masks"))
    pixels = np.repeat(np.array([0, 60, 255], np.uint8), 8)[None].repeat(9, 0)
    cells = model.find_cells(pixels)
    assert cells.mask is not None
    assert cells.mask.mask[0].tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert cells.counts == {"dim": 1, "bright": 1}
    everything = model.find_cells(pixels, score_threshold=0.0)
    assert everything.mask is not None and everything.mask.mask.min() > 0


def test_the_range_of_a_count_holds_what_was_counted(calibrated_dots: Any) -> None:
    model = Model(calibrated_dots)
    pixels = np.zeros((64, 64), np.uint8)
    pixels[10, 10], pixels[40, 40] = 5, 6
    cells = model.find_cells(pixels)
    assert cells.counts == {"live": 2, "dead": 0}
    assert cells.count_range is not None
    low, high = cells.count_range
    assert low <= 2 <= high
    assert f"true count {low} to {high}" in repr(cells)


def test_crops_are_classified_as_the_classifier_does(tmp_path: Path) -> None:
    bundle = corner_bundle(tmp_path / "corner.cellwright")
    crops = [np.full((4, 4), value, np.uint8) for value in (0, 90, 100)]
    found = Model(bundle).classify(crops)
    expected = Classifier(bundle).classify([crop[None] for crop in crops])
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert len(Model(bundle).classify([])) == 0
    with pytest.raises(ImageError, match="crop 2"):
        Model(bundle).classify([crops[0][None], np.zeros((2, 4, 4), np.uint8)], axes="CYX")


def test_cells_of_a_field_are_classified_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    model = Model(corner_bundle(tmp_path / "corner.cellwright"))
    field, labels = np.zeros((12, 24), np.uint8), np.zeros((12, 24), np.int32)
    field[2:10, 2:10], labels[4:8, 4:8] = 100, 7
    labels[4:8, 16:20] = 3
    found = model.classify_cells(field, labels)
    # A black corner says nothing: both classes are as likely.
    assert found.probabilities[:, 0].round(2).tolist() == [0.5, 0.88]
    with pytest.raises(ImageError, match="do not fit"):
        model.classify_cells(field, labels[:5])
    with pytest.raises(AnnotationError):
        model.classify_cells(field, labels - 1)


def test_a_field_is_not_classified_as_one_cell(tmp_path: Path) -> None:
    model = Model(corner_bundle(tmp_path / "corner.cellwright"))
    with pytest.raises(ImageError, match=r"crop 2: 40 x 9 pixels are much more") as caught:
        model.classify([np.zeros((4, 4)), np.zeros((9, 40))])
    assert "classify_cells" in caught.value.remedy


def test_settings_of_classification_are_checked_and_channels_found_by_name(tmp_path: Path) -> None:
    model = cellwright.load_model("cell-cycle")
    wanted = model.card.input.channel_names
    crop = np.random.default_rng(0).integers(0, 4000, (3, 40, 40), np.uint16)
    told = model.classify([crop], axes="CYX", channel_names=np.array(wanted))  # type: ignore[arg-type]
    moved = model.classify([crop[::-1]], axes="CYX", channel_names=wanted[::-1])
    np.testing.assert_array_equal(told.probabilities, moved.probabilities)
    labels = np.zeros((40, 40))
    labels[10:30, 10:30] = 1.0
    model.classify_cells(crop, labels, axes="CYX", channel_names=wanted)
    for names, what in ((wanted[:2], "3 channels but 2"), (("a", "b", "c"), "wants a channel")):
        with pytest.raises(ImageError, match=what):
            model.classify([crop], axes="CYX", channel_names=names)
    for size in (0.0, -1.0, float("nan")):
        with pytest.raises(ConfigError):
            model.classify([crop], axes="CYX", pixel_size_um=size)
        with pytest.raises(ConfigError):
            model.classify_cells(crop, labels, axes="CYX", pixel_size_um=size)
    for bad, what in ((labels > 0, "number them first"), (labels + 0.5, "whole numbers")):
        with pytest.raises(AnnotationError, match=what):
            model.classify_cells(crop, bad, axes="CYX")


def test_models_and_cells_go_to_other_processes(tmp_path: Path) -> None:
    model = load_model(write_ink_bundle(tmp_path / "ink.cellwright"), runtime="onnxruntime")
    pixels = draw_ink(scattered_discs(3, (40, 50), seed=1))
    cells = model.find_cells(pixels)
    sent, there = pickle.loads(pickle.dumps((cells, model)))
    assert sent.table == cells.table
    np.testing.assert_array_equal(sent.picture(), cells.picture())
    assert (there.runtime, there.find_cells(pixels).table) == ("onnxruntime", cells.table)


def test_each_kind_of_model_says_what_it_cannot_do(tmp_path: Path) -> None:
    says = Model(corner_bundle(tmp_path / "corner.cellwright"))
    finds = load_model(write_ink_bundle(tmp_path / "ink.cellwright"))
    assert (says.finds_cells, finds.finds_cells) == (False, True)
    with pytest.raises(BundleError, match="call classify"):
        says.find_cells(np.zeros((4, 4)))
    for call in (
        lambda: finds.classify([np.zeros((4, 4))]),
        lambda: finds.classify_cells(np.zeros((4, 4)), np.ones((4, 4), int)),
    ):
        with pytest.raises(BundleError):
            call()
    with pytest.raises(ConfigError):
        finds.find_cells(np.zeros((4, 4)), pixel_size_um=-1)
    with pytest.raises(ConfigError, match="at least one thread"):
        load_model("nuclei", threads=0)
    with pytest.raises(ImageError, match="longest edge"):
        finds.find_cells(np.zeros((4, 4))).picture(max_edge=0)
    with pytest.raises(UnknownNameError, match="nuclei"):
        load_model("nucleus")
    with pytest.raises(UnknownNameError):
        load_model("nuclei", runtime="abacus")


def test_the_package_offers_what_its_types_say() -> None:
    stub = Path(cellwright.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    typed = {line.rsplit(" as ")[-1] for line in stub.splitlines() if line.startswith("from ")}
    offered = set(dir(cellwright)) - {"__version__"}
    assert offered == typed
    for name in offered:
        assert getattr(cellwright, name).__name__ == name
    with pytest.raises(AttributeError, match="load_modle"):
        _ = cellwright.load_modle  # type: ignore[attr-defined]
