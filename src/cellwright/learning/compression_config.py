"""Settings of what makes a network smaller while it is trained: pruning, quantization."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cellwright.learning.frozen import Frozen


class StructuredPruning(Frozen):
    """Whole channels go before training: a narrower network, begun with the best of its parent.

    Attributes:
        keep: share of the channels of every level that stay.
    """

    kind: Literal["structured"] = "structured"
    keep: float = Field(default=0.5, gt=0, lt=1)


class MagnitudePruning(Frozen):
    """Single weights become zero, more and more of them, and stay so.

    Attributes:
        initial: share of zeros in a layer at the first cut.
        final: share of zeros in a layer from the last cut on.
        every_steps: training steps between two cuts.
        begin: first cut, as a share of the whole training.
        end: last cut, as a share of the whole training; only epochs after it are shipped.
    """

    kind: Literal["magnitude"] = "magnitude"
    initial: float = Field(default=0.5, ge=0, lt=1)
    final: float = Field(default=0.9, gt=0, lt=1)
    every_steps: int = Field(default=100, ge=1)
    begin: float = Field(default=0.0, ge=0, lt=1)
    end: float = Field(default=0.75, gt=0, le=1)

    @model_validator(mode="after")
    def _rises(self) -> MagnitudePruning:
        if self.final < self.initial or self.end <= self.begin:
            raise ValueError("pruning goes from initial to final and from begin to end: raise them")
        return self


Pruning = Annotated[StructuredPruning | MagnitudePruning, Field(discriminator="kind")]


class AwareQuantization(Frozen):
    """Weights and activations are rounded to 8 bits while the network learns.

    Attributes:
        settled: ranges of activations follow the training up to this share of it and then stay;
            only epochs after that are shipped.
    """

    kind: Literal["aware"] = "aware"
    settled: float = Field(default=0.5, ge=0, lt=1)
