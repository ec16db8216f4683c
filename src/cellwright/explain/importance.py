"""What a classifier goes by: figures lost when one measurement, or one channel, is mixed up.

Permutation importance (Breiman, Random Forests, Machine Learning 45:5, 2001, section 10; for any
model Fisher, Rudin and Dominici, JMLR 20:177, 2019): a column is dealt out anew among the
images, so that it keeps its values but tells nothing, and the points of balanced accuracy that
are lost are what the model owed to it. Torch-free; measured on images that the model did not
learn from. A column whose news another one also carries loses little when it alone is mixed
up, so families of columns are mixed up together as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cellwright.features.extractors import EXTRACTORS, channels_as_named
from cellwright.images.csv_table import write_csv
from cellwright.inference.classifier import Classifier
from cellwright.inference.evaluate_classification import LabelledCrops
from cellwright.metrics.intervals import Interval, percentile_interval
from cellwright.reports.page import Page
from cellwright.reports.plots import Estimate, Labels, interval_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPEATS = 10
SHOWN = 20
"""Bars in a picture; the table holds all."""

FIGURE = "balanced accuracy"

Rows = NDArray[np.float32]
Decide = Callable[[Rows], NDArray[np.float64]]
Progress = Callable[[int, int], None]
"""Called with (done, total) after every mixed-up column."""


@dataclass(frozen=True)
class Importance:
    """What a model owes to each of its inputs.

    Attributes:
        before: balanced accuracy with everything in place.
        lost: points of it lost by name, most first; the interval holds the middle 95 % of the
            repeats, so it tells how far chance in the mixing moves the figure.
        families: the same for columns mixed up together; empty where there are none.
        n_images: images that it was measured on.
        repeats: how often each was mixed up.
    """

    before: float
    lost: Mapping[str, Interval]
    families: Mapping[str, Interval]
    n_images: int
    repeats: int


def measure_importance(
    classifier: Classifier,
    given: LabelledCrops,
    *,
    repeats: int = REPEATS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Importance:
    """What ``classifier`` owes to each measurement, or each channel of a network's images."""
    card = classifier.card
    features = classifier.decoding.features
    names = channels_as_named(card.input.channels, card.input.channel_names)
    families: dict[str, list[int]] = {}
    decide: Decide = classifier.logits
    rows = given.crops
    if features is not None:
        rows, decide, names = classifier.fed(given.crops), classifier.decide, features.columns
        for index, name in enumerate(names):
            families.setdefault(EXTRACTORS[features.kind].family(name), []).append(index)
    columns = {name: [index] for index, name in enumerate(names)}
    total = len(columns) + len(families)
    steps = iter(range(1, total + 1))

    def lost_without(chosen: Mapping[str, Sequence[int]]) -> dict[str, Interval]:
        found = {}
        for name, indices in chosen.items():
            found[name] = points_lost(
                decide, rows, given.true_ids, indices, repeats=repeats, seed=seed
            )
            if progress is not None:
                progress(next(steps), total)
        return dict(sorted(found.items(), key=lambda item: -(item[1].value or 0.0)))

    return Importance(
        before=balanced_accuracy(decide(rows), given.true_ids),
        lost=lost_without(columns),
        families=lost_without(families),
        n_images=len(rows),
        repeats=repeats,
    )


def points_lost(
    decide: Decide,
    rows: Rows,
    true_ids: NDArray[np.int64],
    columns: Sequence[int],
    *,
    repeats: int,
    seed: int,
) -> Interval:
    """Balanced accuracy lost when ``columns`` are dealt out anew together, mean over repeats.

    Args:
        decide: rows to logits ``(N, K)``.
        rows: ``(N, columns, ...)``.
        true_ids: ``(N,)``.
        columns: places along the second axis that move together.
        repeats: how often.
        seed: of the dealing.
    """
    before = balanced_accuracy(decide(rows), true_ids)
    rng = np.random.default_rng(seed)
    lost = []
    for _ in range(repeats):
        order = rng.permutation(len(rows))
        mixed = rows.copy()
        mixed[:, columns] = rows[order][:, columns]
        lost.append(before - balanced_accuracy(decide(mixed), true_ids))
    return percentile_interval(float(np.mean(lost)), np.array(lost), n=len(rows))


def balanced_accuracy(logits: NDArray[np.float64], true_ids: NDArray[np.int64]) -> float:
    """Mean recall over the classes that are true of some image."""
    right = logits.argmax(axis=1) == true_ids
    return float(np.mean([right[true_ids == one].mean() for one in np.unique(true_ids)]))


def write_importance(path: Path, found: Importance) -> None:
    """CSV with columns ``of, name, lost, low, high, n_images, repeats``."""
    columns = ("of", "name", "lost", "low", "high", "n_images", "repeats")
    rows = (
        (kind, name, *map(_rounded, (one.value, one.low, one.high)), found.n_images, found.repeats)
        for kind, held in (("one", found.lost), ("family", found.families))
        for name, one in held.items()
    )
    write_csv(path, columns, rows)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def add_importance_section(page: Page, found: Importance) -> None:
    """The section of a page: what each input, and each family of them, is worth."""
    page.section("What it goes by")
    page.text(
        f"Each was dealt out anew among {found.n_images:,} images {found.repeats} times; of a "
        f"{FIGURE} of {found.before:.3f} so much was lost. Two that say the same cover for each "
        "other: then neither loses much alone. The whiskers hold the middle 95 % of the repeats."
    )
    for kind, rows in (("families of measurements", found.families), ("single inputs", found.lost)):
        if rows:
            more = f"The first {SHOWN} of {len(rows)} {kind}." if len(rows) > SHOWN else ""
            page.figure(
                importance_bars(rows),
                caption=more or f"{kind.capitalize()}.",
                alt=f"Permutation importance of {kind}",
            )


def importance_bars(rows: Mapping[str, Interval]) -> Figure:
    """The most important of ``rows`` from the top."""
    bars = [Estimate(name, one.value, one.low, one.high) for name, one in rows.items()]
    return interval_bars(bars[:SHOWN], labels=Labels(x=f"points of {FIGURE} lost"))
