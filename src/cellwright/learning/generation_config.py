"""Settings of the section ``classification.generation`` of a training config."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cellwright.learning.frozen import Frozen


class Generation(Frozen):
    """Rare classes of the training part are filled with generated crops.

    Attributes:
        method: a row of :data:`cellwright.learning.generation.PAPER4`.
        classes: to fill; empty takes every class below ``up_to``.
        up_to: images that a filled class has in the end; None takes the size of the second
            largest class, to which ``sampling: undersampled`` cuts the largest.
        mixup_share: share of the generated crops that are mixtures of two generated crops of
            their class. Paper 4 mixes half of those of its WGAN-div.
        mixup_alpha: how much of itself a crop keeps in a mixture: Beta(alpha, alpha).
        edge_px: crops are generated as squares of this edge and brought to the size of the others.
        settings: fields of :class:`cellwright.learning.generation.GanSettings` that replace the
            paper's, for every class.
    """

    method: Literal["wgan-gp", "wgan-div"] = "wgan-gp"
    classes: tuple[str, ...] = ()
    up_to: int | None = Field(default=None, ge=1)
    mixup_share: float = Field(default=0.0, ge=0, le=1)
    mixup_alpha: float = Field(default=1.0, gt=0, le=4)
    edge_px: Literal[8, 16, 32, 64, 128] = 64
    settings: dict[str, Any] = Field(default_factory=dict)
