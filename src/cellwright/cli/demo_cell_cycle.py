"""The part of ``cellwright demo`` on the cell cycle: three samples, staged by a zoo model.

Nothing is trained: the model that ships for imaging flow cytometry stages simulated cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cellwright.cli.cell_cycle import cell_cycle
from cellwright.cli.console import say
from cellwright.cli.demo_steps import announce

MODEL = "cell-cycle"
MADE = ("cell_cycle", "cell_cycle.json")


class Sample(NamedTuple):
    """A sample of cells: its name and how many are in each phase."""

    name: str
    counts: Mapping[str, int]


SAMPLES = (
    Sample(
        "untreated",
        {
            **{"G1": 60, "S": 34, "G2": 20},
            **{"Prophase": 2, "Metaphase": 2, "Anaphase": 1, "Telophase": 1},
        },
    ),
    Sample("starved", {"G1": 102, "S": 9, "G2": 8, "Telophase": 1}),
    # Cells let go of their dish once they have rounded up, in metaphase: few are in prophase.
    Sample(
        "mitotic_shake_off",
        {"G1": 14, "G2": 22, "Prophase": 8, "Metaphase": 50, "Anaphase": 14, "Telophase": 12},
    ),
)


def run_cell_cycle(out: Path) -> None:
    """Simulate and stage, below the demo's folder."""
    cells = out / "simulated" / "cells"
    announce("Simulate single cells in the phases of their cycle")
    say(f"    {simulate_cells(cells)} cells -> {cells}")

    results, figures = out / "cell_cycle", out / "cell_cycle.json"
    announce(
        "Which phase is each cell in, what share divides?",
        *("assay", "cell-cycle", cells / "images", "--model", MODEL),
        *("--out", results, "--json", figures),
    )
    cell_cycle([cells / "images"], model=MODEL, out=results, json=figures)


def simulate_cells(folder: Path) -> int:
    """Write every cell as a picture of three named channels, and its true phase; how many."""
    from cellwright.images.csv_table import write_csv
    from cellwright.images.simulate.phases import CHANNELS, simulate_sample
    from cellwright.images.write import write_tiff

    rows = []
    for number, sample in enumerate(SAMPLES):
        for cell in simulate_sample(sample.counts, name=sample.name, seed=300 + number):
            write_tiff(
                folder / "images" / f"{cell.name}.tif",
                cell.image,
                pixel_size_um=cell.pixel_size_um,
                channel_names=CHANNELS,
            )
            rows.append((cell.name, cell.group, cell.phase, cell.dna_content))
    write_csv(folder / "truth.csv", ("name", "group", "phase", "dna_content"), rows)
    return len(rows)
