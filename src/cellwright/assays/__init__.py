"""Predictions to a biological quantity with its unit and interval: one row an assay."""

from collections.abc import Callable
from typing import Any

from cellwright.assays.cell_cycle import run_cell_cycle
from cellwright.assays.confluence import run_confluence
from cellwright.assays.leukemia import run_leukemia
from cellwright.assays.viability import run_viability

ASSAYS: dict[str, Callable[..., Any]] = {
    "cell-cycle": run_cell_cycle,
    "confluence": run_confluence,
    "leukemia": run_leukemia,
    "viability": run_viability,
}
