"""Where foreground begins and what is a seed: chosen on labelled images, once, at the end.

Training chooses on its validation part; compression anew on the images that it is judged by.

The figure that counts decides. Foreground is chosen by the Jaccard index of the pixels, then
seeds by the cells: ``matched50``, mean over images. Where cells are labelled one by one, and
not as masks, the foreground has to give way to them at last. Settings are tried one after
the other, each with the others held; of equals, what stood before stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.mask_output import DistanceInstances, SemanticMasks
from cellwright.data.labelled_set import LabelledSet
from cellwright.inference.segmenter import Segmenter
from cellwright.inference.truth import LabelReader
from cellwright.inference.watershed import separate_cells
from cellwright.metrics.instances import matched_share
from cellwright.types import Instances, SemanticMask

FOREGROUND = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)
SEEDS: dict[str, tuple[float, ...]] = {
    "seed_threshold": (0.5, 0.3, 0.7),
    "seed_depth": (0.05, 0.02, 0.1, 0.2),
    "seed_smoothing_px": (1.0, 2.0, 4.0),
    "small_below_px": (0.0, 14.0, 20.0, 28.0, 40.0),
}
LOOKED_AT = 64
"""Validation images that thresholds are chosen on; every setting is decoded on each of them."""

SMALLEST_SHARES = (0.0, 0.5, 1.0)
"""Smallest cell kept, tried as shares of the smallest hundredth of the labelled cells."""


class Seen(NamedTuple):
    """One validation image: what the network says of it, and its labels.

    Attributes:
        maps: ``(K, H, W)`` float probabilities in image pixels.
        mask: ``(H, W)`` labelled class ids.
        cells: labelled cells.
        magnification: how much larger, in pixels, cells are here than in the training images;
            thresholds of the card are lengths and areas there.
        record_id: of the image.
    """

    maps: NDArray[np.float32]
    mask: NDArray[np.uint8]
    cells: Instances
    magnification: float = 1.0
    record_id: str = ""


class LookedAt(NamedTuple):
    """The images that thresholds are chosen on; ``by_masks``: some are labelled by masks."""

    seen: tuple[Seen, ...]
    by_masks: bool


def settle(segmenter: Segmenter, val: LabelledSet) -> SemanticMasks | DistanceInstances:
    """The decoding of ``segmenter``'s card with the thresholds that serve ``val`` best.

    Raises:
        DatasetError: a class that the model does not know.
        AnnotationError: labels of another kind or size than the image.
    """
    return chosen(segmenter, look_at(segmenter, val))


def look_at(segmenter: Segmenter, val: LabelledSet) -> LookedAt:
    """Labels and probabilities of up to :data:`LOOKED_AT` images, evenly spaced.

    Raises:
        DatasetError: a class that the model does not know.
        AnnotationError: labels of another kind or size than the image.
    """
    reader = LabelReader(segmenter.card, val)
    seen, by_masks = [], False
    for record in val.records[:: -(-len(val) // LOOKED_AT)]:
        sample = record.load()
        if sample.annotation is None:
            continue
        truth = reader.read(sample)
        maps = segmenter.probabilities(sample.image, pixel_size_um=sample.pixel_size_um)
        magnification = segmenter.magnification(sample.pixel_size_um)
        seen.append(Seen(maps, truth.mask.mask, truth.cells, magnification, record.id))
        by_masks = by_masks or isinstance(sample.annotation, SemanticMask)
    return LookedAt(tuple(seen), by_masks)


def chosen(segmenter: Segmenter, looked_at: LookedAt) -> SemanticMasks | DistanceInstances:
    """The decoding of ``segmenter``'s card with the thresholds that serve these images best."""
    spec = segmenter.card.segmentation
    if isinstance(spec, DistanceInstances):
        return choose_instances(looked_at.seen, spec, by_masks=looked_at.by_masks)
    if not isinstance(spec, SemanticMasks):
        raise TypeError("a segmenter's card says how its maps are read")
    return choose_semantic(looked_at.seen, spec)


def choose_foreground(seen: Sequence[Seen]) -> float:
    """The probability with the best Jaccard index of foreground, pixels of all images pooled."""

    def score(threshold: float) -> float:
        shared, either = 0, 0
        for image in seen:
            found, truth = image.maps[0] >= threshold, image.mask > 0
            shared += int((found & truth).sum())
            either += int((found | truth).sum())
        return shared / either if either else 1.0

    return max(FOREGROUND, key=score)


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
    # Pixels first: where the foreground is wrong, no seed makes cells right.
    spec = spec.model_copy(update={"foreground_threshold": choose_foreground(seen)})
    settings = SEEDS if by_masks else {**SEEDS, "foreground_threshold": FOREGROUND}
    for name, values in settings.items():
        candidates = [spec.model_copy(update={name: value}) for value in values]
        candidates = [spec, *(one for one in candidates if one != spec)]  # of equals, stay
        spec = max(candidates, key=lambda one: mean_matched(seen, one))
    areas = sorted({int(share * _small_area(seen)) for share in SMALLEST_SHARES})
    candidates = [spec.model_copy(update={"minimum_area_px": area}) for area in areas]
    return max(candidates, key=lambda one: mean_matched(seen, one))


def mean_matched(seen: Sequence[Seen], spec: DistanceInstances) -> float:
    """``matched50``, mean over images; classes of cells are not looked at."""
    shares = []
    for image in seen:
        foreground, distance = image.maps[:2]
        found = separate_cells(foreground, distance, spec, magnification=image.magnification)
        shares.append(matched_share(Instances(image.cells.labels), found))
    return float(np.mean(shares))


def _small_area(seen: Sequence[Seen]) -> float:
    """Area that a hundredth of the labelled cells stay below; cells cut by the edge as well.

    In pixels of the training images, as the card has it.
    """
    areas = [np.bincount(image.cells.labels.ravel())[1:] / image.magnification**2 for image in seen]
    joined = np.concatenate([*areas, np.zeros(0)])
    return float(np.percentile(joined, 1)) if len(joined) else 0.0
