from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from skimage.exposure import rescale_intensity

from cellwright.errors import ImageError
from cellwright.images.normalise import Normalisation, apply_limits, channel_limits, normalise

PERCENTILE = Normalisation(kind="percentile", low=0.5, high=99.8)


def cells_of_12_bits() -> np.ndarray:
    """Background 200, cells 3,500 on a tenth of the pixels, camera noise: all below 4,096."""
    rng = np.random.default_rng(0)
    image = rng.normal(200, 15, (1, 200, 200))
    image[:, :, ::10] += 3300
    return image.round().astype(np.uint16)


def test_12_bits_in_a_16_bit_file_do_not_turn_black() -> None:
    seen = normalise(cells_of_12_bits(), PERCENTILE)
    assert seen[:, :, ::10].mean() > 0.9
    assert np.delete(seen, np.s_[::10], axis=2).mean() < 0.05
    # What dividing by the type's range would have shown:
    assert normalise(cells_of_12_bits(), Normalisation(kind="full_range")).max() < 0.06


def test_percentile_agrees_with_scikit_image() -> None:
    image = cells_of_12_bits()
    low, high = np.percentile(image, (0.5, 99.8))
    expected = rescale_intensity(image.astype(float), (low, high), (0.0, 1.0))
    np.testing.assert_allclose(normalise(image, PERCENTILE), expected, atol=1e-5)


def test_each_channel_is_stretched_by_itself() -> None:
    image = np.concatenate([cells_of_12_bits(), cells_of_12_bits() * 10])
    first, second = normalise(image, PERCENTILE)
    np.testing.assert_allclose(first, second, atol=0.01)


def test_noise_of_a_dark_channel_stays_dark() -> None:
    noise = np.random.default_rng(0).poisson(3, (1, 100, 100)).astype(np.uint16)
    assert normalise(noise, PERCENTILE).max() < 0.1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_flat_image_gives_zeros_and_no_warning(dtype: type) -> None:
    with np.errstate(all="raise"):
        assert (normalise(np.full((2, 5, 5), 7, dtype), PERCENTILE) == 0).all()


def test_a_tile_is_scaled_by_the_limits_of_its_image() -> None:
    image = cells_of_12_bits()
    limits = channel_limits(image, PERCENTILE)
    tile = apply_limits(image[:, 20:60, 30:70], limits)
    np.testing.assert_array_equal(tile, normalise(image, PERCENTILE)[:, 20:60, 30:70])


def test_the_image_given_is_not_changed() -> None:
    image = np.random.default_rng(0).random((1, 20, 20)).astype(np.float32)
    before = image.copy()
    normalise(image, PERCENTILE)
    np.testing.assert_array_equal(image, before)


def test_percentiles_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"low \(90.0\) must be below high \(10.0\)"):
        Normalisation(kind="percentile", low=90, high=10)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (3, 5), (97, 101), (700, 901)])
def test_percentiles_of_integers_are_those_of_numpy_to_the_last_bit(dtype, size) -> None:
    rng = np.random.default_rng(7)
    high = np.iinfo(dtype).max
    for values in (rng.integers(0, high, size), rng.poisson(4, size), rng.choice([0, high], size)):
        image = values.astype(dtype)[None]
        for low, top in ((0.5, 99.8), (0, 100), (33.3, 66.7), (49.9, 50.1)):
            spec = Normalisation(kind="percentile", low=low, high=top, floor=0)
            expected = np.percentile(image, [low, top]).astype(np.float32)
            expected[1] = max(expected[1], expected[0] + np.float32(1e-6))
            np.testing.assert_array_equal(channel_limits(image, spec)[0], expected)


def test_8_bit_pixels_are_scaled_as_wider_ones_are() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 40, 50)).astype(np.uint8)
    limits = np.array([[0, 255], [17.25, 140.5], [100, 100.5]], np.float32)
    wide = apply_limits(image.astype(np.uint16), limits)
    np.testing.assert_array_equal(apply_limits(image, limits), wide)
    # Views with any strides, as regions of a picture are.
    np.testing.assert_array_equal(apply_limits(image[:, ::2, 5:45], limits), wide[:, ::2, 5:45])
    assert wide.min() == 0
    assert wide.max() == 1


def test_fixed_limits_are_the_same_for_every_image():
    spec = Normalisation(kind="fixed", limits=((100.0, 300.0), (0.0, 50.0)))
    image = np.array([[[100, 200, 400]], [[0, 25, 10]]], np.uint16)
    expected = [[[0.0, 0.5, 1.0]], [[0.0, 0.5, 0.2]]]
    np.testing.assert_allclose(normalise(image, spec), expected, rtol=1e-6)
    with pytest.raises(ImageError, match="fixed limits"):
        normalise(image[:1], spec)


def test_limits_go_with_fixed_only():
    for wrong in (
        {"kind": "fixed"},
        {"limits": ((0.0, 1.0),)},
        {"kind": "fixed", "limits": ((1.0, 1.0),)},
    ):
        with pytest.raises(ValueError, match="limit"):
            Normalisation(**wrong)
