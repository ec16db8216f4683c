"""Is our pipeline better than the best baseline? The same cells, resampled together."""

from __future__ import annotations

from pathlib import Path

from cellwright.data.checksum import checksum
from cellwright.errors import DatasetError
from cellwright.learning.cross_validation import Prediction
from cellwright.learning.training_data import load_set
from cellwright.metrics.classification import figure_difference
from cellwright.studies.cell_cycle_cnn.methods import Channels, Variant
from cellwright.studies.cell_cycle_cnn.rows import out_of_fold
from cellwright.studies.cell_cycle_cnn.setting import Setting
from cellwright.studies.study import Figure, NotAttempted, Outcome, figure_of
from cellwright.types import Category

PAIRED = "paired"
METRICS = {"weighted_f1": "weighted F1", "macro_f1": "macro F1"}
BASELINES = ("boosting", "resnet", "cnn")
RESAMPLES = 2000


def paired_row(channels: Channels, baseline: str) -> str:
    """Row of the table.

    >>> paired_row("stained", "boosting")
    'ours less gradient boosting, stained'
    """
    return f"ours less {Variant(baseline, channels).row}"


def measure(setting: Setting, _folder: Path, *, channels: Channels) -> Outcome:
    """Ours less each baseline, on the pooled out-of-fold predictions.

    Raises:
        NotAttempted: ours, or every baseline, is not there.
    """
    labelled = load_set(setting.source)
    try:
        ours = out_of_fold(setting, Variant("ours", channels), labelled.classes)
    except DatasetError as error:
        raise NotAttempted(error.what) from error
    figures = []
    for baseline in BASELINES:
        try:
            theirs = out_of_fold(setting, Variant(baseline, channels), labelled.classes)
        except DatasetError:
            continue
        figures += difference(ours, theirs, labelled.classes, row=paired_row(channels, baseline))
    if not figures:
        raise NotAttempted("no baseline was measured")
    words = f"{labelled.name}, out-of-fold predictions of {len(ours)} cells"
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
                n_resamples=RESAMPLES,
            ),
        )
        for metric, title in METRICS.items()
    ]


def _given(one: Prediction) -> Category:
    shares = one.probabilities
    return Category(max(range(len(shares)), key=lambda place: shares[place]), shares)
