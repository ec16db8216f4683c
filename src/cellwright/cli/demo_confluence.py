"""The part of ``cellwright demo`` on unstained cells: a culture that grows.

Nothing is trained: the model that ships for unstained cells finds the cells of simulated fields.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cellwright.cli import assay, evaluate
from cellwright.cli.console import say
from cellwright.cli.demo_steps import announce

MODEL = "hela-dic-half-int8"
PIXEL_SIZE_UM = 0.19
"""Of the simulated fields, which PNG files cannot say themselves."""
FIELDS_A_DAY = 4
MADE = ("confluence", "confluence.json", "confluence_evaluation.json")


class Day(NamedTuple):
    """A day of the culture, and how many cells a field holds on average."""

    name: str
    n_cells: int


DAYS = (Day("day_1", 4), Day("day_2", 7), Day("day_3", 11))


def run_confluence(out: Path) -> None:
    """Simulate, measure the model, then the cover of every day, below the demo's folder."""
    culture = out / "simulated" / "culture"
    announce("Simulate a culture of unstained cells that grows")
    simulate_culture(culture)

    quality = out / "confluence_evaluation.json"
    announce(
        "Measure the model that ships for such cells",
        *("evaluate", MODEL, culture, "--format", "instances", "--json", quality),
    )
    evaluate.evaluate(MODEL, str(culture), format_name="instances", json=quality)

    results, figures = out / "confluence", out / "confluence.json"
    announce(
        "How much do the cells cover?",
        *("assay", "confluence", culture / "images", "--model", MODEL),
        *("--pixel-size", str(PIXEL_SIZE_UM), "--out", results, "--json", figures),
    )
    assay.confluence(
        [culture / "images"], model=MODEL, pixel_size=PIXEL_SIZE_UM, out=results, json=figures
    )


def simulate_culture(folder: Path) -> None:
    """Write the fields of every day with their true cells."""
    from cellwright.images.simulate.dic import DicScene, simulate_movie
    from cellwright.images.simulate.storage import write_fields

    scenes = [DicScene(n_cells=day.n_cells, pixel_size_um=PIXEL_SIZE_UM) for day in DAYS]
    fields = (
        field
        for number, (day, scene) in enumerate(zip(DAYS, scenes, strict=True))
        for field in simulate_movie(FIELDS_A_DAY, scene, name=day.name, seed=200 + number)
    )
    write_fields(folder, fields)
    say(f"    {FIELDS_A_DAY * len(DAYS)} fields -> {folder}")
