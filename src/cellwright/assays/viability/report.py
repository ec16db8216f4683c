"""The page a viability run ends with: figure, plots, pictures, tables, how it was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import numpy as np

from cellwright.assays.viability.counts import CountedField, Pooled, ViabilityReport
from cellwright.assays.viability.true_counts import CountRanges
from cellwright.bundles.bundle import Bundle
from cellwright.metrics.intervals import Interval
from cellwright.reports.page import Page
from cellwright.reports.plots import Estimate, Labels, histogram, interval_bars

MOST_BARS = 60
MOST_PICTURES = 24
PICTURE_PX = 800
BY_COUNT = ("true cells, 90 %", "viability by count, 90 %")
AXIS = Labels(x="viability: live / all cells (%)")


@dataclass(frozen=True, eq=False)
class Provenance:
    """How the numbers came about.

    Attributes:
        bundle: the model.
        method: how live and dead were told apart, in sentences.
        thresholds: score from which a box counts, a class.
        runtime: what ran the model.
    """

    bundle: Bundle
    method: str
    thresholds: Sequence[float]
    runtime: str


def write_report(report: ViabilityReport, provenance: Provenance) -> None:
    """Write ``report.html`` into the folder of the run."""
    when = datetime.now().astimezone().strftime("%d %B %Y, %H:%M")
    page = Page("Cell viability", f"Model {provenance.bundle.card.name}, {when}")
    _add_headlines(page, report)
    if report.fields:
        _add_plots(page, report)
        _add_pictures(page, report)
        _add_tables(page, report)
    _add_left_out(page, report)
    _add_method(page, report, provenance)
    page.save(report.out / "report.html")


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


def _add_headlines(page: Page, report: ViabilityReport) -> None:
    overall = report.overall
    cells = overall.n_live + overall.n_dead
    page.headline(
        percent(overall.viability), "Viability", detail=f"95 % interval {span(overall.viability)}"
    )
    page.headline(f"{cells:,}", "Cells", detail=f"{overall.n_live:,} live, {overall.n_dead:,} dead")
    groups = f"in {_count(len(report.groups), 'group')}" if report.groups else "none counted"
    page.headline(f"{len(report.fields):,}", "Fields of view", detail=groups)
    if report.left_out:
        page.note(
            f"{_count(len(report.left_out), 'file')} left out of these numbers: which and why is "
            "listed below.",
            tone="warning",
        )
    if not report.fields:
        page.note("No field of view could be counted.", tone="warning")
    elif not cells:
        page.note("No cells were found, so there is no viability.", tone="warning")
    elif _differ(report.groups):
        page.note(
            "The groups differ by more than their intervals, so the number for all images "
            "depends on how many cells of each were counted: compare the groups."
        )


def _add_plots(page: Page, report: ViabilityReport) -> None:
    pooled = _estimate("all images", report.overall.viability)
    page.section("Viability")
    if 1 < len(report.groups) <= MOST_BARS:
        bars = [_estimate(group.name, group.viability) for group in report.groups]
        page.figure(
            interval_bars(bars, labels=AXIS, limits=(0, 100), reference=pooled),
            caption="Each group pooled; the line and band are all images together.",
            alt="Bars of viability with intervals, one a group",
        )
    if len(report.fields) <= MOST_BARS:
        bars = [_estimate(field.image.id, field.viability) for field in report.fields]
        page.figure(
            interval_bars(bars, labels=AXIS, limits=(0, 100), reference=pooled),
            caption="Each field of view with its Wilson interval.",
            alt="Bars of viability with intervals, one a field of view",
        )
        return
    shares = (field.viability.value for field in report.fields)
    values = [100 * share for share in shares if share is not None]
    labels = Labels(x="viability of a field (%)", y="fields of view")
    page.figure(
        histogram({"fields": values}, labels=labels, bins=np.linspace(0, 100, 41)),
        caption=f"Viability of the {len(report.fields):,} fields of view.",
        alt="Histogram of viability over fields of view",
    )


def _add_pictures(page: Page, report: ViabilityReport) -> None:
    page.section("Pictures")
    fields = report.fields
    if len(fields) > MOST_PICTURES:
        chosen = np.unique(np.linspace(0, len(fields) - 1, MOST_PICTURES).round().astype(int))
        fields = tuple(fields[index] for index in chosen)
        page.text(
            f"{len(fields)} of {len(report.fields):,} fields, evenly spaced; all are in overlays/."
        )
    page.text("Blue boxes are live cells, orange boxes dead ones. A click opens the full picture.")
    for field in fields:
        page.picture(
            report.out / field.overlay,
            caption=f"{field.image.id}: {_alive(field)}",
            alt=f"Counted cells of {field.image.id}",
            link=quote(field.overlay),
            max_edge=PICTURE_PX,
        )


def _add_tables(page: Page, report: ViabilityReport) -> None:
    page.section("Numbers")
    page.table(
        ("group", "fields", "cells", "live", "dead", "viability", "95 % interval", *BY_COUNT),
        [_group_cells(group) for group in (*report.groups, report.overall)],
        caption="Pooled over the fields of a group",
    )
    page.table(
        (
            *("field of view", "group", "cells", "live", "dead", "viability", "95 % interval"),
            *(*BY_COUNT, "notes"),
        ),
        [_field_cells(field) for field in report.fields],
        caption="Each field of view",
    )
    page.text(
        "The same numbers, and a row for every cell with its place, size and score, are in "
        "summary.csv, groups.csv, cells.csv and cells.parquet beside this page."
    )


def _add_left_out(page: Page, report: ViabilityReport) -> None:
    page.section("Left out")
    if not report.left_out:
        page.text("Nothing: every image was counted.")
        return
    page.table(
        ("file", "why", "what helps"),
        [(item.file, item.error, item.remedy) for item in report.left_out],
    )


def _add_method(page: Page, report: ViabilityReport, provenance: Provenance) -> None:
    card = provenance.bundle.card
    page.section("How it was computed")
    page.text(
        provenance.method,
        "Viability = live / (live + dead). The interval of a field is Wilson's score interval "
        "for a share. For pooled numbers the wider of two intervals is given: Wilson's over all "
        "cells, and one from drawing whole "
        f"{'groups' if len(report.groups) > 1 else 'images'} with replacement (2,000 times), "
        "since cells of one image are more alike than cells of different ones. All intervals "
        "are 95 %. They cover which cells and images were looked at, not mistakes of the "
        "detector: its measured quality is below, and the pictures above show its work.",
        "The two columns with 90 % cover those mistakes instead: how many cells there truly are "
        "in these pictures, and which viabilities that leaves, judged by how far the model's "
        "counts were off on labelled pictures of its validation part. They hold for pictures "
        "like those. A dash means that the model's card cannot tell.",
    )
    thresholds = ", ".join(
        f"{name} {score:.2f}"
        for name, score in zip(card.classes, provenance.thresholds, strict=True)
    )
    facts = [
        ("model", card.name),
        ("licence", card.licence),
        ("trained on", card.training.data),
        ("cells counted from score", thresholds),
        ("run by", provenance.runtime),
        ("checksum of the bundle", provenance.bundle.sha256),
        ("intended use", card.intended_use),
    ]
    page.table(("what", "which"), facts, caption="Model")
    for evaluation in card.evaluations:
        page.table(
            ("measure", "value", "95 % interval", "n"),
            [
                (name, metric.value, _plain_span(metric.low, metric.high), metric.n)
                for name, metric in evaluation.metrics.items()
            ],
            caption=f"How good the model is on {evaluation.data} ({evaluation.n_images} images)",
        )
    for limit in card.limits:
        page.note(limit)


def _group_cells(group: Pooled) -> tuple[str | int, ...]:
    interval = group.viability
    counts = (group.n_images, group.n_live + group.n_dead, group.n_live, group.n_dead)
    return (group.name, *counts, percent(interval), span(interval), *_by_count(group.by_count))


def _field_cells(field: CountedField) -> tuple[str | int, ...]:
    cells, interval = field.cells, field.viability
    return (
        *(field.image.id, field.image.group, len(cells.boxes), cells.n_live, cells.n_dead),
        *(percent(interval), span(interval), *_by_count(field.ranges), "; ".join(field.notes)),
    )


def _by_count(ranges: CountRanges) -> tuple[str, str]:
    """Values of :data:`BY_COUNT`."""
    cells, share = ranges.cells, ranges.viability
    return (
        "–" if cells is None else f"{cells.low:,} to {cells.high:,}",
        "–" if share is None else f"{100 * share.low:.1f} to {100 * share.high:.1f} %",
    )


def _alive(field: CountedField) -> str:
    if field.viability.value is None:
        return "no cells found"
    return f"{percent(field.viability)} of {_count(len(field.cells.boxes), 'cell')} alive"


def _differ(groups: Sequence[Pooled]) -> bool:
    """Whether two groups have intervals that do not overlap."""
    lows = [group.viability.low for group in groups if group.viability.low is not None]
    highs = [group.viability.high for group in groups if group.viability.high is not None]
    return bool(lows) and max(lows) > min(highs)


def _estimate(name: str, interval: Interval) -> Estimate:
    ends = (interval.value, interval.low, interval.high)
    value, low, high = (None if end is None else 100 * end for end in ends)
    return Estimate(name, value, low, high)


def _plain_span(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.3g} to {high:.3g}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
