"""Cell cycle: the phase of every cell, how the cells divide among the phases, how many divide.

    share of a phase = cells given that phase / all cells
    mitotic index    = cells given a mitotic phase / all cells

A bundle that classifies stages single-cell crops, montages, or fields whose cells a label image
tells apart. Where images hold one cell each, a share has a Wilson interval; where they hold many,
the wider of it and of whole images (whole groups where there are several) drawn with replacement:
a few images that agree would make a drawn interval certain. Intervals cover
the choice of cells, not mistakes of the model. Cells that look like none of the training data
are marked and counted beside the phases; they keep the phase that comes nearest.
"""

from cellwright.assays.cell_cycle.phases import CellCycleReport, PooledPhases, StagedImage
from cellwright.assays.cell_cycle.run import CellCycleSettings, run_cell_cycle

__all__ = [
    "CellCycleReport",
    "CellCycleSettings",
    "PooledPhases",
    "StagedImage",
    "run_cell_cycle",
]
