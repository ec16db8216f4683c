from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from cellwright.errors import ConfigError
from cellwright.learning.balancing import SAMPLERS, class_weights, mixing_share

IDS = np.repeat([0, 1, 2], [800, 180, 20])


def drawn(name: str, seed: int = 0) -> np.ndarray:
    return SAMPLERS[name](IDS, np.random.default_rng(seed))


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_draws_are_seeded_and_only_of_the_part(name):
    order = drawn(name)
    assert order.tolist() == drawn(name).tolist()
    assert order.tolist() != drawn(name, seed=1).tolist()
    assert 0 <= order.min() <= order.max() < len(IDS)


def test_natural_is_every_image_once():
    assert sorted(drawn("natural").tolist()) == list(range(1000))


def test_balanced_draws_every_class_alike_and_repeats_evenly():
    order = drawn("balanced")
    counts = np.bincount(IDS[order])
    assert len(order) == 1000
    assert counts == pytest.approx([333, 333, 333], abs=60)
    rare = np.bincount(order, minlength=1000)[980:]
    assert rare.max() - rare.min() <= 1


def test_the_square_root_lies_between():
    counts = np.bincount(IDS[drawn("square-root")])
    roots = np.sqrt([800, 180, 20])
    assert counts == pytest.approx(1000 * roots / roots.sum(), abs=60)


def test_undersampling_cuts_the_largest_class_only():
    order = drawn("undersampled")
    assert np.bincount(IDS[order]).tolist() == [180, 180, 20]
    assert len(set(order.tolist())) == len(order)


def test_weights_of_power_one_are_scikit_learns():
    expected = compute_class_weight("balanced", classes=np.arange(3), y=IDS)
    np.testing.assert_allclose(class_weights(IDS, 3, power=1.0), expected)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_over_the_images_weights_have_mean_one(power):
    weights = class_weights(IDS, 4, power=power)
    assert weights[IDS].mean() == pytest.approx(1)
    assert weights[3] == 0


def test_no_images_have_no_weights():
    with pytest.raises(ConfigError):
        class_weights(np.zeros(0, np.int64), 2, power=1.0)
    with pytest.raises(ConfigError):
        class_weights(np.array([2]), 2, power=1.0)


def test_shares_of_a_mixture_follow_the_beta_distribution():
    rng = np.random.default_rng(0)
    shares = [mixing_share(0.4, rng) for _ in range(4000)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.01)
    assert mixing_share(0.0, rng) == 1.0
