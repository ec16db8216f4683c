"""The section of the demo's page on blood smears: measured beside true."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

from cellwright.cli.demo_figures import ends, holds, percent
from cellwright.reports.page import Page


def add_smears(page: Page, out: Path) -> None:
    """What the assay found on the unseen slides, from the files that it left in ``out``."""
    measured = json.loads((out / "leukemia.json").read_text(encoding="utf-8"))
    truth: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    with (out / "simulated/smears/truth.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            truth[row["group"]][0] += int(row["n_white"])
            truth[row["group"]][1] += int(row["n_blasts"])
    page.section("Which white cells are blasts?")
    page.note("Research use only, not a diagnosis.")
    rows: list[tuple[str | int | None, ...]] = []
    for name, (n_white, n_blasts) in truth.items():
        found = measured["groups"][name]
        share = found["blast_fraction"]
        true = n_blasts / n_white
        rows.append(
            (
                *(name, n_white, found["white_cells"], percent(true), percent(share["value"])),
                *(ends(share), holds(share, true)),
            )
        )
    columns = (
        *("slide", "true white cells", "found", "true share of blasts"),
        *("measured", "95 % interval", "truth within"),
    )
    page.table(columns, rows, caption="Two fields a slide, of stains that the model has not seen.")
    page.text(
        "White cells unlike those that the classifier was trained on are not called. Two fields "
        "are too few for an interval to be trusted, and a minute of training on a few dozen cells "
        "shows the steps: it makes no classifier to use."
    )
    for name in truth:
        overlay = out / "leukemia" / "overlays" / f"{name}_001.png"
        page.picture(
            overlay,
            caption=f"{name}_001: cells found and called",
            link=overlay.relative_to(out).as_posix(),
        )
