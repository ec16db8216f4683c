"""``cellwright assay cell-cycle``: cells in, their phases and the mitotic index out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cellwright.cli.console import (
    Cell,
    print_table,
    progress_bar,
    say_end,
    write_json,
)
from cellwright.cli.options import (
    Existing,
    Group,
    Inputs,
    Json,
    Labels,
    Model,
    Out,
    Overlays,
    PixelSize,
    Runtime,
    Tile,
)
from cellwright.cli.stopping import GOES_ON, GOES_ON_WITHOUT_REPLACE, told_when_stopped

if TYPE_CHECKING:
    from cellwright.assays.cell_cycle import CellCycleReport

EXAMPLES = """Examples:

cellwright assay cell-cycle crops --model runs/mine/mine.cellwright --out results

cellwright assay cell-cycle montage.tif --tile 40 --model runs/mine/mine.cellwright --out results

cellwright assay cell-cycle fields --labels cells --model runs/mine/mine.cellwright --out results"""


Mitotic: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="CLASS", help="A class that counts as mitosis; repeat for more."),
]


def cell_cycle(
    inputs: Inputs,
    *,
    model: Model,
    out: Out,
    tile: Tile = None,
    labels: Labels = None,
    group: Group = "",
    mitotic: Mitotic = None,
    pixel_size: PixelSize = None,
    overlays: Overlays = "draw",
    existing: Existing = "resume",
    runtime: Runtime = "auto",
    json: Json = None,
) -> None:
    """Phase of every cell, share of each phase and mitotic index, each with an interval.

    An image is one cell, unless --tile or --labels says otherwise. Writes tables, overlays and
    report.html.
    """
    from cellwright.assays.cell_cycle import CellCycleSettings, run_cell_cycle
    from cellwright.bundles.bundle import open_bundle
    from cellwright.inference.run import RunOptions

    settings = CellCycleSettings(
        group=group,
        mitotic=tuple(mitotic or ()),
        runtime=runtime,
        options=RunOptions(
            pixel_size,
            overlays=overlays,
            tile_px=tile,
            labels_dir=None if labels is None else str(labels),
        ),
    )
    then = GOES_ON if existing == "resume" else GOES_ON_WITHOUT_REPLACE
    with told_when_stopped(then), progress_bar("staging") as progress:
        report = run_cell_cycle(
            inputs,
            bundle=open_bundle(model),
            out=out,
            settings=settings,
            existing=existing,
            progress=progress,
        )
    if not write_json(report.to_json(), json) and report.images:
        _print(report)
    n_images, n_cells = len(report.images), report.overall.n_cells
    say_end(report.left_out, out, n_images=n_images, n_cells=n_cells, verb="not staged")


def _print(report: CellCycleReport) -> None:
    rows: list[tuple[Cell, ...]] = [
        (phase, report.overall.counts[phase], share.value, share.low, share.high)
        for phase, share in report.overall.shares.items()
    ]
    index, unlike = report.overall.mitotic_index, report.overall.unlike
    dividing = sum(report.overall.counts[phase] for phase in report.mitotic)
    marked = sum(image.n_unlike for image in report.images)
    rows.append(("mitotic index", dividing, index.value, index.low, index.high))
    rows.append(("unlike training", marked, unlike.value, unlike.low, unlike.high))
    print_table(("phase", "cells", "share", "low", "high"), rows)
