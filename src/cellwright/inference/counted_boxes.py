"""The boxes of one image that count as cells, and how far that count may be off."""

from __future__ import annotations

from typing import NamedTuple

from cellwright.inference.counts import CountEstimates
from cellwright.inference.predictor import Predictor
from cellwright.inference.source import PixelSource
from cellwright.inference.work import RunOptions
from cellwright.types import Boxes


class CountedBoxes(NamedTuple):
    """What a detector counts in one image.

    Attributes:
        cells: boxes that count, strongest first.
        estimates: of the true counts.
        capped: a limit of the card or the graph was reached, so that cells may be missing.
    """

    cells: Boxes
    estimates: CountEstimates
    capped: bool


def count_boxes(
    predictor: Predictor, source: PixelSource, options: RunOptions, *, pixel_size_um: float | None
) -> CountedBoxes:
    """Detect and count.

    Args:
        predictor: of a detection bundle.
        source: the image.
        options: ``scale`` and ``score_threshold`` are heeded.
        pixel_size_um: of the image.

    Raises:
        ImageError: the image does not fit the network.
    """
    rule = predictor.counting_rule(score_threshold=options.score_threshold)
    ranked = predictor.predict(
        source,
        pixel_size_um=pixel_size_um,
        scale=options.scale,
        minimum_score=predictor.counting_floor(rule),
    )
    estimates = predictor.estimate_counts(ranked, rule)
    return CountedBoxes(rule(ranked), estimates, predictor.is_capped(ranked))
