"""``cellwright demo``: every assay from nothing, on simulated images, in minutes.

Experiments are simulated to train on, and others, with three treatments, that the
detector never sees and whose true viability is known. Smears, unstained cells and phases of
the cell cycle follow, each in a file of its own. Every further step is a command that a person
could type; it is printed before it runs, and one page at the end leads to all results.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from cellwright.cli import (
    assay,
    data,
    demo_cell_cycle,
    demo_confluence,
    demo_smears,
    evaluate,
    predict,
    train,
)
from cellwright.cli.console import progress_bar, say
from cellwright.cli.demo_steps import announce, watched
from cellwright.errors import ConfigError

if TYPE_CHECKING:
    from cellwright.images.simulate.live_dead import LiveDeadPair, LiveDeadScene

EXAMPLES = "Example: cellwright demo --out demo-out"

MARKER = ".cellwright-demo"
MADE = ("simulated", "train.yaml", "run", "inspection.html", "evaluation.json", "predictions",
        "viability", "viability.json", "index.html",
        *demo_confluence.MADE, *demo_cell_cycle.MADE, *demo_smears.MADE)  # fmt: skip


class Series(NamedTuple):
    """One simulated experiment: its name and what is special about it."""

    name: str
    n_cells: int
    viability: float
    background: float


TRAINING = (
    Series("train_a", 40, 0.90, 0.08),
    Series("train_b", 60, 0.70, 0.15),
    Series("train_c", 90, 0.50, 0.12),
    Series("train_d", 110, 0.80, 0.20),
    Series("train_e", 70, 0.30, 0.10),
    Series("train_f", 130, 0.60, 0.16),
    Series("train_g", 50, 0.85, 0.25),
    Series("train_h", 100, 0.40, 0.09),
)
UNSEEN = (
    Series("control", 200, 0.90, 0.10),
    Series("low_dose", 350, 0.65, 0.14),
    Series("high_dose", 500, 0.35, 0.18),
)
PAIRS_A_SERIES = 3
RADIUS_PX = (8.0, 17.0)
FRAME_TRAINING, FRAME_UNSEEN = (480, 640), (960, 1280)


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for everything.")
    ] = Path("demo-out"),
) -> None:
    """Simulate, train, evaluate, count and report: every assay beside the truth, in minutes."""
    train.prepare_training()
    begin(out)
    took: dict[str, float] = {}
    for name, run in PARTS.items():
        began = time.perf_counter()
        run(out)
        took[name] = time.perf_counter() - began

    from cellwright.cli.demo_page import write_index

    write_index(out, took_s=took)
    say("\nDone. Open this page in a browser:")
    typer.echo(out / "index.html")


def run_viability(out: Path) -> None:
    """Simulate, train, evaluate and count live and dead cells, below the demo's folder."""
    training, unseen = out / "simulated" / "training", out / "simulated" / "unseen"
    images, bundle = unseen / "images", out / "run" / "demo.cellwright"

    announce("Simulate experiments whose truth is known")
    simulate(training, TRAINING, frame=FRAME_TRAINING, seed=0)
    simulate(unseen, UNSEEN, frame=FRAME_UNSEEN, seed=100)

    inspection = out / "inspection.html"
    announce("Look at the labels", "data", "inspect", training, "--out", inspection)
    data.inspect(str(training), out=inspection)

    config = out / "train.yaml"
    config.write_bytes(files("cellwright.cli").joinpath("configs/demo.yaml").read_bytes())
    announce("Train a detector", "train", config, "--out", out / "run")
    train.train(config, out=out / "run")

    figures = out / "evaluation.json"
    announce(
        "Measure it on experiments it has never seen", "evaluate", bundle, unseen, "--json", figures
    )
    evaluate.evaluate(str(bundle), str(unseen), json=figures)

    predictions = out / "predictions"
    announce("Count cells", "predict", images, "--model", bundle, "--out", predictions)
    predict.predict([images], model=str(bundle), out=predictions)

    viability, figures_of_assay = out / "viability", out / "viability.json"
    announce(
        "How many are alive?",
        *("assay", "viability", images, "--model", bundle),
        *("--out", viability, "--json", figures_of_assay),
    )
    assay.viability([images], model=str(bundle), out=viability, json=figures_of_assay)


def begin(out: Path) -> None:
    """Make the folder, or clear what an earlier demo left in it.

    Raises:
        ConfigError: the folder holds files that no demo wrote.
    """
    marker = out / MARKER
    if out.exists() and not out.is_dir():
        raise ConfigError("this is a file, not a folder", where=out, remedy="name a new folder")
    if out.is_dir() and any(out.iterdir()) and not marker.exists():
        raise ConfigError(
            "the folder holds files that are not a demo's", where=out, remedy="name a new folder"
        )
    from cellwright.images.write import make_folder

    make_folder(out)
    marker.touch()
    for path in (out / name for name in MADE):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def simulate(folder: Path, series: Sequence[Series], *, frame: tuple[int, int], seed: int) -> None:
    """Write pairs of every series with labels: one class, since grey images hide the dye."""
    from cellwright.images.simulate.live_dead import LiveDeadScene
    from cellwright.images.simulate.storage import write_series

    plain = LiveDeadScene(height=frame[0], width=frame[1], radius_px=RADIUS_PX)
    total = PAIRS_A_SERIES * len(series)
    with progress_bar(f"simulating {folder.name}") as progress:
        pairs = watched(fields(series, plain, seed=seed), total=total, progress=progress)
        write_series(folder, pairs, classes=("nucleus", "nucleus"))
    say(f"    {total} pairs of {frame[1]} x {frame[0]} pixels -> {folder}")


def fields(series: Sequence[Series], plain: LiveDeadScene, *, seed: int) -> Iterator[LiveDeadPair]:
    """The fields of all series, each with a seed of its own."""
    from dataclasses import replace

    from cellwright.images.simulate.live_dead import simulate_series

    for number, one in enumerate(series):
        scene = replace(
            plain, n_cells=one.n_cells, viability=one.viability, background=one.background
        )
        yield from simulate_series(PAIRS_A_SERIES, scene, name=one.name, seed=seed + number)


PARTS: dict[str, Callable[[Path], None]] = {
    "viability": run_viability,
    "confluence": demo_confluence.run_confluence,
    "cell cycle": demo_cell_cycle.run_cell_cycle,
    "blood smears": demo_smears.run_smears,
}
"""What is run, in this order."""
