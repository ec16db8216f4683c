from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as PillowImage

from cellwright.errors import ImageError
from cellwright.images.resize import adapt_channels, resize, resize_labels

DTYPES = (np.uint8, np.uint16, np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
def test_shrinking_by_two_averages_four_pixels(dtype: type) -> None:
    image = np.random.default_rng(0).integers(0, 200, (2, 8, 10)).astype(dtype)
    expected = image.reshape(2, 4, 2, 5, 2).mean(axis=(2, 4))
    shrunk = resize(image, 4, 5)
    assert shrunk.dtype == dtype
    assert np.abs(shrunk - expected).max() <= 0.5 + 1e-3


def test_growing_is_linear_as_in_pillow() -> None:
    image = np.random.default_rng(0).random((3, 9, 7)).astype(np.float32)
    grown = resize(image, 20, 21)
    for channel, enlarged in zip(image, grown, strict=True):
        pillow = PillowImage.fromarray(channel).resize((21, 20), PillowImage.Resampling.BILINEAR)
        np.testing.assert_allclose(enlarged, np.asarray(pillow), atol=1e-5)


def test_values_of_16_bits_survive() -> None:
    image = np.full((1, 6, 6), 60_000, np.uint16)
    assert (resize(image, 3, 12) == 60_000).all()


def test_many_channels_are_resized_alike() -> None:
    image = np.random.default_rng(0).random((70, 6, 6)).astype(np.float32)
    np.testing.assert_array_equal(resize(image, 3, 3)[66:67], resize(image[66:67], 3, 3))


def test_same_size_is_the_same_image() -> None:
    image = np.zeros((1, 4, 5), np.uint8)
    assert resize(image, 4, 5) is image


def test_labels_are_never_mixed() -> None:
    labels = np.array([[1, 1, 70_000], [1, 1, 70_000], [0, 0, 9]], np.int32)
    grown = resize_labels(labels, 6, 9)
    assert grown.dtype == np.int32
    np.testing.assert_array_equal(grown, labels.repeat(2, axis=0).repeat(3, axis=1))
    np.testing.assert_array_equal(resize_labels(grown, 3, 3), labels)


def test_labels_follow_the_image_to_an_uneven_size() -> None:
    labels = np.zeros((100, 100), np.int32)
    labels[40:60, 20:50] = 3
    image = (labels[None] > 0).astype(np.float32)
    mask = resize(image, 37, 63)[0] > 0.5
    assert np.mean(mask == (resize_labels(labels, 37, 63) == 3)) > 0.98


@pytest.mark.parametrize("size", [(0, 4), (4, -1)])
def test_sizes_below_one_pixel_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="at least one pixel"):
        resize(np.zeros((1, 4, 4), np.uint8), *size)
    with pytest.raises(ImageError, match="at least one pixel"):
        resize_labels(np.zeros((4, 4), np.int32), *size)


def test_grey_becomes_three_equal_channels_and_back() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (1, 4, 5), dtype=np.uint8)
    rgb = adapt_channels(grey, 3, where="a.png")
    assert rgb.shape == (3, 4, 5)
    np.testing.assert_array_equal(adapt_channels(rgb, 1, where="a.png"), grey)
    assert adapt_channels(grey, 1, where="a.png") is grey


@pytest.mark.parametrize(("present", "wanted"), [(3, 1), (2, 1), (1, 2), (2, 3), (4, 3)])
def test_nothing_is_dropped_or_invented(present: int, wanted: int) -> None:
    image = np.random.default_rng(0).integers(0, 255, (present, 4, 5), dtype=np.uint8)
    with pytest.raises(ImageError, match=rf"^a\.png: the image has {present} channel.*{wanted}"):
        adapt_channels(image, wanted, where="a.png")
