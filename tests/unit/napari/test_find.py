"""Cells found in a layer are those that predict finds in the file, at their place in napari."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blob_model import discs, write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.errors import BundleError, ConfigError, ImageError, UnknownNameError
from cellwright.images.read import read_image
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_pair
from cellwright.images.write import write_tiff
from cellwright.inference.run import RunOptions, predict_files
from cellwright.napari.find import find_cells, model_names
from cellwright.napari.layers import KEY
from cellwright.napari.plane import plane_of
from ink_cells import draw_ink, scattered_discs, write_ink_bundle

UM = {"units": ("um", "um"), "scale": (0.5, 0.5)}


def predicted(folder: Path, model: Path, image: Path) -> list[dict[str, str]]:
    predict_files(
        [image], bundle=open_bundle(model), out=folder, options=RunOptions(overlays="none")
    )
    with (folder / "cells.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_same_table(features: dict[str, list[Any]], rows: list[dict[str, str]]) -> None:
    for column, values in features.items():
        expected = [row["label" if column == "index" else column] for row in rows]
        assert [str(value) for value in values] == expected, column


def test_boxes_are_those_of_predict_and_lie_on_pixel_edges(tmp_path: Path) -> None:
    model = write_blob_model(tmp_path / "blobs.cellwright")
    image = discs(tmp_path / "in", n_images=1).records[0].image_path
    rows = predicted(tmp_path / "out", model, image)
    plane = plane_of(read_image(image).pixels[0], {"name": "discs"})
    found = find_cells(plane, model)
    ((corners, settings, kind),) = found.layers
    assert (kind, len(corners)) == ("shapes", len(rows))
    assert_same_table(settings["features"], rows)
    for shape, row in zip(corners, rows, strict=True):
        expected = [float(row[f"bbox-{side}"]) - 0.5 for side in range(4)]
        assert [*shape.min(axis=0), *shape.max(axis=0)] == pytest.approx(expected, abs=0.01)
    assert found.sentence == f"discs: {len(rows)} cells (disc {len(rows)})"
    assert settings["edge_color"].shape == (len(rows), 3)


def test_labels_are_those_of_predict_with_its_table(tmp_path: Path) -> None:
    model = write_ink_bundle(tmp_path / "ink.cellwright")
    pixels = draw_ink(scattered_discs(9, (80, 100), seed=1))
    write_tiff(tmp_path / "a.tif", pixels, pixel_size_um=0.5)
    rows = predicted(tmp_path / "out", model, tmp_path / "a.tif")
    ((labels, settings, kind),) = find_cells(plane_of(pixels[0], {"name": "a", **UM}), model).layers
    assert kind == "labels"
    np.testing.assert_array_equal(labels, read_image(tmp_path / "out/labels/a.tif").pixels[0])
    assert_same_table(settings["features"], rows)
    assert {"class", "score", "area", "area_um2"} < set(settings["features"])
    assert settings["units"] == UM["units"]
    labels[0, 0] = 1  # it can be painted on


def test_a_model_of_masks_gives_the_classes_too(tmp_path: Path) -> None:
    model = write_ink_bundle(tmp_path / "ink.cellwright", "two_masks")
    pixels = np.repeat(np.array([0, 60, 255], np.uint8), 8)[None].repeat(9, 0)
    (mask, legend, _), (cells, settings, _) = find_cells(plane_of(pixels, {}), model).layers
    assert mask[0].tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert legend["features"] == {"index": [1, 2], "class": ["dim", "bright"]}
    assert settings["features"]["class"] == ["dim", "bright"]
    assert cells.max() == 2


def test_in_a_stack_the_cells_lie_in_their_plane(tmp_path: Path) -> None:
    model = write_ink_bundle(tmp_path / "ink.cellwright")
    stack = np.zeros((5, 80, 100), np.uint8)
    stack[3] = draw_ink(scattered_discs(9, (80, 100), seed=1))[0]
    placing = {"scale": (2.0, 0.5, 0.5), "translate": (1.0, 2.0, 3.0), "rotate": np.eye(3)}
    ((labels, settings, _),) = find_cells(plane_of(stack, placing, (3,)), model).layers
    assert labels.shape == (1, 80, 100) and labels.max() == 9
    assert settings["translate"] == (7.0, 2.0, 3.0)
    assert settings["metadata"][KEY] == {"classes": ["cell"], "plane": [3]}
    turned = {**placing, "rotate": np.eye(3)[[1, 0, 2]]}
    with pytest.raises(ImageError, match="turned"):
        find_cells(plane_of(stack, turned, (3,)), model)


def test_boxes_in_a_stack_lie_in_their_plane(tmp_path: Path) -> None:
    model = write_blob_model(tmp_path / "blobs.cellwright")
    image = discs(tmp_path / "in", n_images=1).records[0].image_path
    stack = read_image(image).pixels.repeat(3, axis=0)
    ((corners, settings, _),) = find_cells(plane_of(stack, {}, (2,)), model).layers
    assert settings["ndim"] == 3
    assert {value for shape in corners for value in shape[:, 0]} == {2.0}


@pytest.mark.parametrize("write", [write_blob_model, write_ink_bundle])
def test_nothing_found_is_an_empty_layer(write: Any, tmp_path: Path) -> None:
    found = find_cells(plane_of(np.zeros((64, 64), np.uint8), {}), write(tmp_path / "a.cellwright"))
    data, settings, _ = found.layers[0]
    assert not np.asarray(data).any()
    assert not any(settings["features"].values())
    assert found.sentence.startswith("image: 0 cells")


@pytest.mark.parametrize("model", ["nuclei", "live-dead-fluo"])
def test_models_of_the_zoo_find_simulated_nuclei(model: str) -> None:
    scene = LiveDeadScene(height=400, width=500, n_cells=20, clump_fraction=0, weak_fraction=0)
    found = find_cells(plane_of(simulate_pair(scene).blue[0], {"name": "blue"}), model)
    n_found = len(found.layers[0][1]["features"]["class"])
    assert 17 <= n_found <= 23
    assert f"{n_found} cells" in found.sentence
    assert ("true count" in found.sentence) == (model == "live-dead-fluo")


def test_models_that_find_nothing_and_wrong_settings_are_refused(tmp_path: Path) -> None:
    plane = plane_of(np.zeros((64, 64), np.uint8), {})
    assert "nuclei" in model_names() and "cell-cycle" not in model_names()
    with pytest.raises(BundleError, match="finds none") as caught:
        find_cells(plane, "cell-cycle")
    assert "nuclei" in caught.value.remedy
    with pytest.raises(UnknownNameError, match="nuclei"):
        find_cells(plane, "nuclej")
    with pytest.raises(ConfigError, match="scale"):
        find_cells(plane, "nuclei", scale=20)
    with pytest.raises(ImageError, match="3 channels"):
        colours = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
        find_cells(plane_of(colours, {"rgb": True}), "nuclei")
