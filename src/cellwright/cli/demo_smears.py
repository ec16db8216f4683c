"""The part of ``cellwright demo`` on blood smears: a classifier of white cells, then the assay.

White cells of simulated slides are cut out by their known outlines to train on; the assay finds
those of other slides itself, and counts and calls them.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cellwright.cli import leukemia, train
from cellwright.cli.console import say
from cellwright.cli.demo_steps import announce

if TYPE_CHECKING:
    from cellwright.images.simulate.smear import SmearField

CROP_PX = 64
SLIDES = 6
"""Slides that white cells to train on are cut out of, each with a stain of its own."""
FIELDS_A_SLIDE = 2
WHITE_CELLS = 12
MADE = ("smears.yaml", "smears_run", "leukemia", "leukemia.json")


class Slide(NamedTuple):
    """A slide that the model has never seen, and the share of blasts in it."""

    name: str
    blast_share: float


UNSEEN = (Slide("healthy", 0.0), Slide("early", 0.25), Slide("late", 0.75))


def run_smears(out: Path) -> None:
    """Simulate, train and call blasts, below the demo's folder."""
    cells, smears = out / "simulated" / "white_cells", out / "simulated" / "smears"
    announce("Simulate blood smears, and cut out white cells to learn from")
    count = simulate_white_cells(cells)
    say(f"    {count} white cells -> {cells}")
    simulate_smears(smears)

    config, run = out / "smears.yaml", out / "smears_run"
    packaged = files("cellwright.cli").joinpath("configs/demo-smears.yaml")
    config.write_bytes(packaged.read_bytes())
    announce("Train a classifier of white cells", "train", config, "--out", run)
    train.train(config, out=run)

    bundle, results, figures = (
        run / "demo-smears.cellwright",
        out / "leukemia",
        out / "leukemia.json",
    )
    announce(
        "What share are blasts?",
        *("assay", "leukemia", smears / "images", "--model", bundle),
        *("--out", results, "--json", figures),
    )
    leukemia.leukemia([smears / "images"], model=str(bundle), out=results, json=figures)


def simulate_white_cells(folder: Path) -> int:
    """Write a crop a white cell into a folder a class; returns how many."""
    from cellwright.images.montage import cut_cells
    from cellwright.images.simulate.smear import CLASSES
    from cellwright.images.write import write_png

    count = 0
    for field in training_fields():
        classes = field.white.class_ids
        crops = cut_cells(field.image, field.white, (CROP_PX, CROP_PX))
        for tile, class_id in zip(crops, [] if classes is None else classes.tolist(), strict=True):
            name = f"{field.name}_{tile.label:02d}.png"
            write_png(folder / CLASSES[class_id] / name, tile.image)
            count += 1
    return count


def training_fields() -> Iterator[SmearField]:
    """Fields of all slides, half of their white cells blasts."""
    from cellwright.images.simulate.smear import SmearScene, simulate_slide

    scene = SmearScene(n_red=30, n_white=WHITE_CELLS, blast_share=0.5)
    for seed in range(SLIDES):
        yield from simulate_slide(FIELDS_A_SLIDE, scene, name=f"train_{seed}", seed=seed)


def simulate_smears(folder: Path) -> None:
    """Write the fields of the unseen slides, and how many blasts they really hold."""
    from cellwright.images.csv_table import write_csv
    from cellwright.images.simulate.smear import SmearScene, simulate_slide
    from cellwright.images.write import write_png

    rows = []
    for number, slide in enumerate(UNSEEN):
        scene = SmearScene(n_red=40, n_white=8, blast_share=slide.blast_share)
        for field in simulate_slide(FIELDS_A_SLIDE, scene, name=slide.name, seed=100 + number):
            write_png(folder / "images" / f"{field.name}.png", field.image)
            rows.append((field.name, field.group, len(field.white), field.n_blasts))
    write_csv(folder / "truth.csv", ("name", "group", "n_white", "n_blasts"), rows)
