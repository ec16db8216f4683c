from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import nn

from cellwright.errors import ConfigError
from cellwright.learning.class_crops import CropSet
from cellwright.learning.generation_quality import frechet_distance, penultimate, quality_of


def test_the_distance_by_hand():
    """Means 0 and 3, variances 1 and 4 in one dimension: 9 + 1 + 4 - 2 * 2 = 10."""
    some = np.array([[-1.0], [0.0], [1.0]])
    others = np.array([[1.0], [3.0], [5.0]])
    assert frechet_distance(some, others) == pytest.approx(10.0)
    assert frechet_distance(some, some) == pytest.approx(0.0, abs=1e-12)


def test_the_distance_by_the_root_of_the_product():
    rng = np.random.default_rng(0)
    some = rng.normal(size=(40, 5)) @ rng.normal(size=(5, 5))
    others = 1 + rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5))
    first, second = np.cov(some, rowvar=False), np.cov(others, rowvar=False)
    crossed = np.trace(linalg.sqrtm(first @ second)).real
    shift = some.mean(axis=0) - others.mean(axis=0)
    wanted = shift @ shift + np.trace(first) + np.trace(second) - 2 * crossed
    assert frechet_distance(some, others) == pytest.approx(wanted, rel=1e-6)


def test_fewer_points_than_features_have_a_distance():
    rng = np.random.default_rng(0)
    assert np.isfinite(frechet_distance(rng.normal(size=(3, 16)), rng.normal(size=(4, 16))))
    for some, others in (((1, 4), (3, 4)), ((3, 4), (3, 5)), ((4,), (4,))):
        with pytest.raises(ConfigError):
            frechet_distance(np.zeros(some), np.zeros(others))


def test_features_are_what_the_last_dense_layer_is_fed():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    crops = np.random.default_rng(0).random((5, 1, 2, 2)).astype(np.float32)
    with torch.no_grad():
        wanted = network[:3](torch.from_numpy(crops)).numpy()
    np.testing.assert_allclose(penultimate(network, crops), wanted, rtol=1e-6)
    with pytest.raises(ConfigError, match="dense"):
        penultimate(nn.Flatten(), crops)


def test_copies_are_close_and_marked_and_noise_is_neither():
    rng = np.random.default_rng(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 2))
    grey = rng.integers(20000, 30000, (30, 1, 6, 6), np.uint16)
    real = CropSet(grey, np.zeros(30, np.int64))
    copies = CropSet(grey[:20] + np.uint16(1), np.zeros(20, np.int64))
    noise = CropSet(rng.integers(0, 65536, (20, 1, 6, 6), np.uint16), np.zeros(20, np.int64))
    (copied,), (strange,) = (quality_of(network, real, one, ("a",)) for one in (copies, noise))
    assert (copied.memorised, strange.memorised) == (1.0, 0.0)
    assert copied.distance < strange.distance
    assert (copied.n_real, copied.n_generated) == (30, 20)
    assert copied.yardstick is not None
