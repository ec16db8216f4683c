"""The page a viability run ends with: figure, plots, pictures, tables, how it was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.assays.sections import (
    MOST_PICTURES,
    ShareBars,
    add_left_out,
    add_model,
    add_overlay,
    add_share_bars,
    begin_page,
    counted,
    evenly,
    percent,
    share_bar,
    span,
    warn_left_out,
)
from cellwright.assays.viability.counts import CountedField, Pooled, ViabilityReport
from cellwright.assays.viability.true_counts import CountRanges
from cellwright.bundles.bundle import Bundle
from cellwright.reports.page import Page
from cellwright.reports.plots import Labels

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
    page = begin_page("Cell viability", f"Model {provenance.bundle.card.name}")
    _add_headlines(page, report)
    if report.fields:
        _add_plots(page, report)
        _add_pictures(page, report)
        _add_tables(page, report)
    add_left_out(page, report.left_out)
    _add_method(page, report, provenance)
    page.save(report.out / "report.html")


def _add_headlines(page: Page, report: ViabilityReport) -> None:
    overall = report.overall
    cells = overall.n_live + overall.n_dead
    page.headline(
        percent(overall.viability), "Viability", detail=f"95 % interval {span(overall.viability)}"
    )
    page.headline(f"{cells:,}", "Cells", detail=f"{overall.n_live:,} live, {overall.n_dead:,} dead")
    groups = f"in {counted(len(report.groups), 'group')}" if report.groups else "none counted"
    page.headline(f"{len(report.fields):,}", "Fields of view", detail=groups)
    warn_left_out(page, report.left_out)
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
    bars = ShareBars(
        groups=[share_bar(group.name, group.viability) for group in report.groups],
        fields=[share_bar(field.image.id, field.viability) for field in report.fields],
        overall=share_bar("all images", report.overall.viability),
    )
    each = "Each field of view with its Wilson interval."
    add_share_bars(page, bars, name="viability", axis=AXIS, each=each)


def _add_pictures(page: Page, report: ViabilityReport) -> None:
    page.section("Pictures")
    fields = evenly(report.fields, MOST_PICTURES)
    if len(fields) < len(report.fields):
        page.text(
            f"{len(fields)} of {len(report.fields):,} fields, evenly spaced; all are in overlays/."
        )
    page.text("Blue boxes are live cells, orange boxes dead ones. A click opens the full picture.")
    for field in fields:
        name = field.image.id
        caption, alt = f"{name}: {_alive(field)}", f"Counted cells of {name}"
        add_overlay(page, report.out, field.overlay, caption=caption, alt=alt)


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


def _add_method(page: Page, report: ViabilityReport, provenance: Provenance) -> None:
    card = provenance.bundle.card
    page.section("How it was computed")
    page.text(
        provenance.method,
        "Viability = live / (live + dead). The interval of a field is Wilson's score interval "
        "for a share. For pooled numbers the wider of two is given at each end: Wilson's over all "
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
    add_model(
        page,
        provenance.bundle,
        rule=("cells counted from score", thresholds),
        runtime=provenance.runtime,
    )


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
    return f"{percent(field.viability)} of {counted(len(field.cells.boxes), 'cell')} alive"


def _differ(groups: Sequence[Pooled]) -> bool:
    """Whether two groups have intervals that do not overlap."""
    lows = [group.viability.low for group in groups if group.viability.low is not None]
    highs = [group.viability.high for group in groups if group.viability.high is not None]
    return bool(lows) and max(lows) > min(highs)
