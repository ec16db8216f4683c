"""Parts that the report page of every assay has: shares as text, bars, pictures, the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from cellwright.assays.tables import LeftOut
from cellwright.bundles.bundle import Bundle
from cellwright.metrics.intervals import Interval
from cellwright.reports.page import Page
from cellwright.reports.plots import Estimate

Item = TypeVar("Item")

MOST_BARS = 60
MOST_PICTURES = 24
PICTURE_PX = 800


def percent(interval: Interval) -> str:
    """The value as a percentage, or a dash.

    >>> percent(Interval(0.8349, 0.8, 0.9, 100))
    '83.5 %'
    """
    return "–" if interval.value is None else f"{100 * interval.value:.1f} %"


def span(interval: Interval) -> str:
    """The ends as percentages.

    >>> span(Interval(0.8, 0.7512, 0.9, 100)), span(Interval(None, None, None, 0))
    ('75.1 to 90.0 %', '–')
    """
    if interval.low is None or interval.high is None:
        return "–"
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"


def plain_span(low: float | None, high: float | None) -> str:
    """The ends as they are."""
    return "–" if low is None or high is None else f"{low:.3g} to {high:.3g}"


def counted(number: int, noun: str) -> str:
    """``1 image``, ``2,000 images``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share_bar(name: str, interval: Interval) -> Estimate:
    """A bar of a share, in percent."""
    ends = (interval.value, interval.low, interval.high)
    value, low, high = (None if end is None else 100 * end for end in ends)
    return Estimate(name, value, low, high)


def evenly(items: Sequence[Item], most: int) -> tuple[Item, ...]:
    """All items, or ``most`` of them evenly spaced."""
    if len(items) <= most:
        return tuple(items)
    chosen = np.unique(np.linspace(0, len(items) - 1, most).round().astype(int))
    return tuple(items[index] for index in chosen)


def add_left_out(page: Page, left_out: Sequence[LeftOut]) -> None:
    """The section on files that were not counted."""
    page.section("Left out")
    if not left_out:
        page.text("Nothing: every image was counted.")
        return
    page.table(
        ("file", "why", "what helps"),
        [(item.file, item.error, item.remedy) for item in left_out],
    )


def add_model(page: Page, bundle: Bundle, *, rule: tuple[str, str], runtime: str) -> None:
    """Which model, how good it is, and its limits.

    Args:
        page: gets tables and notes.
        bundle: the model.
        rule: what counts as a cell: the name of the fact, and the fact.
        runtime: what ran the model.
    """
    card = bundle.card
    facts = [
        ("model", card.name),
        ("licence", card.licence),
        ("trained on", card.training.data),
        rule,
        ("run by", runtime),
        ("checksum of the bundle", bundle.sha256),
        ("intended use", card.intended_use),
    ]
    page.table(("what", "which"), facts, caption="Model")
    for evaluation in card.evaluations:
        page.table(
            ("measure", "value", "95 % interval", "n"),
            [
                (name, metric.value, plain_span(metric.low, metric.high), metric.n)
                for name, metric in evaluation.metrics.items()
            ],
            caption=f"How good the model is on {evaluation.data} ({evaluation.n_images} images)",
        )
    for limit in card.limits:
        page.note(limit)
