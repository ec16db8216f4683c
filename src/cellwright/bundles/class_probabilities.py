"""How the output of a classifier becomes a class with a probability, as a card says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unlike(_Frozen):
    """From which energy on an image resembles nothing the model was trained on.

    The energy of a prediction is ``-T logsumexp(logits / T)`` with the calibration's temperature
    T (Liu, Wang, Owens and Li, Energy-based out-of-distribution detection, NeurIPS 2020): low
    where some class is clear, high where none is.

    Attributes:
        threshold: images above it are marked.
        quantile: share of the validation images that lie at or below it.
    """

    threshold: float
    quantile: float = Field(gt=0, lt=1)


class Features(_Frozen):
    """What is measured of a crop where the graph is fed numbers and not pixels.

    Attributes:
        kind: row of :data:`cellwright.features.extractors.EXTRACTORS`.
        columns: the measurements in the order that the graph takes them.
    """

    kind: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    columns: tuple[str, ...] = Field(min_length=1, max_length=4096)


class ClassProbabilities(_Frozen):
    """Output ``logits`` float32 ``(N, K)`` of crops of one size: each crop's class.

    Attributes:
        crop_px: (height, width) of what the graph is fed.
        fit: how an image of another size gets there: ``centre`` keeps the scale, cuts the middle
            out or grows the border; ``resize`` scales the whole image.
        views: the logits are a mean over this many orientations: 1, or 8 for all turns and
            mirror images of a square crop; each costs a pass through the network.
        temperature: the logits are divided by it before the softmax; fitted on the validation
            part (Guo et al., On calibration of modern neural networks, ICML 2017).
        unlike: what is marked as unlike the training images; None marks nothing.
        features: what is measured of the crops, for a graph that takes ``(N, columns)``; None
            for one that takes the crops themselves.
    """

    kind: Literal["class_probabilities"] = "class_probabilities"
    crop_px: tuple[Annotated[int, Field(ge=1, le=2048)], Annotated[int, Field(ge=1, le=2048)]]
    fit: Literal["centre", "resize"] = "centre"
    views: Literal[1, 8] = 1
    temperature: float = Field(default=1.0, gt=0)
    unlike: Unlike | None = None
    features: Features | None = None

    @model_validator(mode="after")
    def _only_squares_are_turned(self) -> ClassProbabilities:
        if self.views > 1 and self.crop_px[0] != self.crop_px[1]:
            raise ValueError(f"{self.views} views need square crops")
        return self
