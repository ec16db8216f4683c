"""Predictions to a biological quantity with its unit and interval: one row an assay."""

from collections.abc import Callable
from typing import Any

from cellwright.assays.viability import run_viability

ASSAYS: dict[str, Callable[..., Any]] = {
    "viability": run_viability,
}
