"""Seeds pooled, and each variant set against the baseline seed by seed.

A seed fixes the first weights, the order of the windows and their augmentation, and all
variants but the one without deep layers and the supervised one begin with the very same
weights: the difference within a seed leaves all of that out (a paired t test, two-sided).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from cellwright.studies.feature_enhancement import proxies
from cellwright.studies.feature_enhancement.variants import PRINTED
from cellwright.studies.study import Figure, Records, every_figure

TABLE = "difference"
METRIC = "mIoU less that of the baseline (points)"
BASELINE = "baseline"


class Difference(NamedTuple):
    """Points of mIoU that a variant gains, mean over the seeds it shares with the baseline."""

    variant: str
    mean: float
    low: float | None
    high: float | None
    p: float | None
    n: int


def differences(records: Records) -> list[Difference]:
    """Each variant against the baseline, over the seeds that both were trained with."""
    found: dict[str, dict[int, float]] = {}
    for record in records.values():
        details = record.outcome.details
        if "variant" in details:
            found.setdefault(details["variant"], {})[details["seed"]] = 100 * details["miou"]
    baseline = found.pop(BASELINE, {})
    return [
        difference(variant, [values[seed] - baseline[seed] for seed in sorted(shared)])
        for variant, values in found.items()
        if (shared := values.keys() & baseline.keys())
    ]


def difference(variant: str, gains: Sequence[float]) -> Difference:
    """Mean with its t interval; of one seed there is none."""
    mean, n = float(np.mean(gains)), len(gains)
    low, high = reach_of(gains)
    p = None
    if n > 1 and np.ptp(gains) > 0:
        p = float(stats.ttest_1samp(gains, 0.0).pvalue)
    return Difference(variant, mean, low, high, p, n)


def reach_of(values: Sequence[float]) -> tuple[float | None, float | None]:
    """95 % interval of the mean of a few seeds; none for one."""
    n = len(values)
    if n < 2:
        return None, None
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def collect(records: Records) -> Sequence[Figure]:
    """Figures of one place pooled over seeds, then the differences."""
    pooled: dict[tuple[str, str, str], list[Figure]] = {}
    for figure in every_figure(records):
        pooled.setdefault((figure.table, figure.row, figure.metric), []).append(figure)
    means = [_mean(figures) for figures in pooled.values()]
    return [*means, *(_as_figure(one) for one in differences(records))]


def _mean(figures: Sequence[Figure]) -> Figure:
    first = figures[0]
    if not first.note.startswith("seed ") or len(figures) == 1:
        return first
    values = [figure.value for figure in figures if figure.value is not None]
    low, high = reach_of(values)
    note = f"mean of {len(values)} seeds"
    return replace(
        first, value=float(np.mean(values)), low=low, high=high, n=len(values), note=note
    )


def _as_figure(one: Difference) -> Figure:
    note = "" if one.p is None else f"paired t test over seeds: p = {one.p:.3f}"
    return Figure(TABLE, PRINTED[one.variant], METRIC, one.mean, one.low, one.high, one.n, "", note)


def conclude(records: Records) -> tuple[str, ...]:
    """What follows for the module, which network is best, and what the search cost."""
    sentences = [_in_words(one) for one in differences(records) if one.variant == "enhanced"]
    sentences += _best(records)
    spent = _spent(records)
    if spent.keys() >= {"search-full", "search-halving"}:
        full, halving = spent["search-full"], spent["search-halving"]
        sentences.append(
            f"Successive halving found {halving[0]:.2f} % validation mIoU with {halving[1]:.0f} "
            f"epochs, full trials {full[0]:.2f} % with {full[1]:.0f}."
        )
    return (*sentences, *_cut_short(records))


def _cut_short(records: Records) -> list[str]:
    """What the full trials would have chosen, had they been shorter."""
    found = {
        (figure.row, figure.metric): figure
        for figure in every_figure(records)
        if figure.metric in proxies.METRICS
    }
    return [
        f"{row}: {_with_ends(found[row, proxies.METRICS[0]], digits=2)} {metric}, "
        f"{found[row, proxies.METRICS[1]].value:.2f} {proxies.METRICS[1]}."
        for row, metric in found
        if metric == proxies.METRICS[0]
    ]


def _in_words(one: Difference) -> str:
    if one.low is None or one.high is None:
        return (
            f"The module changes mIoU by {one.mean:+.2f} points with one seed: that says nothing."
        )
    verdict = "no difference is shown"
    if one.low > 0:
        verdict = "it helps"
    elif one.high < 0:
        verdict = "it harms"
    return (
        f"The module changes mIoU by {one.mean:+.2f} points (95 % interval {one.low:+.2f} to "
        f"{one.high:+.2f}, {one.n} seeds): {verdict}."
    )


def _best(records: Records) -> list[str]:
    """The training that the validation sections prefer, and what the test sections say of it."""
    trained = [one.outcome for one in records.values() if "val_miou" in one.outcome.details]
    if len(trained) < 2:
        return []
    best = max(trained, key=lambda one: float(one.details["val_miou"]))
    own = [one for one in best.figures if one.table == best.details["table"]]
    shown = ", ".join(f"{one.metric} {_with_ends(one)}" for one in own)
    return [
        f"Of {len(trained)} trainings the validation sections choose "
        f"{PRINTED[best.details['variant']]}, seed {best.details['seed']}; on the test sections: "
        f"{shown}."
    ]


def _with_ends(one: Figure, *, digits: int = 1) -> str:
    value = f"{one.value:.{digits}f}"
    if one.low is None or one.high is None:
        return value
    return f"{value} ({one.low:.{digits}f} to {one.high:.{digits}f})"


def _spent(records: Records) -> Mapping[str, tuple[float, float]]:
    """Best figure and epochs of each search."""
    return {
        name: (float(figures[0].value or 0), float(figures[1].value or 0))
        for name, record in records.items()
        if name.startswith("search-") and len(figures := record.outcome.figures) > 1
    }
