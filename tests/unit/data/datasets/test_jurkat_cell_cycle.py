"""The published montages, simulated: what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.data.datasets.jurkat_cell_cycle import CHANNELS, CLASSES, FOLDERS, arrange
from cellwright.data.formats.npz import read
from cellwright.errors import DatasetError
from cellwright.images.write import write_tiff


@pytest.fixture
def published(tmp_path):
    """Two by two tiles a class; S holds three cells, the last of which repeats the first."""
    rng = np.random.default_rng(0)
    for name in CLASSES:
        folder = tmp_path / "archive" / "images" / "Experiment_1" / FOLDERS[name]
        folder.mkdir(parents=True)
        for channel in CHANNELS:
            plane = rng.integers(20, 900, (1, 80, 80)).astype(np.uint16)
            if name == "S":
                plane[:, 40:, 40:] = 0
                plane[:, :40, 40:] = plane[:, :40, :40]
            write_tiff(folder / f"{channel}_CP0001.tif", plane)
    return tmp_path / "archive"


def test_montages_become_cells(published, tmp_path):
    out = tmp_path / "set"
    out.mkdir()
    arrange(published, out)
    labelled = read(out)
    assert labelled.classes == CLASSES
    counts = np.bincount([one.load_annotation().class_id for one in labelled])
    assert counts.tolist() == [4, 2, 4, 4, 4, 4, 4]
    sample = labelled.records[0].load()
    assert sample.image.shape == (3, 40, 40)
    assert sample.channel_names == tuple(CHANNELS.values())


def test_a_missing_channel_is_said(published, tmp_path):
    (published / "images" / "Experiment_1" / "G2" / "Ch6_CP0001.tif").unlink()
    with pytest.raises(DatasetError, match="Ch6"):
        arrange(published, tmp_path)
