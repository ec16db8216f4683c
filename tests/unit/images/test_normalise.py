from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from skimage.exposure import rescale_intensity

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
