"""A job as one HTML page to send on or to keep: figures, pictures, tables, the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellwright.assays.sections import (
    MOST_BARS,
    MOST_PICTURES,
    PICTURE_PX,
    add_left_out,
    add_model,
    counted,
    evenly,
    percent,
    share_bar,
    span,
)
from cellwright.assays.tables import LeftOut
from cellwright.bundles.bundle import Bundle
from cellwright.metrics.intervals import wilson
from cellwright.reports.page import Page
from cellwright.reports.plots import Labels, histogram, interval_bars
from cellwright.service.counts import cells_that_count, count_cells, in_um2
from cellwright.service.files import Files
from cellwright.service.records import JobState, Outcome

LIVE, DEAD = "live", "dead"


@dataclass(frozen=True)
class JobReport:
    """What a report is made of.

    Attributes:
        state: the job.
        outcomes: its images, in order.
        bundle: the model it was counted with.
        files: where the overlays lie.
        runtime: what ran the model.
    """

    state: JobState
    outcomes: Sequence[Outcome]
    bundle: Bundle
    files: Files
    runtime: str

    def render(self) -> str:
        """The page, which needs nothing beside it."""
        counts = count_cells(self.outcomes, self.bundle.card.classes)
        when = f"{self.state.created:%d %B %Y, %H:%M} UTC"
        page = Page("Cell counts", f"Model {self.state.model}, {when}")
        _add_headlines(page, self, counts)
        if counts["n_cells"]:
            _add_plots(page, self.outcomes, counts)
        if self.state.n_done:
            _add_pictures(page, self)
            _add_tables(page, counts)
        add_left_out(page, [_left_out(one) for one in self.outcomes if one.state == "failed"])
        page.section("How it was counted")
        rule = ("counts as a cell", _rule(self))
        add_model(page, self.bundle, rule=rule, runtime=self.runtime)
        return page.render()


def _add_headlines(page: Page, report: JobReport, counts: Mapping[str, Any]) -> None:
    state = report.state
    images = counted(state.n_done, "image")
    page.headline(f"{counts['n_cells']:,}", "Cells", detail=f"in {images}")
    found = {one["name"]: one["n"] for one in counts["classes"]}
    if LIVE in found and DEAD in found:
        alive = wilson(found[LIVE], found[LIVE] + found[DEAD])
        page.headline(percent(alive), "Viability", detail=f"95 % interval {span(alive)}")
    checked = sum(one["corrected"] for one in counts["images"])
    page.headline(f"{checked:,}", "Images checked", detail="by a person; their cells count")
    if state.n_done < state.n_images:
        rest = state.n_images - state.n_done - state.n_failed
        parts = [f"{state.n_failed} could not be counted"] * bool(state.n_failed)
        parts += [f"{rest} were not counted yet"] * bool(rest)
        page.note(f"Of {state.n_images} images, {' and '.join(parts)}.", tone="warning")


def _add_plots(page: Page, outcomes: Sequence[Outcome], counts: Mapping[str, Any]) -> None:
    classes = counts["classes"]
    if 1 < len(classes) <= MOST_BARS:
        page.section("Classes")
        bars = [share_bar(one["name"], wilson(one["n"], counts["n_cells"])) for one in classes]
        page.figure(
            interval_bars(bars, labels=Labels(x="share of the cells (%)"), limits=(0, 100)),
            caption="All images together, with Wilson's 95 % intervals; they take cells as "
            "independent, images may differ by more.",
            alt="Bars of the share of each class",
        )
    cells = [cell for one in outcomes if one.state == "done" for cell in cells_that_count(one)]
    column, unit = ("area_um2", "µm²") if in_um2(cells) else ("area", "px²")
    areas = {
        one["name"]: [
            cell[column]
            for cell in cells
            if cell["class"] == one["name"] and cell[column] is not None
        ]
        for one in classes
    }
    if any(areas.values()):
        page.section("Sizes")
        page.figure(
            histogram(areas, labels=Labels(x=f"area of a cell ({unit})", y="cells")),
            caption="Area of the cells of all images; of a box where the model draws boxes.",
            alt="Histogram of the areas of the cells",
        )


def _add_pictures(page: Page, report: JobReport) -> None:
    drawn = [
        (one, path)
        for one in report.outcomes
        for path in [report.files.result(report.state.id, one.position, "overlays.png")]
        if one.state == "done" and path.is_file()
    ]
    if not drawn:
        return
    page.section("Pictures")
    page.text("Cells as the model found them, without corrections.")
    for outcome, path in evenly(drawn, MOST_PICTURES):
        name = Path(outcome.name).stem
        page.picture(
            path,
            caption=f"{name}: {_found(outcome)}",
            alt=f"Cells of {name}",
            max_edge=PICTURE_PX,
        )


def _found(outcome: Outcome) -> str:
    """What a picture shows, and what counts instead where a person has corrected."""
    model = counted(int((outcome.summary or {}).get("n_cells", 0)), "cell")
    if not outcome.corrected:
        return f"the model found {model}"
    return f"the model found {model}, {sum((outcome.counts or {}).values()):,} after the check"


def _add_tables(page: Page, counts: Mapping[str, Any]) -> None:
    page.section("Numbers")
    names = [one["name"] for one in counts["classes"]]
    shares = [(one, wilson(one["n"], counts["n_cells"])) for one in counts["classes"]]
    page.table(
        ("class", "cells", "share", "95 % interval"),
        [(one["name"], one["n"], percent(share), span(share)) for one, share in shares],
        caption="All images together",
    )
    page.table(
        ("image", "cells", *names, "checked"),
        [
            (
                *(one["name"], one["n_cells"]),
                *(one["counts"].get(name, 0) for name in names),
                "yes" if one["corrected"] else "no",
            )
            for one in counts["images"]
        ],
        caption="Image by image",
    )


def _left_out(outcome: Outcome) -> LeftOut:
    problem = outcome.problem or {}
    return LeftOut(
        image_id=Path(outcome.name).stem,
        file=outcome.name,
        error=str(problem.get("what", "")),
        remedy=str(problem.get("remedy", "")),
    )


def _rule(report: JobReport) -> str:
    chosen, card = report.state.options.get("score_threshold"), report.bundle.card
    if chosen is not None:
        return f"score of {chosen:g} or more, as asked for"
    if card.decoding is None:
        return "as the model was set"
    thresholds = card.decoding.thresholds(len(card.classes))
    each = zip(card.classes, thresholds, strict=True)
    return "score of at least " + ", ".join(f"{value:.2f} ({name})" for name, value in each)
