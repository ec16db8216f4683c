"""Networks only, one file a published method."""

from collections.abc import Callable

from torch import nn

from cellwright.models.cell_detector import CellDetector

MODELS: dict[str, Callable[..., nn.Module]] = {
    "cell-detector": CellDetector,
}
"""A constructor a name; each takes the number of classes first, then the image channels."""
