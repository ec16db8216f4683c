"""Amount of a stain: worked out by hand on discs, and what must not move it."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.features.amount import amount_columns, measure_amount


def a_disc(brightness: float, radius_px: float, *, background: float = 0.1) -> np.ndarray:
    y, x = np.mgrid[:40, :40] - 19.5
    plane = np.full((40, 40), background, np.float32)
    plane[np.hypot(x, y) < radius_px] += np.float32(brightness)
    return plane


def test_a_disc_by_hand():
    plane = a_disc(0.5, 8)
    pixels = int((plane > 0.3).sum())
    amount, area, peak, unevenness = measure_amount(plane[None])
    assert amount == pytest.approx(np.log1p(0.5 * pixels), rel=1e-5)
    assert area == pytest.approx(np.log1p(pixels), rel=1e-5)
    assert peak == pytest.approx(0.5, rel=1e-5)
    assert unevenness == pytest.approx(0, abs=1e-5)


def test_background_place_and_turns_do_not_count_but_twice_the_stain_does():
    plain = measure_amount(a_disc(0.3, 8)[None])
    np.testing.assert_allclose(
        measure_amount(a_disc(0.3, 8, background=0.4)[None]), plain, atol=1e-4
    )
    moved = np.rot90(np.roll(a_disc(0.3, 8), (3, -5), axis=(0, 1)))
    np.testing.assert_allclose(measure_amount(moved[None]), plain, atol=1e-4)
    twice = measure_amount(a_disc(0.6, 8)[None])
    assert twice[0] - plain[0] == pytest.approx(np.log(2), abs=0.03)


def test_grains_are_uneven():
    even, grainy = a_disc(0.4, 9), a_disc(0.4, 9)
    grainy[::2][grainy[::2] > 0.3] -= np.float32(0.15)
    assert measure_amount(grainy[None])[3] > measure_amount(even[None])[3] + 0.1


def test_every_channel_has_its_columns_and_a_constant_one_is_finite():
    crop = np.stack([a_disc(0.5, 8), np.full((40, 40), 0.7, np.float32)])
    names = amount_columns(("dna", "empty"))
    values = dict(zip(names, measure_amount(crop).tolist(), strict=True))
    assert values["dna_amount"] > 1
    assert [values[name] for name in names if name.startswith("empty")] == [0, 0, 0, 0]
