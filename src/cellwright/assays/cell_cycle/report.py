"""The page a cell cycle run ends with: figures, bars, tables, how it was done."""

from __future__ import annotations

from cellwright.assays.cell_cycle.phases import CellCycleReport, PooledPhases
from cellwright.assays.sections import (
    MOST_BARS,
    MOST_PICTURES,
    add_left_out,
    add_model,
    add_overlay,
    begin_page,
    counted,
    evenly,
    overlay_of,
    percent,
    share_bar,
    span,
)
from cellwright.bundles.bundle import Bundle
from cellwright.reports.page import Page
from cellwright.reports.plots import Labels, interval_bars

MANY_UNLIKE = 2.0
"""More than this many times the share expected by the threshold earns a warning."""


def write_report(report: CellCycleReport, bundle: Bundle, *, runtime: str) -> None:
    """Write ``report.html`` into the folder of the run."""
    page = begin_page("Cell cycle", f"Model {bundle.card.name}")
    _add_headlines(page, report)
    _add_unlike(page, report, bundle)
    if report.overall.n_cells:
        _add_plots(page, report)
        _add_pictures(page, report)
        _add_tables(page, report)
    add_left_out(page, report.left_out)
    _add_method(page, report, bundle, runtime)
    page.save(report.out / "report.html")


def _add_headlines(page: Page, report: CellCycleReport) -> None:
    overall = report.overall
    index = overall.mitotic_index
    page.headline(percent(index), "Mitotic index", detail=f"95 % interval {span(index)}")
    page.headline(f"{overall.n_cells:,}", "Cells", detail=counted(overall.n_images, "image"))
    if not overall.n_cells:
        page.note("No cell could be staged.", tone="warning")
        return
    common = max(report.phases, key=lambda phase: overall.counts[phase])
    share = overall.shares[common]
    page.headline(percent(share), f"in {common}", detail=f"95 % interval {span(share)}")
    if not report.mitotic:
        page.note(
            "None of the model's classes is called a phase of mitosis; name them with --mitotic.",
            tone="warning",
        )


def _add_unlike(page: Page, report: CellCycleReport, bundle: Bundle) -> None:
    decoding = bundle.card.classification
    if decoding is None or decoding.unlike is None or not report.overall.n_cells:
        return
    unlike, expected = report.overall.unlike, 1 - decoding.unlike.quantile
    much = unlike.low is not None and unlike.low > MANY_UNLIKE * expected
    page.note(
        f"{percent(unlike)} of the cells ({span(unlike)}) look like none of the cells the model "
        f"was trained on; of its own kind of cells about {100 * expected:.0f} % do. "
        + (
            "Do not trust the phases of these images before you have looked at them."
            if much
            else ""
        ),
        tone="warning" if much else "plain",
    )


def _add_plots(page: Page, report: CellCycleReport) -> None:
    page.section("Phases")
    bars = [share_bar(phase, report.overall.shares[phase]) for phase in report.phases]
    page.figure(
        interval_bars(bars, labels=Labels(x="share of the cells (%)"), limits=(0, 100)),
        caption="All images together, with 95 % intervals.",
        alt="Bars of the share of each phase",
    )
    if 1 < len(report.groups) <= MOST_BARS and report.mitotic:
        page.figure(
            interval_bars(
                [share_bar(group.name, group.mitotic_index) for group in report.groups],
                labels=Labels(x="mitotic index (%)"),
                reference=share_bar("all images", report.overall.mitotic_index),
            ),
            caption="Mitotic index of each group; the line and band are all images together.",
            alt="Bars of the mitotic index, one a group",
        )


def _add_pictures(page: Page, report: CellCycleReport) -> None:
    drawn = [one for one in report.images if (report.out / overlay_of(one.image_id)).is_file()]
    if not drawn:
        return
    page.section("Pictures")
    for image in evenly(drawn, MOST_PICTURES):
        name = image.image_id
        caption = f"{name}: {counted(image.n_cells, 'cell')}"
        add_overlay(page, report.out, overlay_of(name), caption=caption, alt=f"Cells of {name}")


def _add_tables(page: Page, report: CellCycleReport) -> None:
    page.section("Numbers")
    page.table(
        ("group", "images", "cells", *report.phases, "mitotic index", "95 % interval", "unlike"),
        [_row(group) for group in (*report.groups, report.overall)],
        caption="Cells by phase, pooled over the images of a group",
    )
    page.table(
        ("phase", "cells", "share", "95 % interval"),
        [
            (phase, report.overall.counts[phase], percent(share), span(share))
            for phase, share in report.overall.shares.items()
        ],
        caption="All images together",
    )
    page.text(
        "A row for every cell with the probability of each phase is in cells.csv beside this "
        "page; groups.csv holds every share with its interval."
    )


def _row(pooled: PooledPhases) -> tuple[str | int | float | None, ...]:
    index = pooled.mitotic_index
    counts: list[int] = list(pooled.counts.values())
    return (
        *(pooled.name, pooled.n_images, pooled.n_cells),
        *counts,
        *(percent(index), span(index), percent(pooled.unlike)),
    )


def _add_method(page: Page, report: CellCycleReport, bundle: Bundle, runtime: str) -> None:
    page.section("How it was computed")
    page.text(
        "Each cell is given the phase of the largest probability. A share is the cells of a phase "
        "over all cells; the mitotic index adds up "
        f"{', '.join(report.mitotic) or 'no class of this model'}.",
        "Intervals are 95 %: Wilson where every image is one cell, else at each end the wider of "
        "Wilson and of whole images or groups drawn with replacement (2,000 times), since cells "
        "of one image are alike. They cover which cells were looked at, not mistakes of the "
        "model: rare phases are over- or under-counted as its figures below say.",
    )
    add_model(page, bundle, rule=("phase", "largest probability"), runtime=runtime)
