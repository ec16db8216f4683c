"""Predictions to a biological quantity with its unit and interval: one row an assay."""

from collections.abc import Callable
from typing import Any

from cellwright.assays.confluence import run_confluence
from cellwright.assays.viability import run_viability

ASSAYS: dict[str, Callable[..., Any]] = {
    "confluence": run_confluence,
    "viability": run_viability,
}
