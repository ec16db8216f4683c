"""``cellwright assay leukemia``: smears in, counts, measurements and a blast fraction out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cellwright.cli.console import (
    Cell,
    print_table,
    progress_bar,
    say,
    say_end,
    write_json,
)
from cellwright.cli.options import Existing, Group, Inputs, Json, Out, Overlays, PixelSize, Runtime
from cellwright.cli.stopping import GOES_ON, GOES_ON_WITHOUT_REPLACE, told_when_stopped

if TYPE_CHECKING:
    from cellwright.assays.leukemia import LeukemiaReport

EXAMPLES = """Examples:

cellwright assay leukemia smears --out results

cellwright assay leukemia smears --model runs/blasts/blasts.cellwright --out results

cellwright assay leukemia smears --model runs/stages/stages.cellwright --blast early --blast pre --blast pro --out results"""  # noqa: E501  one example a line


Classifies: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="BUNDLE|NAME",
        help="Classifies white cells or fields; without it cells are counted and measured.",
    ),
]
Blasts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="CLASS", help="A class that is leukemic; repeat for more."),
]


def leukemia(
    inputs: Inputs,
    *,
    out: Out,
    model: Classifies = None,
    blast: Blasts = None,
    group: Group = "",
    pixel_size: PixelSize = None,
    overlays: Overlays = "draw",
    existing: Existing = "resume",
    runtime: Runtime = "auto",
    json: Json = None,
) -> None:
    """White and red cells of stained smears, and the share of blasts with an interval.

    Research use only, not a diagnosis. Writes tables, overlays and report.html.
    """
    from cellwright.assays.leukemia import LeukemiaSettings, run_leukemia
    from cellwright.bundles.bundle import open_bundle
    from cellwright.errors import ConfigError

    if model is None and blast:
        raise ConfigError(
            "there is no model whose classes could be blasts",
            where="--blast",
            remedy="give --model too, or leave --blast out",
        )
    settings = LeukemiaSettings(
        group=group,
        blasts=tuple(blast or ()),
        pixel_size_um=pixel_size,
        overlays=overlays,
        runtime=runtime,
    )
    then = GOES_ON if existing == "resume" else GOES_ON_WITHOUT_REPLACE
    with told_when_stopped(then), progress_bar("segmenting") as progress:
        report = run_leukemia(
            inputs,
            out=out,
            bundle=None if model is None else open_bundle(model),
            settings=settings,
            existing=existing,
            progress=progress,
        )
    if not write_json(report.to_json(), json) and report.images:
        _print(report)
    n_images, n_cells = len(report.images), report.overall.n_white + report.overall.n_red
    say_end(report.left_out, out, n_images=n_images, n_cells=n_cells, verb="left out")


def _print(report: LeukemiaReport) -> None:
    from cellwright.assays.leukemia.calls import NOTE

    rows: list[tuple[Cell, ...]] = []
    for pooled in (*report.groups, report.overall):
        share = pooled.leukemic
        called: tuple[Cell, ...] = ()
        if report.asked is not None:
            called = (pooled.n_called, pooled.n_leukemic, share.value, share.low, share.high)
        counts = (pooled.name, pooled.n_images, pooled.n_white, pooled.n_red)
        ratio = pooled.white_per_red
        rows.append((*counts, ratio.value, ratio.low, ratio.high, *called))
    columns: tuple[str, ...] = ("group", "images", "white", "red", "white per red", "low", "high")
    if report.asked is not None:
        what = "blasts" if report.asked == "cells" else "leukemic"
        columns = (*columns, "called", what, "share", "low", "high")
    print_table(columns, rows)
    if report.asked is None:
        say("No model was given: counts and measurements only, no call.")
    elif report.overall.verdict == "abstained":
        say("No call: most of it looks like none of the model's training data.")
    elif report.asked == "cells":
        say(f"Against the marks of 5 % and 20 %: {report.overall.verdict}.")
    say(f"{NOTE.capitalize()}.")
