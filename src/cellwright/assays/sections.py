"""Parts that the report page of every assay has: shares as text, bars, pictures, the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import numpy as np

from cellwright.assays.tables import LeftOut
from cellwright.bundles.bundle import Bundle
from cellwright.metrics.intervals import Interval
from cellwright.reports.page import Page
from cellwright.reports.plots import Estimate, Labels, histogram, interval_bars

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


def figure_and_span(value: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    """A figure and the ends of its interval, all with the same decimals; a dash for what is not.

    The largest has three digits; zeros that none needs are left away.

    >>> figure_and_span(12.5, 8.25, 14), figure_and_span(0.9, 0.88, 0.931)
    (('12.5', '8.2 to 14.0'), ('0.900', '0.880 to 0.931'))
    """
    known = [one for one in (value, low, high) if one is not None]
    largest = max((abs(one) for one in known), default=0.0)
    most = max(0, 2 - math.floor(math.log10(largest))) if largest else 0
    needed = [len(f"{one:.{most}f}".partition(".")[2].rstrip("0")) for one in known]
    decimals = max(needed, default=0)
    shown = ["–" if one is None else f"{one:,.{decimals}f}" for one in (value, low, high)]
    return shown[0], "–" if low is None or high is None else f"{shown[1]} to {shown[2]}"


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


def begin_page(title: str, below: str) -> Page:
    """A page with its title, and below it what made it and the time."""
    when = datetime.now().astimezone().strftime("%d %B %Y, %H:%M")
    return Page(title, f"{below}, {when}")


@dataclass(frozen=True)
class ShareBars:
    """A share in percent: of every group, of every field of view, and of all images."""

    groups: Sequence[Estimate]
    fields: Sequence[Estimate]
    overall: Estimate


def add_share_bars(page: Page, bars: ShareBars, *, name: str, axis: Labels, each: str) -> None:
    """The section that draws a share: bars of the groups, then of the fields, or their histogram.

    Args:
        page: gets a section.
        bars: what is drawn; groups where there are several and room for them.
        name: of the share, as within a sentence.
        axis: its label, with definition and unit.
        each: caption of the bars of the fields.
    """
    page.section(name.capitalize())
    if 1 < len(bars.groups) <= MOST_BARS:
        page.figure(
            interval_bars(bars.groups, labels=axis, limits=(0, 100), reference=bars.overall),
            caption="Each group pooled; the line and band are all images together.",
            alt=f"Bars of {name} with intervals, one a group",
        )
    if len(bars.fields) <= MOST_BARS:
        spread = any(bar.low is not None for bar in bars.fields)
        page.figure(
            interval_bars(bars.fields, labels=axis, limits=(0, 100), reference=bars.overall),
            caption=each,
            alt=f"Bars of {name}{' with intervals' if spread else ''}, one a field of view",
        )
        return
    values = [bar.value for bar in bars.fields if bar.value is not None]
    labels = Labels(x=f"{name} of a field (%)", y="fields of view")
    page.figure(
        histogram({"fields": values}, labels=labels, bins=np.linspace(0, 100, 41)),
        caption=f"{name.capitalize()} of the {len(bars.fields):,} fields of view.",
        alt=f"Histogram of {name} over fields of view",
    )


def overlay_of(image_id: str) -> str:
    """Where a run leaves the picture of an image with its cells, from the folder of the run."""
    return f"overlays/{image_id}.png"


def add_overlay(page: Page, out: Path, overlay: str, *, caption: str, alt: str) -> None:
    """A picture with what was found, made small; it links to ``overlay`` itself, in ``out``."""
    page.picture(out / overlay, caption=caption, alt=alt, link=quote(overlay), max_edge=PICTURE_PX)


def warn_left_out(page: Page, left_out: Sequence[LeftOut]) -> None:
    """A note at the head of the page where files were not counted."""
    if left_out:
        page.note(
            f"{counted(len(left_out), 'file')} left out of these numbers: which and why is "
            "listed below.",
            tone="warning",
        )


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
                (name, *figure_and_span(metric.value, metric.low, metric.high), metric.n)
                for name, metric in evaluation.metrics.items()
            ],
            caption=f"How good the model is on {evaluation.data} ({evaluation.n_images} images)",
        )
    for limit in card.limits:
        page.note(limit)
