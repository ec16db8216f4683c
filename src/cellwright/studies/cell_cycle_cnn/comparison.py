"""Is our pipeline better than the best baseline? The same cells, resampled together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cellwright.data.checksum import checksum
from cellwright.learning.cross_validation import Prediction
from cellwright.learning.training_data import load_set
from cellwright.metrics.classification import figure_difference
from cellwright.metrics.intervals import Resampling
from cellwright.studies.cell_cycle_cnn.methods import TITLES, Variant
from cellwright.studies.cell_cycle_cnn.rows import out_of_fold
from cellwright.studies.cell_cycle_cnn.setting import Setting
from cellwright.studies.study import Figure, Outcome, Place, figure_of
from cellwright.types import Category

PAIRED = "paired"
METRICS = {"weighted_f1": "weighted F1", "macro_f1": "macro F1"}
BASELINES = ("boosting", "resnet", "cnn")
RESAMPLES = 2000


OURS = ("ours", "both")


def paired_row(ours: Variant, baseline: Variant) -> str:
    """Row of the table.

    >>> paired_row(Variant("ours", "stained"), Variant("boosting", "stained"))
    'ours less gradient boosting, stained'
    """
    return f"{TITLES[ours.method]} less {baseline.row}"


def places(baseline: Variant) -> tuple[Place, ...]:
    """What the cell of a baseline fills."""
    return tuple(
        (PAIRED, paired_row(replace(baseline, method=name), baseline), metric)
        for name in OURS
        for metric in METRICS.values()
    )


def measure(setting: Setting, _folder: Path, *, baseline: Variant) -> Outcome:
    """Ours less a baseline, on the pooled out-of-fold predictions.

    Raises:
        NotAttempted: one of them was not measured.
    """
    labelled = load_set(setting.source)
    theirs = out_of_fold(setting, baseline, labelled.classes)
    figures = []
    for name in OURS:
        variant = replace(baseline, method=name)
        ours = out_of_fold(setting, variant, labelled.classes)
        row = paired_row(variant, baseline)
        figures += difference(ours, theirs, labelled.classes, row=row)
    words = f"{labelled.name}, out-of-fold predictions of {len(theirs)} cells"
    return Outcome(tuple(figures), setting.preset.seed, words, checksum(labelled))


def difference(
    ours: list[Prediction], theirs: list[Prediction], classes: tuple[str, ...], *, row: str
) -> list[Figure]:
    """Differences of the figures, with the interval over cells that both were judged on."""
    held = {one.id: one for one in theirs}
    both = [one for one in ours if one.id in held]
    truth = [Category(one.truth) for one in both]
    sides = [[_given(one) for one in side] for side in (both, [held[one.id] for one in both])]
    return [
        figure_of(
            PAIRED,
            row,
            title,
            figure_difference(
                truth,
                sides[0],
                sides[1],
                classes,
                metric="macro_f1" if metric == "macro_f1" else "weighted_f1",
                resampling=Resampling(n=RESAMPLES),
            ),
        )
        for metric, title in METRICS.items()
    ]


def _given(one: Prediction) -> Category:
    shares = one.probabilities
    return Category(max(range(len(shares)), key=lambda place: shares[place]), shares)
