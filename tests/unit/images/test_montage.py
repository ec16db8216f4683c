from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.images.montage import centred, cut_cells, cut_montage, to_size
from cellwright.types import Instances


def numbered(rows: int, columns: int, tile: int) -> np.ndarray:
    """A montage whose tile i (along rows) holds values 100 i, 100 i + 1, ..."""
    ramp = np.arange(tile * tile, dtype=np.uint16).reshape(tile, tile)
    tiles = [[ramp + 100 * (r * columns + c) for c in range(columns)] for r in range(rows)]
    return np.block(tiles)[None].astype(np.uint16)


def test_tiles_come_along_rows_or_columns_and_empty_ones_are_left_out():
    montage = numbered(2, 3, 4)
    montage[:, :4, 4:8] = 7
    rows = cut_montage(montage, 4)
    assert [tile.image[0, 0, 0] // 100 for tile in rows] == [0, 2, 3, 4, 5]
    assert [tile.label for tile in rows] == [1, 2, 3, 4, 5]
    assert rows[1].box == (0, 8, 4, 12)
    assert rows[1].centroid is None and rows[1].place == (2, 10)
    columns = cut_montage(montage, 4, order="columns")
    assert [tile.image[0, 0, 0] // 100 for tile in columns] == [0, 3, 4, 2, 5]


def test_a_tile_that_is_empty_in_one_channel_only_is_kept():
    montage = np.concatenate([np.full((1, 4, 4), 9, np.uint16), numbered(1, 1, 4)])
    assert len(cut_montage(montage, 4)) == 1


@pytest.mark.parametrize("tile", [0, 3, 5])
def test_a_montage_must_divide_into_its_tiles(tile):
    with pytest.raises(ImageError, match="no montage"):
        cut_montage(np.zeros((1, 4, 8), np.uint8), tile)


def test_cells_are_cut_around_their_boxes():
    image = np.arange(100, dtype=np.uint16).reshape(1, 10, 10)
    labels = np.zeros((10, 10), np.int32)
    labels[2:5, 3:6] = 1
    labels[0, 0] = 2
    inner, corner = cut_cells(image, Instances(labels), (5, 5))
    assert (inner.image == image[:, 1:6, 2:7]).all()
    assert inner.box == (2, 3, 5, 6)
    assert inner.place == inner.centroid == (3, 4)
    assert corner.place == (0, 0)
    assert corner.image.shape == (1, 5, 5)
    assert (corner.image[0, :2] == corner.image[0, 2]).all()


def test_labels_of_another_size_are_refused():
    with pytest.raises(ImageError, match="label image"):
        cut_cells(np.zeros((1, 8, 8), np.uint8), Instances(np.zeros((4, 4), np.int32)), (3, 3))


def test_to_size_keeps_the_middle_and_grows_by_the_border():
    image = np.arange(36, dtype=np.uint8).reshape(1, 6, 6)
    assert (to_size(image, (4, 4)) == image[:, 1:5, 1:5]).all()
    grown = to_size(image, (8, 8))
    assert (grown[:, 1:7, 1:7] == image).all()
    assert (grown[0, 0] == grown[0, 1]).all()
    assert to_size(image, (6, 6)) is image


def test_the_middle_of_an_odd_crop_is_the_pixel_asked_for():
    image = np.arange(49, dtype=np.uint8).reshape(1, 7, 7)
    assert centred(image, (3.5, 2.5), (3, 3))[0, 1, 1] == image[0, 3, 2]
