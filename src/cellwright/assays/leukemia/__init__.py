"""Leukemia screening of stained smears: cells counted, measured and, with a model, called.

    blast fraction = white cells called blasts / white cells called
    white per red  = white cells / red cells

After paper 5, whose marks are 20 % blasts (leukemia is likely) and 5 % (the most that is normal),
both of bone marrow. White cells, their nuclei and red cells come from the two-stage fuzzy
segmentation of ``features``. Without a model there are counts and features and no call. A model
whose card says ``fit: centre`` was trained on single cells and calls each white cell; one with
``fit: resize`` was trained on whole fields and calls each field. Cells and fields that look like
none of the training data get no call. Research use only, not a diagnosis.
"""

from cellwright.assays.leukemia.counts import LeukemiaReport, PooledSmears, SmearImage
from cellwright.assays.leukemia.run import LeukemiaSettings, run_leukemia

__all__ = [
    "LeukemiaReport",
    "LeukemiaSettings",
    "PooledSmears",
    "SmearImage",
    "run_leukemia",
]
