"""Published grey levels become classes, in the published layout and in ours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cellwright.data.datasets.wbc_segmentation import CLASSES, arrange, read
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.write import write_png

LEVELS = np.array([[0, 128, 255], [0, 127, 250], [3, 140, 255]], np.uint8)
IDS = [[0, 1, 2], [0, 1, 2], [0, 1, 2]]


@pytest.fixture
def published(tmp_path):
    rng = np.random.default_rng(0)
    for part in ("Dataset 1", "Dataset 2"):
        folder = tmp_path / "archive" / part
        folder.mkdir(parents=True)
        picture = rng.integers(0, 255, (3, 3, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / "001.bmp"), picture)
        write_png(folder / "001.png", LEVELS[None])
    return tmp_path / "archive"


def test_both_parts_stand_in_one_set(published, tmp_path):
    out = tmp_path / "set"
    out.mkdir()
    arrange(published, out)
    labelled = read(out)
    assert labelled.classes == CLASSES
    assert [record.id for record in labelled] == ["ds1_001", "ds2_001"]
    assert labelled.records[0].load_annotation().mask.tolist() == IDS
    assert labelled.records[1].load().image.shape == (3, 3, 3)


def test_the_published_levels_are_read_as_they_are(tmp_path):
    write_png(tmp_path / "images" / "ds1_007.png", np.zeros((3, 3, 3), np.uint8))
    write_png(tmp_path / "masks" / "ds1_007.png", LEVELS[None])
    labelled = read(tmp_path)
    assert labelled.classes == CLASSES
    assert labelled.records[0].load_annotation().mask.tolist() == IDS


def test_a_picture_without_mask_is_said(published, tmp_path):
    (published / "Dataset 2" / "001.png").unlink()
    with pytest.raises(DatasetError, match="has no mask"):
        arrange(published, tmp_path)


def test_a_mask_of_another_size_is_refused(tmp_path):
    write_png(tmp_path / "images" / "a.png", np.zeros((3, 5, 5), np.uint8))
    write_png(tmp_path / "masks" / "a.png", LEVELS[None])
    with pytest.raises(AnnotationError, match="3 x 3 px"):
        read(tmp_path).records[0].load_annotation()
