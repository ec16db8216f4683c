"""Folders of real runs and files of outlines, opened as layers."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from blob_model import discs, write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.errors import AnnotationError, CellwrightError, ImageError
from cellwright.images.geojson import write_geojson
from cellwright.images.imagej_roi import write_roi_zip
from cellwright.images.outlines import outline_cells
from cellwright.images.write import write_png, write_tiff
from cellwright.inference.run import RunOptions, predict_files
from cellwright.napari.read import get_reader
from cellwright.napari.run_layers import MOST_IMAGES, run_layers
from cellwright.types import Instances
from ink_cells import draw_ink, scattered_discs, write_ink_bundle


def run(folder: Path, model: Path) -> Path:
    """Predict the images of ``folder/in`` into ``folder/out``."""
    options = RunOptions(overlays="none")
    predict_files([folder / "in"], bundle=open_bundle(model), out=folder / "out", options=options)
    return folder / "out"


@pytest.fixture
def cells() -> Instances:
    return scattered_discs(9, (80, 100), seed=1)


@pytest.fixture
def segmented(cells: Instances, tmp_path: Path) -> Path:
    write_tiff(tmp_path / "in" / "a.tif", draw_ink(cells), pixel_size_um=0.5)
    write_png(tmp_path / "in" / "empty.png", np.zeros((1, 80, 100), np.uint8))
    return run(tmp_path, write_ink_bundle(tmp_path / "ink.cellwright"))


def test_a_run_opens_as_images_with_their_labels_and_table(
    segmented: Path, cells: Instances
) -> None:
    reader = get_reader(str(segmented))
    assert reader is not None
    image, labels, empty, no_labels = reader(str(segmented))
    assert [layer[2] for layer in (image, labels, empty, no_labels)] == ["image", "labels"] * 2
    np.testing.assert_array_equal(image[0], draw_ink(cells)[0])
    np.testing.assert_array_equal(labels[0] > 0, cells.labels > 0)
    assert labels[1]["features"]["index"] == list(range(1, len(cells) + 1))
    assert labels[1]["features"]["class"] == ["cell"] * len(cells)
    counted = np.bincount(labels[0].ravel())[1:].tolist()
    assert labels[1]["features"]["area"] == counted
    for layer in (image, labels):
        assert (layer[1]["scale"], layer[1]["units"]) == ((0.5, 0.5), ("um", "um"))
    assert "scale" not in empty[1]
    assert not no_labels[0].any()


def test_a_run_of_boxes_opens_as_rectangles_on_pixel_edges(tmp_path: Path) -> None:
    discs(tmp_path / "in", n_images=1)
    out = run(tmp_path, write_blob_model(tmp_path / "blobs.cellwright"))
    _, (corners, settings, kind) = run_layers(out)
    assert kind == "shapes" and len(corners) > 2
    for side in range(4):
        far = np.max if side > 1 else np.min
        found = [far(shape[:, side % 2]) + 0.5 for shape in corners]
        assert found == pytest.approx(settings["features"][f"bbox-{side}"])


def test_channels_are_layers_and_colours_are_one(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 64, 64)).astype(np.uint8)
    write_png(tmp_path / "in" / "rgb.png", pixels)
    write_tiff(tmp_path / "in" / "two.tif", pixels[:2], channel_names=("DAPI", "GFP"))
    model = write_blob_model(tmp_path / "blobs.cellwright")
    write_png(tmp_path / "in" / "grey.png", pixels[:1])
    out = run(tmp_path, model)
    # Only the grey one fits the model: the others are put into its row.
    table = (out / "summary.csv").read_text(encoding="utf-8")
    for name, names in (("rgb.png", ["grey"]), ("two.tif", ["grey DAPI", "grey GFP"])):
        (out / "summary.csv").write_text(table.replace("grey.png", name), encoding="utf-8")
        layers = [layer for layer in run_layers(out) if layer[2] == "image"]
        assert [layer[1]["name"] for layer in layers] == names
        assert layers[0][1]["rgb"] is (name == "rgb.png")


def test_images_that_are_gone_or_too_many_are_said(segmented: Path, tmp_path: Path) -> None:
    shutil.move(tmp_path / "in" / "a.tif", tmp_path / "elsewhere.tif")
    with pytest.warns(UserWarning, match="a is shown without its image"):
        layers = run_layers(segmented)
    assert [layer[2] for layer in layers] == ["labels", "image", "labels"]
    table = segmented / "summary.csv"
    head, *rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([head, *(rows[1:] * 20)]), encoding="utf-8")
    with pytest.warns(UserWarning, match="first 12 of 20 images"):
        assert len(run_layers(segmented)) == 2 * MOST_IMAGES


def test_a_run_without_result_and_a_broken_table(segmented: Path) -> None:
    table = segmented / "summary.csv"
    head, row, *_ = table.read_text(encoding="utf-8").splitlines()
    table.write_text(head, encoding="utf-8")
    with pytest.raises(ImageError, match="no image of this run has a result"):
        run_layers(segmented)
    table.write_text(f"{head}\n{row}".replace("80", "many"), encoding="utf-8")
    with pytest.raises(CellwrightError, match=r"summary\.csv: is no table of a run"):
        run_layers(segmented)


@pytest.mark.parametrize("suffix", [".geojson", ".zip"])
def test_outlines_open_as_labels_with_their_class(
    suffix: str, cells: Instances, tmp_path: Path
) -> None:
    classes = ("dead", "live")
    sorted_out = Instances(cells.labels, np.arange(len(cells)) % 2)
    path = tmp_path / f"a{suffix}"
    if suffix == ".zip":
        write_roi_zip(path, outline_cells(sorted_out, classes))
    else:
        write_geojson(path, outline_cells(sorted_out, classes), classes, image_id="a")
    reader = get_reader(str(path))
    assert reader is not None
    ((labels, settings, kind),) = reader(str(path))
    height, width = labels.shape
    assert kind == "labels"
    np.testing.assert_array_equal(labels, cells.labels[:height, :width])
    assert not cells.labels[height:].any() and not cells.labels[:, width:].any()
    assert settings["features"]["class"] == [classes[n % 2] for n in range(len(cells))]


def test_outlines_of_nothing_or_beyond_all_measure_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    reader = get_reader(str(path))
    assert reader is not None
    path.write_text("[]")
    with pytest.raises(AnnotationError, match="holds no outline"):
        reader(str(path))
    ring = [[0, 0], [1e6, 0], [1e6, 1e6], [0, 0]]
    feature = {"geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}}
    path.write_text(json.dumps([feature]))
    with pytest.raises(AnnotationError, match="too many for labels"):
        reader(str(path))


def test_what_is_not_ours_is_left_to_others(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.tif", b"")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    for path in (tmp_path, tmp_path / "other.zip", tmp_path / "broken.zip", tmp_path / "a.tif"):
        assert get_reader(str(path)) is None
    assert get_reader([str(tmp_path / "a.roi")]) is None
