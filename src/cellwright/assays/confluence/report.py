"""The page a confluence run ends with: figure, plots, pictures, tables, how it was done."""

from __future__ import annotations

from cellwright.assays.confluence.cover import ConfluenceReport, CoveredField, PooledCover
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
    figure_and_span,
    percent,
    share_bar,
    span,
    warn_left_out,
)
from cellwright.bundles.bundle import Bundle
from cellwright.bundles.mask_output import DistanceInstances
from cellwright.metrics.intervals import Interval
from cellwright.reports.page import Page
from cellwright.reports.plots import Labels

AXIS = Labels(x="confluence: covered area (%)")


def write_report(report: ConfluenceReport, bundle: Bundle, *, runtime: str) -> None:
    """Write ``report.html`` into the folder of the run."""
    page = begin_page("Confluence", f"Model {bundle.card.name}")
    _add_headlines(page, report)
    if report.fields:
        _add_plots(page, report)
        _add_pictures(page, report)
        _add_tables(page, report)
    add_left_out(page, report.left_out)
    _add_method(page, report, bundle, runtime)
    page.save(report.out / "report.html")


def _add_headlines(page: Page, report: ConfluenceReport) -> None:
    overall = report.overall
    share, area = overall.confluence, _area(overall)
    page.headline(percent(share), "Confluence", detail=_interval(share, span(share)))
    per_image = overall.cells_per_image
    mean = "–" if per_image.value is None else f"{per_image.value:.1f} a field"
    page.headline(f"{overall.n_cells:,}", "Cells", detail=mean)
    value, ends = _figure(area[0])
    shown = value if area[0].value is None else f"{value} {area[1]}"
    page.headline(shown, "Mean area of a cell", detail=_interval(area[0], ends))
    groups = f"in {counted(len(report.groups), 'group')}" if report.groups else "none"
    page.headline(f"{len(report.fields):,}", "Fields of view", detail=groups)
    warn_left_out(page, report.left_out)
    if not report.fields:
        page.note("No field of view could be segmented.", tone="warning")
    elif not overall.n_cells:
        page.note("No cells were found.", tone="warning")


def _add_plots(page: Page, report: ConfluenceReport) -> None:
    fields = [
        share_bar(field.image.id, Interval(field.confluence, None, None, 1))
        for field in report.fields
    ]
    bars = ShareBars(
        groups=[share_bar(group.name, group.confluence) for group in report.groups],
        fields=fields,
        overall=share_bar("all images", report.overall.confluence),
    )
    add_share_bars(page, bars, name="confluence", axis=AXIS, each="Each field of view.")


def _add_pictures(page: Page, report: ConfluenceReport) -> None:
    drawn = [field for field in report.fields if field.overlay]
    if not drawn:
        return
    page.section("Pictures")
    fields = evenly(drawn, MOST_PICTURES)
    if len(fields) < len(drawn):
        page.text(f"{len(fields)} of {len(drawn):,} fields, evenly spaced; all are in overlays/.")
    page.text("A line surrounds every cell. A click opens the full picture.")
    for field in fields:
        add_overlay(
            page,
            report.out,
            field.overlay,
            caption=f"{field.image.id}: {100 * field.confluence:.1f} % covered, "
            f"{counted(field.n_cells, 'cell')}",
            alt=f"Cells of {field.image.id}",
        )


def _add_tables(page: Page, report: ConfluenceReport) -> None:
    page.section("Numbers")
    _, unit = _area(report.overall)
    page.table(
        (
            *("group", "fields", "cells", "confluence", "95 % interval", "cells a field"),
            *("95 % interval", f"mean area, {unit}", "95 % interval"),
        ),
        [_group_cells(group) for group in (*report.groups, report.overall)],
        caption="Pooled over the fields of a group",
    )
    page.table(
        (
            *("field of view", "group", "cells", "confluence"),
            *("mean area, px", "mean area, µm²", "notes"),
        ),
        [_field_cells(field) for field in report.fields],
        caption="Each field of view",
    )
    page.text(
        "The same numbers, and a row for every cell with its place, area, shape and brightness, "
        "are in summary.csv, groups.csv, cells.csv and cells.parquet beside this page. The "
        "cells themselves are in labels/: each pixel holds the number of its cell."
    )


def _add_method(page: Page, report: ConfluenceReport, bundle: Bundle, runtime: str) -> None:
    page.section("How it was computed")
    separates = isinstance(bundle.card.segmentation, DistanceInstances)
    page.text(
        "The model says of every pixel whether it belongs to a cell"
        + (
            ", and how deep inside; a watershed from the deepest points separates cells that touch."
            if separates
            else ". Each connected region counts as one cell: cells that touch count as one, so "
            "the count is a lower bound where they do."
        ),
        "Confluence = pixels in cells / all pixels; over several fields both are added up. An "
        "interval is, at each end, the wider of two: whole "
        f"{'groups' if len(report.groups) > 1 else 'images'} drawn with replacement (2,000 times), "
        "since pixels and cells of one image are more alike than those of different ones, and "
        "Student's t, which is wide where there are few. They are 95 % and cover "
        "which fields were looked at, not mistakes of the model: its measured "
        "quality is below, and the pictures above show its work. Cells that the border "
        "of an image cuts are counted and make the mean area a little too small.",
    )
    rule = "watershed on predicted distances" if separates else "connected regions of the mask"
    add_model(page, bundle, rule=("cells", rule), runtime=runtime)


def _area(pooled: PooledCover) -> tuple[Interval, str]:
    """Mean area in µm² where every pixel size is known, else in pixels."""
    if pooled.area_mean_um2.value is not None:
        return pooled.area_mean_um2, "µm²"
    return pooled.area_mean_px, "px"


def _figure(interval: Interval) -> tuple[str, str]:
    return figure_and_span(interval.value, interval.low, interval.high)


def _interval(figure: Interval, ends: str) -> str:
    """The ends in words, or why there are none."""
    if figure.value is None:
        return ""
    if figure.low is None:
        return "no interval: one field or group, or all alike"
    return f"95 % interval {ends}"


def _group_cells(pooled: PooledCover) -> tuple[str | int | float | None, ...]:
    area, _ = _area(pooled)
    return (
        *(pooled.name, pooled.n_images, pooled.n_cells),
        *(percent(pooled.confluence), span(pooled.confluence)),
        *(*_figure(pooled.cells_per_image), *_figure(area)),
    )


def _field_cells(field: CoveredField) -> tuple[str | int | float | None, ...]:
    return (
        *(field.image.id, field.image.group, field.n_cells, f"{100 * field.confluence:.1f} %"),
        *(field.area_mean_px, field.area_mean_um2, "; ".join(field.notes)),
    )
