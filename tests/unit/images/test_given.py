"""Whatever a caller gives for one image, the same pixels come of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.images.given import given, opened
from cellwright.images.read import open_image, read_image
from cellwright.images.write import write_tiff


def test_array_path_picture_and_open_image_are_the_same(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 20, 30), np.uint16)
    path = tmp_path / "a.tif"
    write_tiff(path, pixels, pixel_size_um=0.5)
    with open_image(path) as lazy:
        forms = (pixels.transpose(1, 2, 0), path, str(path), read_image(path), lazy)
        for one, size in zip(forms, (None, 0.5, 0.5, 0.5, 0.5), strict=True):
            with opened(given(one)) as image:
                assert (image.shape, image.pixel_size_um) == (pixels.shape, size)
                np.testing.assert_array_equal(image.read_region(0, 0, 20, 30), pixels)
        lazy.read_region(0, 0, 1, 1)  # it stays open: it is the caller's


def test_axes_are_for_arrays(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", np.zeros((1, 4, 5), np.uint8), pixel_size_um=None)
    with pytest.raises(ImageError, match="leave axes out"):
        given(tmp_path / "a.tif", "YX")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nowhere\.tif"):
        opened(given(str(tmp_path / "nowhere.tif")))
