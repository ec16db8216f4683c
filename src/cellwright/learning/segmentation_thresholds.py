"""Where foreground begins and what is a seed: chosen on the validation part, once, at the end.

The figure that counts decides. For cells labelled one by one it is ``matched50``, mean over
images; where the labels are masks, the foreground threshold is chosen by the Jaccard index
of the masks and only the seeds by the cells. Settings are tried one after the other, twice
round, each with the others held; of equals, the one nearest to the default stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import DistanceInstances, SemanticMasks
from cellwright.inference.watershed import separate_cells
from cellwright.learning.segmentation_module import matched_share
from cellwright.types import Instances

FOREGROUND = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)
SEEDS: dict[str, tuple[float, ...]] = {
    "seed_threshold": (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8),
    "seed_depth": (0.05, 0.02, 0.1, 0.15, 0.25),
    "seed_smoothing_px": (1.0, 0.5, 2.0, 4.0, 8.0),
}
ROUNDS = 2
SMALLEST_SHARES = (0.0, 0.25, 0.5, 0.75)
"""Smallest cell kept, tried as shares of the smallest hundredth of the labelled cells."""


class Seen(NamedTuple):
    """One validation image: what the network says of it, and its labels.

    Attributes:
        maps: ``(K, H, W)`` float probabilities in image pixels.
        mask: ``(H, W)`` labelled class ids.
        cells: labelled cells, None for a semantic model.
    """

    maps: NDArray[np.float32]
    mask: NDArray[np.integer[Any]]
    cells: Instances | None


def choose_foreground(seen: Sequence[Seen]) -> float:
    """The probability with the best Jaccard index of foreground, pixels of all images pooled."""

    def score(threshold: float) -> float:
        shared, either = 0, 0
        for image in seen:
            found, truth = image.maps[0] >= threshold, image.mask > 0
            shared += int((found & truth).sum())
            either += int((found | truth).sum())
        return shared / either if either else 1.0

    return _best(FOREGROUND, score)


def choose_semantic(seen: Sequence[Seen], spec: SemanticMasks) -> SemanticMasks:
    """``spec`` with its threshold; several classes take the most probable and have none."""
    if spec.activation == "softmax":
        return spec
    return spec.model_copy(update={"thresholds": (choose_foreground(seen),)})


def choose_instances(
    seen: Sequence[Seen], spec: DistanceInstances, *, by_masks: bool
) -> DistanceInstances:
    """``spec`` with its thresholds and its smallest cell.

    Args:
        seen: the validation part.
        spec: where to begin.
        by_masks: whether the labels are masks, whose Jaccard index then sets the foreground.
    """
    settings = dict(SEEDS)
    if by_masks:
        spec = spec.model_copy(update={"foreground_threshold": choose_foreground(seen)})
    else:
        settings = {"foreground_threshold": FOREGROUND, **settings}
    for _ in range(ROUNDS):
        before = spec
        for name, values in settings.items():
            held = spec

            def changed(value: float, name: str = name, held: DistanceInstances = held) -> float:
                return mean_matched(seen, held.model_copy(update={name: value}))

            spec = spec.model_copy(update={name: _best(values, changed)})
        if spec == before:
            break
    areas = sorted({int(share * _small_area(seen)) for share in SMALLEST_SHARES})
    chosen = _best(
        areas, lambda area: mean_matched(seen, spec.model_copy(update={"minimum_area_px": area}))
    )
    return spec.model_copy(update={"minimum_area_px": int(chosen)})


def mean_matched(seen: Sequence[Seen], spec: DistanceInstances) -> float:
    """``matched50``, mean over the images that have labelled cells."""
    shares = [
        matched_share(image.cells, separate_cells(image.maps[0], image.maps[1], spec))
        for image in seen
        if image.cells is not None
    ]
    return float(np.mean(shares))


def _best(values: Sequence[float], score: Callable[[float], float]) -> float:
    """The value with the highest score, the first of equals."""
    return max(values, key=score)


def _small_area(seen: Sequence[Seen]) -> float:
    """Area that a hundredth of the labelled cells stay below; cells cut by the edge as well."""
    areas = [np.bincount(image.cells.labels.ravel())[1:] for image in seen if image.cells]
    joined = np.concatenate([*areas, np.zeros(0, np.int64)])
    return float(np.percentile(joined, 1)) if len(joined) else 0.0
