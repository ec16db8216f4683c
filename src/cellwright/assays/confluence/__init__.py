"""Confluence: the share of each field that cells cover, how many there are, how large.

    confluence = pixels in cells / all pixels

A bundle that segments finds the cells of every image. Over several images the covered and
all pixels are added up, so that a larger image weighs more. At each end the interval is the wider
of two: of whole images (whole groups where there are several) drawn with replacement, since pixels
of one image are alike, and of Student's t, since a few images drawn say too little of others.
It covers the choice of fields, not mistakes of the model. One image has no interval.
"""

from cellwright.assays.confluence.cover import ConfluenceReport, CoveredField, PooledCover
from cellwright.assays.confluence.run import (
    DEFAULT_MODEL,
    ConfluenceSettings,
    run_confluence,
)

__all__ = [
    "DEFAULT_MODEL",
    "ConfluenceReport",
    "ConfluenceSettings",
    "CoveredField",
    "PooledCover",
    "run_confluence",
]
