"""BBBC048: a folder a phase, a JPEG a channel, one image a cell."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cellwright.data.formats import read_labelled
from cellwright.data.formats.bbbc048 import CHANNELS, CLASSES
from cellwright.data.formats.sidecar import write_groups
from cellwright.errors import AnnotationError, DatasetError, ImageError


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Two cells a phase; the grey level says phase and channel."""
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "cache"))
    number = 0
    for phase, name in enumerate(CLASSES):
        folder = tmp_path / "BBBC048" / "CellCycle" / name
        folder.mkdir(parents=True)
        for _ in range(2):
            number += 1
            for place, channel in enumerate(CHANNELS):
                grey = np.full((66, 66), 20 * phase + 60 * place, np.uint8)
                # Some were saved as colour.
                pixels = grey if number % 2 else np.repeat(grey[..., None], 3, axis=2)
                cv2.imwrite(str(folder / f"{number}_{channel}.ome.jpg"), pixels)
    return tmp_path / "BBBC048"


@pytest.mark.parametrize("inner", ["", "CellCycle"])
def test_a_cell_is_one_image_of_three_named_channels(archive, inner):
    labelled = read_labelled(archive / inner)
    assert labelled.classes == CLASSES
    assert len(labelled) == 14
    sample = next(record for record in labelled if record.id == "7").load()
    assert sample.annotation.class_id == CLASSES.index("Prophase")
    assert sample.image.shape == (3, 66, 66)
    assert sample.image.dtype == np.uint8
    assert sample.channel_names == tuple(CHANNELS.values())
    np.testing.assert_allclose(sample.image.mean(axis=(1, 2)), [60, 120, 180], atol=1)


def test_files_that_changed_are_read_anew(archive):
    read_labelled(archive)
    path = archive / "CellCycle" / "G1" / "1_Ch3.ome.jpg"
    cv2.imwrite(str(path), np.full((66, 66), 200, np.uint8))
    first = next(record for record in read_labelled(archive) if record.id == "1").load()
    assert abs(float(first.image[0].mean()) - 200) < 2


def test_what_is_damaged_is_named(archive):
    folder = archive / "CellCycle" / "S"
    kept = (folder / "3_Ch4.ome.jpg").read_bytes()
    (folder / "3_Ch4.ome.jpg").unlink()
    with pytest.raises(DatasetError, match="a channel of a cell is missing"):
        read_labelled(archive)
    (folder / "3_Ch4.ome.jpg").write_bytes(kept[:40])
    with pytest.raises(ImageError):
        read_labelled(archive)
    cv2.imwrite(str(folder / "3_Ch4.ome.jpg"), np.zeros((60, 66), np.uint8))
    with pytest.raises(DatasetError, match="differ in size"):
        read_labelled(archive)


def test_a_cell_has_one_phase(archive):
    for channel in CHANNELS:
        source = archive / "CellCycle" / "G1" / f"1_{channel}.ome.jpg"
        (archive / "CellCycle" / "G2" / source.name).write_bytes(source.read_bytes())
    with pytest.raises(AnnotationError, match="'1' lies in two phases"):
        read_labelled(archive)


def test_an_empty_folder_holds_no_cells(tmp_path):
    with pytest.raises(DatasetError, match="no cells of BBBC048"):
        read_labelled(tmp_path, format="bbbc048")


def test_a_sidecar_that_would_not_be_heeded_is_refused(archive):
    labelled = read_labelled(archive)
    with pytest.raises(DatasetError, match="its images lie in no folder of the set"):
        write_groups(archive, labelled, {record.id: "one" for record in labelled})
    (archive / "cellwright.csv").write_text("image,id,group,split,pixel_size_um\n")
    with pytest.raises(DatasetError, match="has no effect on a set of the layout bbbc048"):
        read_labelled(archive)
