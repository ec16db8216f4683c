"""The part of a card that says what a score means and how far a count may be off.

Plain numbers, so that reading a bundle needs nothing but the card. How they are used is
said in :mod:`cellwright.inference.counts`, how they are found in
:mod:`cellwright.inference.calibrate`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cellwright.metrics.score_map import ScoreMap

Probability = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CountSpread(_Frozen):
    """How far true counts lay from the expected ones on validation images.

    Attributes:
        relative: how much images differ beyond chance, as a share of the expected count.
        residuals: absolute error of each image's expected count in units of its standard
            deviation, rising; each was made without the labels of its image.
    """

    relative: NotNegative
    residuals: tuple[NotNegative, ...]


class ClassCalibration(_Frozen):
    """What a score of one class means, as measured on the validation part.

    Attributes:
        scores: knots of the score map, rising.
        probabilities: at each knot, the probability that a box is a true cell (overlap 0.5);
            linear between knots, flat beyond.
        missed: true cells without any candidate, as a share of those with one.
        spread: how far counts of this class were off.
    """

    scores: tuple[float, ...] = Field(min_length=1)
    probabilities: tuple[Probability, ...]
    missed: NotNegative
    spread: CountSpread

    @model_validator(mode="after")
    def _is_a_map(self) -> ClassCalibration:
        if len(self.scores) != len(self.probabilities):
            raise ValueError("a score map needs one probability a knot")
        for values in (self.scores, self.probabilities):
            if any(low > high for low, high in pairwise(values)):
                raise ValueError("the knots of a score map must rise")
        return self

    def probabilities_of(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """``(N,)`` probability that boxes with these scores are true cells."""
        return ScoreMap(np.array(self.scores), np.array(self.probabilities))(scores)


class Calibration(_Frozen):
    """From scores to counts with an interval; see ``docs/methods/uncertain-counts.md``.

    Attributes:
        minimum_score: weaker boxes were not looked at.
        classes: one a class in class order; None where too few cells were labelled.
        total: spread of the count over all classes; None where that of a class is unknown.
        n_images: validation images behind it.
    """

    minimum_score: Probability
    classes: tuple[ClassCalibration | None, ...]
    total: CountSpread | None
    n_images: int = Field(ge=1)
