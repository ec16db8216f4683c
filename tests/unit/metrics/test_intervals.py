from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from cellwright.errors import ConfigError
from cellwright.metrics.intervals import (
    Interval,
    Resampling,
    bootstrap_by_image,
    bootstrap_ratio,
    bootstrap_weights,
    percentile_interval,
    pooled_share,
    wider,
    wilson,
)


@settings(deadline=None)
@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(case: tuple[int, int]) -> None:
    successes, n = case
    expected = binomtest(successes, n).proportion_ci(0.9, method="wilson")
    share = wilson(successes, n, confidence=0.9)
    assert share.value == successes / n
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_ends() -> None:
    assert wilson(0, 0).to_json() == {"value": None, "low": None, "high": None, "n": 0}
    assert wilson(0, 5).low == 0.0
    assert wilson(5, 5).high == 1.0


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (0, -1)])
def test_wilson_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(ConfigError, match=r"0\.\.n"):
        wilson(successes, n)


def test_wilson_refuses_a_percentage() -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        wilson(1, 2, confidence=95)


def test_weights_draw_every_unit_once_on_average_and_groups_as_wholes() -> None:
    weights = bootstrap_weights(4, Resampling(groups=["a", "b", "a", "c"], n=3000, seed=1))
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(4), abs=0.06)


def test_one_unit_gives_no_interval() -> None:
    alone = bootstrap_ratio([3], [4])
    assert (alone.value, alone.low, alone.high, alone.n) == (0.75, None, None, 4)
    assert (
        bootstrap_ratio([3, 1], [4, 4], resampling=Resampling(groups=["well", "well"])).low is None
    )


def test_ratio_is_pooled_not_averaged() -> None:
    assert bootstrap_ratio([9, 0], [10, 90]).value == 0.09


def test_ratio_of_nothing_is_undefined() -> None:
    assert bootstrap_ratio([0, 0], [0, 0]).value is None
    assert bootstrap_ratio([], []).value is None


def test_ratio_interval_is_as_wide_as_theory_says() -> None:
    rng = np.random.default_rng(0)
    share = np.clip(rng.normal(0.5, 0.1, 200), 0, 1)
    result = bootstrap_ratio(share * 100, np.full(200, 100), resampling=Resampling(n=4000))
    assert result.low is not None
    assert result.high is not None
    expected = 2 * 1.96 * share.std() / math.sqrt(200)
    assert result.high - result.low == pytest.approx(expected, rel=0.05)


def test_ratio_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for trial in range(200):
        cells = rng.integers(20, 200, 40)
        alive = rng.binomial(cells, rng.beta(16, 4, 40))  # images differ: mean share 0.8
        result = bootstrap_ratio(alive, cells, resampling=Resampling(n=400, seed=trial))
        assert result.low is not None
        assert result.high is not None
        hits += result.low <= 0.8 <= result.high
    assert 0.88 <= hits / 200 <= 0.99


def test_same_seed_same_interval() -> None:
    top, bottom = np.arange(20), np.arange(20) + 5
    assert bootstrap_ratio(top, bottom, resampling=Resampling(seed=4)) == bootstrap_ratio(
        top, bottom, resampling=Resampling(seed=4)
    )
    assert bootstrap_ratio(top, bottom, resampling=Resampling(seed=4)) != bootstrap_ratio(
        top, bottom, resampling=Resampling(seed=5)
    )


@pytest.mark.parametrize(
    ("numerators", "denominators"), [([1, 2], [1]), ([[1]], [[1]]), ([1], [-1])]
)
def test_ratio_refuses_wrong_arrays(numerators: object, denominators: object) -> None:
    with pytest.raises(ConfigError):
        bootstrap_ratio(numerators, denominators)  # type: ignore[arg-type]


def test_groups_are_summed_before_they_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    bottom = rng.integers(1, 9, 60)
    top = rng.integers(0, bottom + 1)
    resampling = Resampling(300, groups=[f"g{n % 4}" for n in range(60)])
    weights = bootstrap_weights(60, resampling)
    drawn = (weights @ top) / (weights @ bottom)
    widths: list[int] = []

    def watched(n_images: int, how: Resampling) -> NDArray[np.float64]:
        widths.append(n_images)
        return bootstrap_weights(n_images, how)

    monkeypatch.setattr("cellwright.metrics.intervals.bootstrap_weights", watched)
    found = bootstrap_ratio(top, bottom, resampling=resampling)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
    assert found.value == pytest.approx(top.sum() / bottom.sum()) and found.n == bottom.sum()
    assert widths == [4]


def test_wrong_number_of_groups_is_refused() -> None:
    with pytest.raises(ConfigError, match="3 images but 2 groups"):
        bootstrap_weights(3, Resampling(groups=["a", "b"], n=5, seed=0))


def test_generic_bootstrap_of_a_median() -> None:
    values = np.array([1.0, 5.0, 9.0])

    def median(weights: np.ndarray) -> np.ndarray:
        return np.array([np.median(np.repeat(values, row.astype(int))) for row in weights])

    result = bootstrap_by_image(median, 3, n=3, resampling=Resampling(n=300))
    assert (result.value, result.low, result.high) == (5.0, 1.0, 9.0)


def test_undefined_resamples_are_left_out() -> None:
    samples = np.array([np.nan, 1.0, 2.0, 3.0])
    result = percentile_interval(2.0, samples, n=7, confidence=0.5)
    assert (result.low, result.high, result.n) == (1.5, 2.5, 7)
    assert percentile_interval(float("nan"), samples, n=0).value is None
    assert percentile_interval(2.0, np.array([np.nan]), n=1).low is None


def test_the_wider_is_the_wider_at_each_end() -> None:
    first, second = Interval(0.5, 0.1, 0.6, 9), Interval(0.5, 0.2, 0.9, 9)
    assert wider(first, second) == wider(second, first) == Interval(0.5, 0.1, 0.9, 9)
    nothing = Interval(None, None, None, 0)
    assert wider(nothing, nothing) == nothing


def test_a_pooled_share_is_never_surer_than_its_things_or_its_images() -> None:
    agree = pooled_share([0] * 4, [5] * 4)
    assert (agree.low, agree.high) == (wilson(0, 20).low, wilson(0, 20).high)
    apart = pooled_share([0, 90] * 4, [100] * 8)
    assert apart == bootstrap_ratio([0, 90] * 4, [100] * 8)
    assert pooled_share([2], [5]) == wilson(2, 5)
    assert pooled_share([], []) == wilson(0, 0)
