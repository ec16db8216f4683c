"""The section of the demo's page on unstained cells: measured beside true."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellwright.cli.demo_confluence import DAYS, MODEL
from cellwright.cli.demo_figures import ends, holds, percent, span
from cellwright.reports.page import Page

FIGURES = {
    "matched50": "cells found, over cells found, missed and invented",
    "count_mae": "cells a field the count is off, either way",
    "pixel_f1": "Dice: overlap of covered pixels, found with true",
}


@dataclass
class _Day:
    """True cells and covered shares of the fields of a day."""

    cells: int
    shares: list[float]

    @property
    def confluence(self) -> float:
        """Fields are of one size, so that the mean of shares is the share."""
        return sum(self.shares) / len(self.shares)


def add_confluence(page: Page, out: Path) -> None:
    """What the assay found in the culture, from the files that it left in ``out``."""
    measured = json.loads((out / "confluence.json").read_text(encoding="utf-8"))
    quality = json.loads((out / "confluence_evaluation.json").read_text(encoding="utf-8"))
    page.section("How much do unstained cells cover?")
    page.text(
        "A culture that grows for three days, seen without any dye. The model ships with "
        f"Cellwright ({MODEL}) and has learned from real HeLa cells, never from these."
    )
    rows = [_row(name, day, measured["groups"][name]) for name, day in _truth(out).items()]
    page.table(
        (
            "day",
            "true confluence",
            "measured",
            "95 % interval",
            "truth within",
            "true cells",
            "found",
        ),
        rows,
        caption="The interval covers which fields were looked at, not mistakes of the model",
    )
    page.table(
        ("figure", "value", "95 % interval", "n", "what it is"),
        [
            (name, one["value"], span(one), one["n"], what)
            for name, what in FIGURES.items()
            for one in [quality["metrics"][name]]
        ],
        caption=f"The model against the true outlines of {quality['n_images']} fields",
    )
    _pictures(page, out)


def _row(name: str, day: _Day, found: dict[str, Any]) -> tuple[str | int | None, ...]:
    share = found["confluence"]
    return (
        *(name, percent(day.confluence), percent(share["value"]), ends(share)),
        holds(share, day.confluence),
        *(day.cells, found["cells"]),
    )


def _truth(out: Path) -> dict[str, _Day]:
    days: dict[str, _Day] = defaultdict(lambda: _Day(0, []))
    with (out / "simulated/culture/truth.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            days[row["group"]].cells += int(row["n_cells"])
            days[row["group"]].shares.append(float(row["confluence"]))
    return dict(days)


def _pictures(page: Page, out: Path) -> None:
    first = f"{DAYS[-1].name}_001"
    page.picture(
        out / "simulated/culture/images" / f"{first}.png",
        caption=f"{first}: as the microscope would give it",
    )
    for day in DAYS[1:]:
        overlay = out / "confluence" / "overlays" / f"{day.name}_001.png"
        link = overlay.relative_to(out).as_posix()
        page.picture(overlay, caption=f"{day.name}_001: cells found", link=link)
