"""What a row of the study is judged by: four classes, two, and the same images otherwise stained.

The threshold of a fixed specificity is chosen on the validation part; the test part only says what
came of it. Every interval resamples whole groups, and a fall is paired by image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.data.stain_shift import SHIFTS
from cellwright.metrics.classification import evaluate_classification
from cellwright.metrics.intervals import (
    FINE,
    Interval,
    Resampling,
    bootstrap_ratio,
    units_to_resample,
)
from cellwright.studies.study import Figure, figure_of
from cellwright.types import Category

STAGES, BINARY, SHIFTED, FALL = "four classes", "binary", "stain shift", "fall"
ACCURACY = "accuracy (%)"
SPECIFICITY = 0.95
STAGE_METRICS = {
    ACCURACY: "accuracy",
    "weighted F1 (%)": "weighted_f1",
    "macro F1 (%)": "macro_f1",
    "ECE (%)": "ece",
}
AUC = "AUC, benign against the rest (%)"
BINARY_METRICS = (
    ACCURACY,
    "precision (%)",
    "recall (%)",
    AUC,
    "sensitivity (%) at 95 % specificity on validation",
    "specificity (%) there",
)
CLEAN = "as it is"
APART = "other images, split by blocks of file numbers"


@dataclass(frozen=True, eq=False)
class Scored:
    """What a row says of some images.

    Attributes:
        probabilities: float64 ``(N, K)``; column 0 is benign.
        true_ids: int64 ``(N,)``.
        groups: one name an image.
    """

    probabilities: NDArray[np.float64]
    true_ids: NDArray[np.int64]
    groups: tuple[str, ...]

    @property
    def right(self) -> NDArray[np.float64]:
        """``(N,)`` 1 where the most probable class is the true one."""
        same: NDArray[np.float64] = (self.probabilities.argmax(axis=1) == self.true_ids).astype(
            float
        )
        return same

    @property
    def leukemic(self) -> NDArray[np.float64]:
        """``(N,)`` probability of any class but the first."""
        rest: NDArray[np.float64] = 1 - self.probabilities[:, 0]
        return rest


def figures_of(
    row: str, val: Scored, test: Mapping[str, Scored], classes: Sequence[str]
) -> tuple[Figure, ...]:
    """Every figure of a row.

    Args:
        row: its name.
        val: the validation part as it is.
        test: the test part by shift, :data:`CLEAN` first.
        classes: names, benign first.
    """
    clean = test[CLEAN]
    groups = units_to_resample(clean.groups)
    report = evaluate_classification(
        [Category(one) for one in clean.true_ids.tolist()],
        [Category(int(one.argmax()), tuple(one.tolist())) for one in clean.probabilities],
        classes,
        resampling=Resampling(groups=groups),
    )
    stages = {name: report.metrics[metric] for name, metric in STAGE_METRICS.items()}
    auc = report.per_class[classes[0]]["auroc"]
    binary = binary_figures(val, clean) | {AUC: auc}
    moved = {
        name: bootstrap_ratio(
            one.right, np.ones(len(one.right)), resampling=Resampling(FINE, groups=groups)
        )
        for name, one in test.items()
    }
    falls = {
        name: bootstrap_ratio(
            clean.right - one.right,
            np.ones(len(one.right)),
            resampling=Resampling(FINE, groups=groups),
        )
        for name, one in test.items()
        if name != CLEAN
    }
    tables = {STAGES: stages, BINARY: binary, SHIFTED: moved, FALL: falls}
    return tuple(
        figure_of(table, row, metric, interval, factor=100, apart=APART)
        for table, figures in tables.items()
        for metric, interval in figures.items()
    )


def binary_figures(val: Scored, test: Scored) -> dict[str, Interval]:
    """Leukemic or not: at one half, and at the threshold that the validation part gives."""
    ill = test.true_ids > 0
    called = test.leukemic >= 0.5
    high = test.leukemic > threshold_of(val)
    groups = units_to_resample(test.groups)

    def share(of: NDArray[np.bool_], among: NDArray[np.bool_]) -> Interval:
        return bootstrap_ratio(
            (of & among).astype(float),
            among.astype(float),
            resampling=Resampling(FINE, groups=groups),
        )

    everything = np.ones(len(ill), bool)
    shares = (
        share(called == ill, everything),
        share(ill, called),
        share(called, ill),
        Interval(None, None, None, len(ill)),
        share(high, ill),
        share(~high, ~ill),
    )
    return dict(zip(BINARY_METRICS, shares, strict=True))


def threshold_of(val: Scored) -> float:
    """The largest score that may be let pass so that the specificity on ``val`` is kept.

    An image is called leukemic above it. Of n benign images at most 5 % lie above.
    """
    benign = np.sort(val.leukemic[val.true_ids == 0])[::-1]
    if not len(benign):
        return 0.5
    return float(benign[int((1 - SPECIFICITY) * len(benign) + 1e-9)])


def places_of(row: str) -> tuple[tuple[str, str, str], ...]:
    """Where :func:`figures_of` puts its figures."""
    columns = {
        STAGES: tuple(STAGE_METRICS),
        BINARY: BINARY_METRICS,
        SHIFTED: (CLEAN, *SHIFTS),
        FALL: tuple(SHIFTS),
    }
    return tuple((table, row, metric) for table, metrics in columns.items() for metric in metrics)
