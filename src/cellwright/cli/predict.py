"""``cellwright predict``: images in; a table of cells, counts and overlays out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from cellwright.cli.console import (
    Missed,
    counted,
    progress_bar,
    say,
    say_missed,
    say_no_cells,
    write_json,
)
from cellwright.cli.options import (
    Cluster,
    Existing,
    Inputs,
    Json,
    Labels,
    Model,
    Out,
    Outlines,
    Overlays,
    PixelSize,
    Runtime,
    Scale,
    ScoreThreshold,
    Threads,
    Tile,
)
from cellwright.cli.stopping import GOES_ON, GOES_ON_WITHOUT_REPLACE, told_when_stopped

if TYPE_CHECKING:
    from cellwright.bundles.bundle import Bundle
    from cellwright.inference.run import RunOptions, RunSummary

EXAMPLES = """Examples:

cellwright predict smear.jpg --model blood-cells --out results

cellwright predict plate_7 --model runs/mine/mine.cellwright --out results --json -

cellwright predict screen --model nuclei --out results --cluster tcp://head-node:8786"""


def predict(
    inputs: Inputs,
    *,
    model: Model,
    out: Out,
    pixel_size: PixelSize = None,
    scale: Scale = None,
    score_threshold: ScoreThreshold = None,
    tile: Tile = None,
    labels: Labels = None,
    overlays: Overlays = "draw",
    outlines: Outlines = "none",
    existing: Existing = "resume",
    runtime: Runtime = "auto",
    threads: Threads = None,
    cluster: Cluster = None,
    json: Json = None,
) -> None:
    """Count the cells of images. A killed run started again does only what is missing.

    Writes cells.csv (a row a cell), summary.csv (a row an image), errors.csv and overlays; a
    model that segments also labels/, in which each pixel holds the number of its cell. With
    --outlines come files that QuPath and Fiji open. A model that classifies takes an image for
    one cell, unless --tile or --labels says otherwise. With --cluster the machines of a Dask
    cluster share the images; model and folders must lie where all of them see them.
    """
    from cellwright.bundles.bundle import open_bundle
    from cellwright.inference.run import RunOptions

    options = RunOptions(
        pixel_size,
        scale,
        score_threshold,
        overlays,
        tile_px=tile,
        labels_dir=None if labels is None else str(labels),
        outlines=outlines,
    )
    where = _Where(out, existing, runtime, threads, cluster)
    summary = _predict(inputs, open_bundle(model), options, where)
    if not write_json(_as_json(summary), json) and summary.n_done:
        typer.echo(_sentence(summary))
    missed = [Missed(image, one.what, one.remedy) for image, one in summary.errors.items()]
    say_missed(missed, out / "errors.csv", n_done=summary.n_done, verb="not counted")
    say_no_cells(summary.n_done, sum(summary.counts.values()))


@dataclass(frozen=True)
class _Where:
    """Where results go, and what computes them."""

    out: Path
    existing: Literal["resume", "replace"]
    runtime: str
    threads: int | None
    cluster: str | None


def _predict(inputs: list[Path], bundle: Bundle, options: RunOptions, where: _Where) -> RunSummary:
    """Predict here or on the cluster, and say by which runtime."""
    from cellwright.bundles.sessions import runtime_choice
    from cellwright.inference.run import load_model, predict_files
    from cellwright.inference.workers import plan_work

    then = GOES_ON if where.existing == "resume" else GOES_ON_WITHOUT_REPLACE
    with told_when_stopped(then), progress_bar("counting") as progress:
        if where.cluster is None:
            summary = predict_files(
                inputs,
                bundle=bundle,
                out=where.out,
                runtime=where.runtime,
                threads=where.threads,
                options=options,
                existing=where.existing,
                progress=progress,
            )
        else:
            from cellwright.inference.cluster import on_cluster

            with on_cluster(where.cluster, bundle, options, threads=where.threads) as spread:
                plan = plan_work(1, threads=where.threads)
                loaded = load_model(bundle, options, runtime=where.runtime, plan=plan)
                summary = loaded.predict(
                    inputs, where.out, existing=where.existing, progress=progress, spread=spread
                )
    choice = runtime_choice(where.runtime, bundle.card.graphs[0].precision)
    say(f"runtime {summary.runtime}: {choice.why}")
    return summary


def _sentence(summary: RunSummary) -> str:
    """``3 images, 120 cells (live 100, dead 20) in 1.2 s -> results``."""
    per_class = ", ".join(f"{name} {count}" for name, count in summary.counts.items())
    resumed = f", {summary.n_resumed} of them from before" if summary.n_resumed else ""
    cells = sum(summary.counts.values())
    return (
        f"{counted(summary.n_done, 'image')}{resumed}, {counted(cells, 'cell')} ({per_class}) "
        f"in {summary.seconds:.1f} s -> {summary.out}"
    )


def _as_json(summary: RunSummary) -> dict[str, Any]:
    return {
        "out": str(summary.out),
        "n_images": summary.n_images,
        "n_resumed": summary.n_resumed,
        "runtime": summary.runtime,
        "counts": summary.counts,
        "errors": {image: str(error) for image, error in summary.errors.items()},
        "seconds": round(summary.seconds, 3),
    }
