"""Simple measurements: against scikit-image and SciPy, by hand, and on planes without content."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from skimage.feature import graycomatrix, graycoprops
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops

from cellwright.features.extractors import EXTRACTORS, channels_as_named
from cellwright.features.simple import LEVELS, measure_simple, simple_columns


def measured(crop: np.ndarray) -> dict[str, float]:
    names = simple_columns(channels_as_named(len(crop), ()))
    values = measure_simple(crop.astype(np.float32))
    assert len(names) == len(values) == len(set(names))
    return {
        name.removeprefix("channel_0_"): float(v) for name, v in zip(names, values, strict=True)
    }


@pytest.fixture
def noisy() -> np.ndarray:
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.normal(0, 1, (40, 40)), axis=1)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)[None]


def test_moments_and_percentiles_are_those_of_scipy(noisy):
    found, values = measured(noisy), noisy.ravel().astype(float)
    assert found["mean"] == pytest.approx(values.mean(), rel=1e-5)
    assert found["std"] == pytest.approx(values.std(), rel=1e-5)
    assert found["skewness"] == pytest.approx(scipy.stats.skew(values), rel=1e-4)
    assert found["kurtosis"] == pytest.approx(scipy.stats.kurtosis(values), rel=1e-4)
    assert found["percentile_75"] == pytest.approx(np.percentile(values, 75), rel=1e-5)
    assert sum(found[f"histogram_{index}"] for index in range(16)) == pytest.approx(1)


def test_co_occurrence_is_that_of_scikit_image(noisy):
    levels = np.minimum((noisy[0] * LEVELS).astype(int), LEVELS - 1).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    found = measured(noisy)
    pairs = graycomatrix(levels, [1], angles, LEVELS, symmetric=True, normed=True)
    for ours, theirs in (
        ("contrast", "contrast"),
        ("correlation", "correlation"),
        ("energy", "ASM"),
        ("homogeneity", "homogeneity"),
    ):
        assert found[f"{ours}_1px"] == pytest.approx(graycoprops(pairs, theirs).mean(), rel=1e-5)
    assert found["entropy_1px"] == pytest.approx(bits(pairs), rel=1e-5)


def test_pairs_further_apart_by_hand():
    """Columns in bands of three: three pixels across the bands change, along them they do not."""
    plane = np.broadcast_to(np.tile([0.0, 0, 0, 1, 1, 1], 4), (24, 24))
    found = measured(plane[None])
    # Three of four directions go across the bands: every pair is 0 and the highest level.
    assert found["contrast_3px"] == pytest.approx(3 / 4 * (LEVELS - 1) ** 2)
    assert found["energy_3px"] == pytest.approx(0.5, rel=0.01)
    assert found["correlation_3px"] == pytest.approx((1 - 3) / 4, rel=0.01)


def bits(pairs: np.ndarray) -> float:
    return float(
        np.mean([scipy.stats.entropy(p.ravel(), base=2) for p in np.moveaxis(pairs, 3, 0)])
    )


def test_what_stands_out_by_a_region_of_scikit_image():
    y, x = np.mgrid[:64, :64]
    ellipse = ((x - 30) / 20) ** 2 + ((y - 34) / 8) ** 2 < 1
    plane = np.where(ellipse, 0.8, 0.2)
    plane[2:9, 50:57] = 0.8
    found = measured(plane[None])
    [one] = regionprops((plane > 0.5).astype(int))
    assert found["otsu_share"] == pytest.approx((plane > 0.5).mean(), rel=1e-5)
    assert found["otsu_contrast"] == pytest.approx(0.6, abs=1e-5)
    expected = 1 - one.axis_minor_length / one.axis_major_length
    assert found["otsu_elongation"] == pytest.approx(expected, abs=0.01)
    assert found["otsu_parts"] == label(plane > 0.5).max() == 2
    assert found["otsu_threshold"] == pytest.approx(threshold_otsu(plane), abs=0.01)


def test_grains_of_one_size_are_taken_away_by_the_disc_that_is_larger():
    plane = np.full((60, 60), 0.1, np.float32)
    for y in range(6, 60, 12):
        plane[y - 1 : y + 2, y - 1 : y + 2] = 0.9
    found = measured(plane[None])
    # The disc of radius 1 is a cross, which cuts four corners off a square of nine pixels.
    assert found["grain_1px"] == pytest.approx(5 * 4 * 0.8 / plane.sum(), rel=1e-4)
    assert found["grain_2px"] == pytest.approx(5 * 5 * 0.8 / plane.sum(), rel=1e-4)
    assert found["grain_8px"] == pytest.approx(0, abs=1e-6)


def test_rings_go_from_the_middle_outwards():
    y, x = np.mgrid[:50, :50] - 24.5
    plane = np.clip(np.hypot(x, y) / 40, 0, 1)
    rings = [measured(plane[None])[f"ring_{index}"] for index in range(5)]
    assert rings == sorted(rings)
    assert rings[0] < 0.1
    assert rings[4] > 0.5


def test_channels_are_named_and_correlated():
    rng = np.random.default_rng(0)
    crop = rng.random((3, 20, 20)).astype(np.float32)
    crop[1] = 1 - crop[0]
    names = simple_columns(("dna", "actin", "light"))
    values = dict(zip(names, measure_simple(crop), strict=True))
    assert values["dna_actin_correlation"] == pytest.approx(-1, abs=1e-5)
    expected = np.corrcoef(crop[0].ravel(), crop[2].ravel())[0, 1]
    assert values["dna_light_correlation"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (24, 24)])
def test_every_number_of_an_empty_plane_is_finite(value, shape):
    found = measure_simple(np.full((2, *shape), value, np.float32))
    assert np.isfinite(found).all()


@pytest.mark.parametrize("kind", sorted(EXTRACTORS))
def test_every_kind_has_a_name_for_every_column(kind):
    extractor = EXTRACTORS[kind]
    crops = np.random.default_rng(0).random((2, 3, 48, 48)).astype(np.float32)
    names = extractor.columns(("red", "green", "blue"))
    table = extractor.table(crops)
    assert table.shape == (2, len(names)) and table.dtype == np.float32
    assert len(set(names)) == len(names)
