"""The plug-in in a real napari without a screen: windows clicked, results opened, labels saved.

Skipped where napari and a Qt are not installed: ``pip install '.[napari]' pyqt6 pytest-qt``. Qt's
offscreen windows draw with OpenGL through a display, which ``xvfb-run`` gives a machine without.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cellwright.napari
from blob_model import discs, write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.data.formats import read_labelled
from cellwright.images.write import write_tiff
from cellwright.inference.run import RunOptions, predict_files
from ink_cells import draw_ink, scattered_discs, write_ink_bundle

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
napari = pytest.importorskip("napari", reason="the extra napari is not installed")
pytest.importorskip("pytestqt", reason="pytest-qt is not installed")
pytest.importorskip("qtpy.QtWidgets", reason="no Qt is installed", exc_type=Exception)

MANIFEST = Path(cellwright.napari.__file__).with_name("napari.yaml")
CELLS = scattered_discs(9, (80, 100), seed=1)
WAIT_MS = 60_000


@pytest.fixture
def viewer(npe2pm: Any, make_napari_viewer: Any) -> Any:
    from npe2 import PluginManifest

    npe2pm.register(PluginManifest.from_file(MANIFEST))
    return make_napari_viewer()


@pytest.fixture
def told(viewer: Any) -> Iterator[list[str]]:
    """What napari told its user."""
    from napari.utils.notifications import notification_manager

    messages: list[str] = []

    def keep(notification: Any) -> None:
        messages.append(f"{notification.severity.value}: {notification.message}")

    notification_manager.notification_ready.connect(keep)
    yield messages
    notification_manager.notification_ready.disconnect(keep)


def window(viewer: Any, name: str) -> Any:
    return viewer.window.add_plugin_dock_widget("cellwright", name)[1]


def find(viewer: Any, model: Path | str, qtbot: Any) -> Any:
    widget = window(viewer, "Find cells")
    if isinstance(model, Path):
        widget.file.value = model
    else:
        widget.model.value = model
    widget.find.native.click()
    assert not widget.find.enabled
    qtbot.waitUntil(lambda: widget.find.enabled, timeout=WAIT_MS)
    return widget


def test_cells_are_found_corrected_and_saved(
    viewer: Any, told: list[str], qtbot: Any, tmp_path: Path
) -> None:
    image = viewer.add_image(draw_ink(CELLS)[0], name="a", scale=(0.5, 0.5), units=("um", "um"))
    find(viewer, write_ink_bundle(tmp_path / "ink.cellwright"), qtbot)
    labels = viewer.layers[1]
    assert isinstance(labels, napari.layers.Labels)
    np.testing.assert_array_equal(labels.data > 0, CELLS.labels > 0)
    assert list(labels.features["index"]) == list(range(1, 10))
    assert {"class", "score", "area", "area_um2"} < set(labels.features)
    np.testing.assert_array_equal(labels.extent.world, image.extent.world)
    assert told == ["info: a: 9 cells (cell 9)"]

    labels.paint((1, 1), 40)
    save = window(viewer, "Save corrected labels")
    save.folder.value = tmp_path / "set"
    save.save.native.click()
    assert told[-1] == f"info: saved {tmp_path / 'set/instances/a.png'}"
    (record,) = read_labelled(tmp_path / "set")
    sample = record.load()
    assert len(sample.annotation) == 10
    assert sample.pixel_size_um == pytest.approx(0.5)


def test_a_window_that_is_closed_while_a_model_works_leaves_its_cells(
    viewer: Any, told: list[str], qtbot: Any, tmp_path: Path
) -> None:
    viewer.add_image(draw_ink(CELLS)[0], name="a")
    model = write_ink_bundle(tmp_path / "ink.cellwright")
    dock, widget = viewer.window.add_plugin_dock_widget("cellwright", "Find cells")
    widget.file.value = model
    widget.find.native.click()
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=WAIT_MS)
    assert told == ["info: a: 9 cells (cell 9)"]


def test_boxes_frame_their_cells(viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    sample = discs(tmp_path, n_images=1).records[0].load()
    viewer.add_image(np.repeat(sample.image, 3, axis=0), name="stack")
    viewer.dims.set_current_step(0, 2)
    find(viewer, write_blob_model(tmp_path / "blobs.cellwright"), qtbot)
    shapes = viewer.layers[1]
    assert isinstance(shapes, napari.layers.Shapes)
    assert len(shapes.data) == len(shapes.features) > 2
    assert set(shapes.features["class"]) == {"disc"}
    assert {value for shape in shapes.data for value in shape[:, 0]} == {2.0}

    n_found = len(shapes.data)
    shapes.add_rectangles(np.array([[2, 0, 0], [2, 0, 9], [2, 9, 9], [2, 9, 0]]))
    assert list(shapes.features["class"])[-1] == ""  # a person's box is not yet of any class
    save = window(viewer, "Save corrected labels")
    save.cells.value = shapes
    save.folder.value = tmp_path / "boxes"
    save.save.native.click()
    (record,) = read_labelled(tmp_path / "boxes")
    assert len(record.load_annotation()) == n_found + 1
    np.testing.assert_array_equal(record.load().image, sample.image)
    middles = np.array([shape[:, 1:].mean(axis=0) for shape in shapes.data])
    for x, y in sample.annotation.centres_xy - 0.5:
        assert np.hypot(*(middles - (y, x)).T).min() < 3


def test_errors_are_told_in_words(viewer: Any, told: list[str], qtbot: Any) -> None:
    widget = window(viewer, "Find cells")
    widget.find.native.click()
    assert told == ["error: there is no image layer: open an image first"]
    viewer.add_image(np.array([[0, 1 << 30]], np.int32), name="counts")
    find(viewer, "nuclei", qtbot)
    assert told[1].startswith("error: counts: int32 pixels from 0 to 1073741824 fit no supported")
    window(viewer, "Save corrected labels").save.native.click()
    assert told[2].startswith("error: choose an image, its labels or boxes, and the")


def test_a_run_is_opened_and_layers_are_saved_by_the_menus(viewer: Any, tmp_path: Path) -> None:
    write_tiff(tmp_path / "in" / "a.tif", draw_ink(CELLS), pixel_size_um=0.5)
    bundle = open_bundle(write_ink_bundle(tmp_path / "ink.cellwright"))
    options = RunOptions(overlays="none", outlines="both")
    predict_files([tmp_path / "in"], bundle=bundle, out=tmp_path / "out", options=options)
    image, labels = viewer.open(tmp_path / "out", plugin="cellwright")
    assert (image.name, labels.name) == ("a", "a cells")
    assert labels.scale.tolist() == [0.5, 0.5] and str(labels.units[0]) == "micrometer"
    viewer.layers.save(str(tmp_path / "set"), plugin="cellwright")
    (record,) = read_labelled(tmp_path / "set")
    np.testing.assert_array_equal(record.load_annotation().labels, labels.data)
    for name in ("a.zip", "a.geojson"):
        (outlined,) = viewer.open(tmp_path / "out" / "outlines" / name, plugin="cellwright")
        assert outlined.data.max() == 9
