"""Figures 2 to 9: curves of training, the heat map of Table 3, masks side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Plot

from cellwright.reports.page import Page
from cellwright.reports.plots import Curve, Labels, curves
from cellwright.studies.kept_pictures import from_text
from cellwright.studies.study import Records
from cellwright.studies.unet_compression.combinations import COMBINATIONS, TREATMENTS, row_of
from cellwright.studies.unet_compression.rows import RATES, TABLE

CURVED = {"base": "Figure 2", "duringtq": "Figures 3 to 6", "pruned": "Figures 3 to 5"}

Details = Sequence[Mapping[str, Any]]


def draw(page: Page, records: Records) -> None:
    """Everything but the tables; what a run lacks is left out."""
    done = {n: r.outcome for n, r in records.items() if r.outcome.details and "-seed" not in n}
    details = [outcome.details for outcome in done.values()]
    if not details:
        return
    for treatment, figure in CURVED.items():
        _draw_curves(page, [d for d in details if d["treatment"] == treatment], figure)
    page.section("Figure 7")
    values = {
        (f.row, f.metric): f.value for o in done.values() for f in o.figures if f.table == TABLE
    }
    page.figure(heat_map(values), caption="Table 3, means over test images.")
    page.section("Figures 8 and 9")
    for one in details:
        for image, strip in one["pictures"].items():
            name = row_of(one["combination"], one["treatment"])
            page.picture(from_text(strip), caption=f"{name}: {image}, its labels, what was found")


def _draw_curves(page: Page, details: Details, figure: str) -> None:
    lines = [
        Curve(
            COMBINATIONS[one["combination"]].printed,
            np.arange(1, len(one["curves"]["IoU"]) + 1),
            one["curves"]["IoU"],
        )
        for one in details
        if one["curves"]
    ]
    if lines:
        title = TREATMENTS[details[0]["treatment"]]
        page.section(f"{figure}: {title}")
        plot = curves(lines, labels=Labels("epoch", "IoU", title))
        page.figure(plot, caption="IoU of the validation part after each epoch.")


def heat_map(values: Mapping[tuple[str, str], float | None]) -> Plot:
    """A row a network, a column a rate; the number stands in each field."""
    rows = list(dict.fromkeys(row for row, _ in values))
    columns = list(RATES.values())
    grid = np.array([[values.get((r, c)) or np.nan for c in columns] for r in rows], float)
    plot = Plot(figsize=(6.5, 0.6 + 0.24 * len(rows)), layout="constrained")
    axes = plot.subplots()
    shown = axes.imshow(grid, aspect="auto", cmap="viridis")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    middle = np.nanmean(grid) if np.isfinite(grid).any() else 0.0
    for (i, j), value in np.ndenumerate(grid):
        colour = "black" if value > middle else "white"
        axes.text(j, i, f"{value:.3f}", ha="center", va="center", fontsize=7, color=colour)
    plot.colorbar(shown, ax=axes, shrink=0.6)
    return plot
