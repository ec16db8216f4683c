"""Settings of the section ``classification.privileged`` of a training config."""

from __future__ import annotations

from pydantic import Field

from cellwright.learning.frozen import EachOnce, Frozen


class Privileged(Frozen):
    """Channels that are at hand in training only, and what is learned from them.

    Attributes:
        channels: their names; none of them is among those that the network is fed.
        measurements: what is measured of them: row of
            :data:`cellwright.features.extractors.EXTRACTORS`.
        weight: of the loss of the measurements beside that of the classes.
    """

    channels: EachOnce = Field(min_length=1)
    measurements: str = "amount"
    weight: float = Field(default=1.0, gt=0)
