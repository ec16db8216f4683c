"""Hand-made measurements of stained blood cells: segmentation, shape, contour, texture, colour.

After paper 5 (Deep Leuko). Torch-free, on a base install.

- ``smear``: white cells, their nuclei and red cells; ``fuzzy``, ``stain``, ``touching`` are its
  parts;
- ``columns``: every feature with unit, equation and source; ``shape``, ``contour``, ``texture``,
  ``colour`` compute them;
- ``table``: a row a cell, a crop or a field.
"""

from cellwright.features.columns import FEATURE_NAMES, FEATURES, Feature
from cellwright.features.smear import SmearCells, segment_crop, segment_smear
from cellwright.features.table import (
    FIELD_NAMES,
    CellFeatures,
    measure_cells,
    measure_crop,
    measure_field,
)

__all__ = [
    "FEATURES",
    "FEATURE_NAMES",
    "FIELD_NAMES",
    "CellFeatures",
    "Feature",
    "SmearCells",
    "measure_cells",
    "measure_crop",
    "measure_field",
    "segment_crop",
    "segment_smear",
]
