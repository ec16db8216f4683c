"""The page a leukemia run ends with: counts, the call against the marks, pictures, method."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from cellwright.assays.leukemia.calls import NOTE
from cellwright.assays.leukemia.counts import MARKS, LeukemiaReport, PooledSmears
from cellwright.assays.leukemia.heat import HEAT_FOLDER
from cellwright.assays.sections import (
    MOST_BARS,
    add_left_out,
    add_model,
    add_overlay,
    begin_page,
    counted,
    evenly,
    figure_and_span,
    overlay_of,
    percent,
    share_bar,
    span,
)
from cellwright.bundles.bundle import Bundle
from cellwright.reports.page import Page
from cellwright.reports.plots import Labels, interval_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PICTURES = 12


def write_report(
    report: LeukemiaReport, bundle: Bundle | None, *, runtime: str, explained: str = ""
) -> None:
    """Write ``report.html`` into the folder of the run.

    Args:
        report: what was found.
        bundle: the model, where there was one.
        runtime: what ran it.
        explained: why there are no maps of what the model looked at, where there are none.
    """
    model = "no model" if bundle is None else f"model {bundle.card.name}"
    page = begin_page("Leukemia screening", f"{NOTE.capitalize()}. {model.capitalize()}")
    page.note(f"{NOTE.capitalize()}: nothing here may be used to decide about a patient.")
    _add_headlines(page, report)
    if report.images:
        _add_shares(page, report)
        _add_pictures(page, report, explained)
        _add_tables(page, report)
    add_left_out(page, report.left_out)
    _add_method(page, report, bundle, runtime)
    page.save(report.out / "report.html")


def _add_headlines(page: Page, report: LeukemiaReport) -> None:
    overall = report.overall
    page.headline(f"{overall.n_white:,}", "White cells", detail=counted(overall.n_images, "image"))
    ratio, ends = _per_red(overall)
    detail = f"{overall.n_red:,} red; 95 % interval {ends}"
    page.headline(ratio, "White per red cell", detail=detail)
    if not report.images:
        page.note("No image could be counted.", tone="warning")
        return
    if report.asked is None:
        page.note("No model was given: cells are counted and measured, and nothing is called.")
        return
    what = "Blasts" if report.asked == "cells" else "Leukemic fields"
    if overall.verdict == "abstained":
        page.headline(percent(overall.leukemic), what, detail="no call")
        page.note(
            f"{percent(overall.unlike)} of what the model was asked about ({span(overall.unlike)}) "
            "looks like none of its training data: no call is made of these images. Another "
            "stain, camera or magnification is the usual cause.",
            tone="warning",
        )
        return
    page.headline(
        percent(overall.leukemic),
        what,
        detail=f"of {overall.n_called:,} called; 95 % interval {span(overall.leukemic)}",
    )
    if report.asked == "cells":
        page.note(f"Against the marks of 5 % and 20 %: {overall.verdict}.")


def _add_shares(page: Page, report: LeukemiaReport) -> None:
    if report.asked is None or report.overall.verdict == "abstained":
        return
    page.section("Blasts" if report.asked == "cells" else "Fields")
    n_groups = len(report.groups)
    groups = report.groups if 1 < n_groups < MOST_BARS else ()
    bars = [share_bar(one.name, one.leukemic) for one in (*groups, report.overall)]
    what = "blasts among the called white cells (%)"
    figure = interval_bars(
        bars,
        labels=Labels(x=what if report.asked == "cells" else "fields called leukemic (%)"),
        limits=(0, 100),
    )
    caption = "With 95 % intervals."
    if n_groups >= MOST_BARS:
        caption += f" The {n_groups:,} groups are too many to draw: see the table below."
    if report.asked == "cells":
        _draw_marks(figure)
        caption += " Dashed: 5 %, the most that is normal, and 20 %, from which leukemia is likely."
    page.figure(figure, caption=caption, alt="Bars of the share that is leukemic")


def _draw_marks(figure: Figure) -> None:
    for mark in MARKS:
        figure.axes[0].axvline(100 * mark, color="#17202A", lw=1.2, ls="--")


def _add_pictures(page: Page, report: LeukemiaReport, explained: str) -> None:
    drawn = [one for one in report.images if (report.out / overlay_of(one.image_id)).is_file()]
    if drawn:
        page.section("What was counted")
    for one in evenly(drawn, MOST_PICTURES):
        name = one.image_id
        caption = f"{name}: {one.n_white} white, {one.n_red} red. {NOTE}"
        add_overlay(page, report.out, overlay_of(name), caption=caption, alt=f"Cells of {name}")
    # Those of images of earlier runs lie there too.
    drawn_maps = [report.out / HEAT_FOLDER / f"{one.image_id}.png" for one in report.images]
    maps = [path for path in drawn_maps if path.is_file()]
    if maps or explained:
        page.section("Where the model looked")
    if explained:
        page.text(explained)
    for path in maps:
        page.picture(path, caption=f"{path.stem}. {NOTE}", link=quote(f"{HEAT_FOLDER}/{path.name}"))


def _add_tables(page: Page, report: LeukemiaReport) -> None:
    page.section("Numbers")
    called = report.asked is not None
    extra = ("called", "leukemic", "share", "95 % interval", "unlike") if called else ()
    page.table(
        ("group", "images", "white", "red", "white per red", "95 % interval", *extra),
        [_row(one, called=called) for one in (*report.groups, report.overall)],
        caption=f"Pooled over the images of a group; {NOTE}",
    )
    if report.asked == "fields":
        page.table(
            ("image", "white", "red", "probability of leukemia", "unlike training"),
            [
                (
                    one.image_id,
                    one.n_white,
                    one.n_red,
                    "no call" if one.n_unlike else one.probability,
                    "yes" if one.n_unlike else "no",
                )
                for one in report.images
            ],
            caption=f"Each field, calibrated; {NOTE}",
        )
    page.text(
        "A row for every white cell with its measurements is in cells.csv beside this page, a row "
        "for every image in summary.csv, shares with intervals in groups.csv."
    )


def _row(pooled: PooledSmears, *, called: bool) -> tuple[str | int | float | None, ...]:
    counts = (pooled.name, pooled.n_images, pooled.n_white, pooled.n_red, *_per_red(pooled))
    if not called:
        return counts
    share = pooled.leukemic
    figures = (percent(share), span(share), percent(pooled.unlike))
    return (*counts, pooled.n_called, pooled.n_leukemic, *figures)


def _per_red(pooled: PooledSmears) -> tuple[str, str]:
    """White cells for each red one, and the interval."""
    ratio = pooled.white_per_red
    return figure_and_span(ratio.value, ratio.low, ratio.high)


def _add_method(page: Page, report: LeukemiaReport, bundle: Bundle | None, runtime: str) -> None:
    page.section("How it was computed")
    page.text(
        "White cells, nuclei and red cells come from a two-stage fuzzy clustering of the colours; "
        "touching cells are cut at their necks. Red cells that overlap are counted low, and cells "
        "cut by the edge of the picture count in full.",
        "A cell or field is called leukemic where the calibrated probabilities of the classes "
        f"{', '.join(report.leukemic) or '(no model)'} add up to more than one half. What lies "
        "beyond the model's own threshold of likeness gets no call and does not count. Intervals "
        "are 95 %: Wilson where there is one image or one call an image, else at each end the "
        "wider of Wilson and of whole images or groups drawn with replacement (2,000 times); of "
        "white per red cell, which is no share, Wilson's of white among both. With fewer than "
        "about ten images or groups they may be too narrow. They do not cover mistakes of the "
        "model.",
        "The marks of 5 % and 20 % are of bone marrow (paper 5); in blood they are no more than "
        "a scale.",
    )
    if bundle is not None:
        rule = ("leukemic", ", ".join(report.leukemic))
        add_model(page, bundle, rule=rule, runtime=runtime)
