"""The models that come with Cellwright: name -> file beside this module.

A row stands here only when its file does; ``cellwright models list`` reads this table.
"""

from __future__ import annotations

from pathlib import Path

ZOO: dict[str, str] = {
    "blood-cells": "blood-cells.cellwright",
    "cell-cycle": "cell-cycle.cellwright",
    "cell-cycle-int8": "cell-cycle-int8.cellwright",
    "cell-cycle-unstained": "cell-cycle-unstained.cellwright",
    "cell-cycle-unstained-int8": "cell-cycle-unstained-int8.cellwright",
    "hela-dic": "hela-dic.cellwright",
    "hela-dic-half-int8": "hela-dic-half-int8.cellwright",
    "hela-dic-int8": "hela-dic-int8.cellwright",
    "live-dead": "live-dead.cellwright",
    "live-dead-fluo": "live-dead-fluo.cellwright",
    "nuclei": "nuclei.cellwright",
    "nuclei-int8": "nuclei-int8.cellwright",
}

FOLDER = Path(__file__).parent


def zoo_path(name: str) -> Path:
    """The bundle file of a row of :data:`ZOO`."""
    return FOLDER / ZOO[name]
