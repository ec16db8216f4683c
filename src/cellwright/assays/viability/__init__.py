"""Viability: live cells over all cells, from image pairs or from single images.

*Pairs* (paper 1): a blue dye enters every nucleus, a red one only dead cells. Nuclei
are detected in both images and matched one to one; a blue nucleus with a red partner
is dead, one without is live. A red nucleus without a blue partner is a dead cell whose
nucleus was missed in blue: it counts as dead and as a cell, and is listed apart.

*Singles*: one image a field and a model whose classes say live and dead.

    viability = live / (live + dead)

with a Wilson interval an image, and pooled over groups (series, wells) and over all
images with an interval that draws whole images, since cells of one image are alike.
The intervals cover the choice of cells and images, not mistakes of the detector.
"""

from cellwright.assays.viability.counts import ViabilityReport
from cellwright.assays.viability.pairs import Pairs
from cellwright.assays.viability.run import ViabilitySettings, counting_for, run_viability
from cellwright.assays.viability.singles import Singles

__all__ = [
    "Pairs",
    "Singles",
    "ViabilityReport",
    "ViabilitySettings",
    "counting_for",
    "run_viability",
]
