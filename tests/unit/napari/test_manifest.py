"""What napari is offered, by the plug-in engine that napari uses: nothing of it leads nowhere."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManager, PluginManifest, read, write

import cellwright.napari
from cellwright.data.formats import read_labelled
from cellwright.images.geojson import write_geojson
from cellwright.images.imagej_roi import write_roi_zip
from cellwright.images.outlines import outline_cells
from ink_cells import draw_ink, scattered_discs

MANIFEST = Path(cellwright.napari.__file__).with_name("napari.yaml")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def manager(npe2pm: PluginManager) -> PluginManager:
    """The engine with this plug-in alone."""
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    return npe2pm


def test_every_command_is_a_function_that_is_there_and_used() -> None:
    contributions = PluginManifest.from_file(MANIFEST).contributions
    commands = {one.id: one.python_name for one in contributions.commands or ()}
    assert len(commands) == 5
    for python_name in commands.values():
        module, name = str(python_name).split(":")
        assert callable(getattr(importlib.import_module(module), name))
    used = [
        one.command
        for kind in (contributions.widgets, contributions.readers, contributions.writers)
        for one in kind or ()
    ]
    assert sorted(used) == sorted(commands)


def test_the_package_ships_the_manifest_and_says_where_it_is() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert (
        '[project.entry-points."napari.manifest"]\ncellwright = "cellwright.napari:napari.yaml"'
        in (text)
    )
    (shipped,) = re.findall(r"^cellwright = \[\"py\.typed\".*\]$", text, re.MULTILINE)
    assert '"napari/napari.yaml"' in shipped


@pytest.mark.parametrize("suffix", [".geojson", ".zip", ".ZIP"])
def test_napari_asks_our_reader_for_outlines(
    suffix: str, manager: PluginManager, tmp_path: Path
) -> None:
    cells, path = scattered_discs(9, (80, 100), seed=1), tmp_path / f"a{suffix}"
    outlines = outline_cells(cells, ("cell",))
    if suffix == ".geojson":
        write_geojson(path, outlines, ("cell",), image_id="a")
    else:
        write_roi_zip(path, outlines)
    ((labels, _, kind),) = read([str(path)], stack=False)
    assert (kind, labels.max()) == ("labels", 9)


def test_napari_asks_our_reader_for_folders_and_not_for_pictures(
    manager: PluginManager, tmp_path: Path
) -> None:
    assert len(list(manager.iter_compatible_readers([str(tmp_path)]))) == 1
    for name in ("a.tif", "a.png", "a.zarr.json"):
        assert not list(manager.iter_compatible_readers([str(tmp_path / name)]))


def test_an_image_and_its_labels_are_written_as_a_set(
    manager: PluginManager, tmp_path: Path
) -> None:
    assert not list(manager.iter_compatible_writers(["labels"]))
    cells = scattered_discs(9, (80, 100), seed=1)
    layers = [
        (draw_ink(cells)[0], {"name": "a"}, "image"),
        (cells.labels, {"name": "a cells"}, "labels"),
    ]
    write(str(tmp_path / "set"), layers)
    (record,) = read_labelled(tmp_path / "set")
    np.testing.assert_array_equal(record.load_annotation().labels, cells.labels)
