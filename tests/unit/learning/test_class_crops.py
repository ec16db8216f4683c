from __future__ import annotations

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from cellwright.learning.class_crops import CropDraws, CropSet, Draws, EpochDraws
from cellwright.learning.classification_module import epoch_figures


def a_set(n: int = 12) -> CropSet:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 65536, (n, 2, 8, 8)).astype(np.uint16)
    return CropSet(pixels, np.arange(n) % 3)


def draws(**changes) -> Draws:
    return Draws(
        **(
            {
                "sampling": "natural",
                "presets": ((0, "cells"), (2, "none")),
                "mixup_alpha": 0.0,
                "seed": 4,
            }
            | changes
        )
    )


def test_an_item_depends_on_seed_epoch_position_and_image_alone():
    one, again = CropDraws(a_set(), 3, draws()), CropDraws(a_set(), 3, draws())
    np.testing.assert_array_equal(one[(1, 5, 3)][0], again[(1, 5, 3)][0])
    assert not np.array_equal(one[(1, 5, 3)][0], one[(0, 5, 3)][0])
    assert not np.array_equal(one[(1, 5, 3)][0], one[(1, 6, 3)][0])


def test_the_last_epochs_have_their_own_preset():
    crops = a_set()
    crop, target, _ = CropDraws(crops, 3, draws())[(2, 0, 7)]
    np.testing.assert_array_equal(crop, crops.crop(7))
    assert target.tolist() == [0, 1, 0]


def test_a_mixture_is_between_two_crops_and_its_target_says_how_much():
    crops = a_set()
    items = CropDraws(crops, 3, draws(mixup_alpha=1.0, presets=((0, "none"),)))
    for position in range(8):
        crop, target, measured = items[(0, position, 2)]
        assert measured.size == 0, "nothing was measured"
        assert target.sum() == np.float32(1) or abs(target.sum() - 1) < 1e-6
        partners = []
        for other in range(len(crops)):
            shares = (crop - crops.crop(other)) / (crops.crop(2) - crops.crop(other) + 1e-12)
            if other != 2 and np.ptp(shares) < 1e-2:
                partners.append((other, float(np.median(shares))))
        if crops.class_ids[2] != target.argmax() or target.max() < 0.999:
            ((partner, share),) = partners
            expected = np.zeros(3)
            expected[crops.class_ids[2]] += share
            expected[crops.class_ids[partner]] += 1 - share
            np.testing.assert_allclose(target, expected, atol=1e-2)


def test_every_epoch_has_an_order_of_its_own_that_a_resume_repeats():
    sampler = EpochDraws(np.arange(12) % 3, draws())
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert [key[0] for key in second] == [1] * 12
    assert [key[2] for key in first] != [key[2] for key in second]
    resumed = EpochDraws(np.arange(12) % 3, draws())
    resumed.set_epoch(1)
    assert list(resumed) == second


def test_figures_of_an_epoch_are_scikit_learns():
    rng = np.random.default_rng(1)
    true, found = rng.integers(0, 4, 90), rng.integers(0, 5, 90)
    figures = epoch_figures(found, true)
    assert np.isclose(figures["accuracy"], accuracy_score(true, found))
    assert np.isclose(figures["macro_f1"], f1_score(true, found, average="macro"))
    assert np.isclose(figures["weighted_f1"], f1_score(true, found, average="weighted"))
