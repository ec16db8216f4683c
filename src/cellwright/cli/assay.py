"""``cellwright assay``: images in, a biological quantity with its interval out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cellwright.cli.cell_cycle import EXAMPLES as CELL_CYCLE_EXAMPLES
from cellwright.cli.cell_cycle import cell_cycle
from cellwright.cli.console import (
    Cell,
    print_table,
    progress_bar,
    say_end,
    write_json,
)
from cellwright.cli.leukemia import EXAMPLES as LEUKEMIA_EXAMPLES
from cellwright.cli.leukemia import leukemia
from cellwright.cli.options import (
    Group,
    Inputs,
    Json,
    Model,
    Out,
    Overlays,
    PixelSize,
    Runtime,
    Scale,
    ScoreThreshold,
)
from cellwright.cli.stopping import BEGINS_ANEW, told_when_stopped

if TYPE_CHECKING:
    from pathlib import Path

    from cellwright.assays.confluence import ConfluenceReport
    from cellwright.assays.viability import Pairs, Singles, ViabilityReport

EXAMPLES = """Examples:

cellwright assay viability plate_7 --model live-dead-fluo --out results

cellwright assay viability day_1 --model live-dead-fluo --blue "{name}_ch00" --red "{name}_ch01" --out results

cellwright assay viability chamber.jpg --model live-dead --out results"""  # noqa: E501  one example a line

CONFLUENCE_EXAMPLES = """Examples:

cellwright assay confluence flask_3 --out results

cellwright assay confluence day_* --model runs/mine/mine.cellwright --out results --json -"""

Blue: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Names of images that show every nucleus, as {name}_blue.", metavar="T"),
]
Red: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Names of images that show dead cells, as {name}_red.", metavar="T"),
]
Live: TypeAlias = Annotated[
    str | None, typer.Option(metavar="CLASS", help="The model's class of live cells.")
]
Dead: TypeAlias = Annotated[
    str | None, typer.Option(metavar="CLASS", help="The model's class of dead cells.")
]

app = typer.Typer(help="Biological quantities with intervals.", no_args_is_help=True)
app.command("cell-cycle", epilog=CELL_CYCLE_EXAMPLES)(cell_cycle)
app.command("leukemia", epilog=LEUKEMIA_EXAMPLES)(leukemia)


@app.command("viability", epilog=EXAMPLES)
def viability(
    inputs: Inputs,
    *,
    model: Model,
    out: Out,
    blue: Blue = None,
    red: Red = None,
    live: Live = None,
    dead: Dead = None,
    group: Group = "",
    pixel_size: PixelSize = None,
    scale: Scale = None,
    score_threshold: ScoreThreshold = None,
    runtime: Runtime = "auto",
    json: Json = None,
) -> None:
    """Live cells over all cells, by image, by group and overall, each with an interval.

    Counts pairs of images (blue shows every nucleus, red dead cells), or single images where
    the model itself tells live from dead. Writes tables, overlays and report.html.
    """
    from cellwright.assays.viability import ViabilitySettings, run_viability
    from cellwright.bundles.bundle import open_bundle
    from cellwright.inference.run import RunOptions

    _refuse_among_images(inputs, out)
    settings = ViabilitySettings(
        counting=_counting(blue, red, live, dead),
        group=group,
        runtime=runtime,
        options=RunOptions(pixel_size, scale, score_threshold),
    )
    with told_when_stopped(BEGINS_ANEW), progress_bar("counting") as progress:
        report = run_viability(
            inputs, bundle=open_bundle(model), out=out, settings=settings, progress=progress
        )
    if not write_json(report.to_json(), json) and report.fields:
        _print(report)
    n_cells = report.overall.n_live + report.overall.n_dead
    n_images = len(report.fields)
    say_end(report.left_out, out, n_images=n_images, n_cells=n_cells, verb="not counted")


@app.command("confluence", epilog=CONFLUENCE_EXAMPLES)
def confluence(
    inputs: Inputs,
    *,
    out: Out,
    model: Model = "hela-dic",
    group: Group = "",
    pixel_size: PixelSize = None,
    scale: Scale = None,
    score_threshold: ScoreThreshold = None,
    overlays: Overlays = "draw",
    runtime: Runtime = "auto",
    json: Json = None,
) -> None:
    """How much of each field cells cover, how many there are and how large, with intervals.

    Writes tables, label images, overlays and report.html.
    """
    from cellwright.assays.confluence import ConfluenceSettings, run_confluence
    from cellwright.bundles.bundle import open_bundle
    from cellwright.inference.run import RunOptions

    _refuse_among_images(inputs, out)
    settings = ConfluenceSettings(
        group=group,
        runtime=runtime,
        options=RunOptions(pixel_size, scale, score_threshold, overlays),
    )
    with told_when_stopped(BEGINS_ANEW), progress_bar("segmenting") as progress:
        report = run_confluence(
            inputs, bundle=open_bundle(model), out=out, settings=settings, progress=progress
        )
    if not write_json(report.to_json(), json) and report.fields:
        _print_cover(report)
    n_images, n_cells = len(report.fields), report.overall.n_cells
    say_end(report.left_out, out, n_images=n_images, n_cells=n_cells, verb="left out")


def _refuse_among_images(inputs: list[Path], out: Path) -> None:
    """As ``predict`` does, whose run the other assays go through.

    Raises:
        ConfigError: the results would be written among the images.
        ImageError: an input does not exist, or a folder holds no images.
    """
    from cellwright.images.read import list_images
    from cellwright.inference.run_folder import refuse_among_images

    refuse_among_images(inputs, list_images(inputs), out=out)


def _print_cover(report: ConfluenceReport) -> None:
    rows: list[tuple[Cell, ...]] = []
    for pooled in (*report.groups, report.overall):
        share, area = pooled.confluence, pooled.area_mean_px
        rows.append(
            (
                *(pooled.name, pooled.n_images, pooled.n_cells),
                *(share.value, share.low, share.high),
                *(area.value, pooled.area_mean_um2.value),
            )
        )
    columns = ("group", "images", "cells", "confluence", "low", "high", "area, px", "area, µm²")
    print_table(columns, rows)


def _counting(
    blue: str | None, red: str | None, live: str | None, dead: str | None
) -> Pairs | Singles | None:
    """The way of counting that the options name; None leaves it to the model's classes."""
    from cellwright.assays.viability import Pairs, Singles
    from cellwright.errors import ConfigError

    pairs = blue is not None or red is not None
    singles = live is not None or dead is not None
    if pairs and singles:
        raise ConfigError(
            "--blue and --red are for pairs of images, --live and --dead for single ones",
            remedy="give one kind only",
        )
    if pairs:
        return Pairs(blue=blue or Pairs.blue, red=red or Pairs.red)
    return Singles(live=live or Singles.live, dead=dead or Singles.dead) if singles else None


def _print(report: ViabilityReport) -> None:
    rows: list[tuple[Cell, ...]] = []
    for pooled in (*report.groups, report.overall):
        share = pooled.viability
        rows.append(
            (
                *(pooled.name, pooled.n_images, pooled.n_live, pooled.n_dead),
                *(share.value, share.low, share.high),
            )
        )
    print_table(("group", "images", "live", "dead", "viability", "low", "high"), rows)
