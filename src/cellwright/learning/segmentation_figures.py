"""How good a trained segmentation bundle is on a part, and at which thresholds it is best."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cellwright.bundles.card import DistanceInstances, SemanticMasks
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.mask_pictures import Labelling
from cellwright.inference.segmenter import Segmenter
from cellwright.learning.segmentation_thresholds import Seen, choose_instances, choose_semantic
from cellwright.metrics.instances import evaluate_instances
from cellwright.metrics.report import Report
from cellwright.metrics.semantic import evaluate_semantic
from cellwright.types import Image, Instances, SemanticMask


class _Labelled(NamedTuple):
    """One labelled image; ``cells`` None for a semantic model, ``drawn`` if a mask was given."""

    image: Image
    pixel_size_um: float | None
    group: str
    mask: SemanticMask
    cells: Instances | None
    drawn: bool


def settle(
    segmenter: Segmenter, val: LabelledSet, labelling: Labelling
) -> SemanticMasks | DistanceInstances:
    """The card's decoding with the thresholds that serve the validation part best."""
    seen, drawn = [], False
    for item in _labelled(val, labelling):
        maps = segmenter.probabilities(item.image, pixel_size_um=item.pixel_size_um)
        seen.append(Seen(maps, item.mask.mask, item.cells))
        drawn = drawn or item.drawn
    spec = segmenter.card.segmentation
    if isinstance(spec, DistanceInstances):
        return choose_instances(seen, spec, by_masks=drawn)
    if not isinstance(spec, SemanticMasks):
        raise TypeError("a segmenter's card says how its maps are read")
    return choose_semantic(seen, spec)


def figures(
    segmenter: Segmenter, labelled: LabelledSet, labelling: Labelling
) -> list[tuple[str, Report]]:
    """Reports with what they are about, ``masks`` or ``cells``, first what the labels are.

    A model for cells that was taught by masks is judged by both: by the masks as they are,
    and by the cells that were told apart in them.
    """
    groups, masks, cells, drawn = [], [], [], False
    for item in _labelled(labelled, labelling):
        found = segmenter.segment_fully(item.image, pixel_size_um=item.pixel_size_um)
        groups.append(item.group)
        masks.append((item.mask, found.mask))
        cells.append((item.cells, found.cells))
        drawn = drawn or item.drawn
    grouped = groups if len(set(groups)) < len(groups) else None
    reports = []
    if drawn or labelling.task == "semantic":
        true, found_masks = zip(*masks, strict=True)
        names = ("background", *segmenter.classes)
        reports.append(("masks", evaluate_semantic(true, found_masks, names, groups=grouped)))
    if labelling.task == "instances":
        pairs = [(one, other) for one, other in cells if one is not None]
        truth, predicted = zip(*pairs, strict=True)
        classes = segmenter.classes
        reports.append(("cells", evaluate_instances(truth, predicted, classes, groups=grouped)))
    return reports


def _labelled(labelled: LabelledSet, labelling: Labelling) -> Iterator[_Labelled]:
    """Images and their labels in image pixels; unlabelled ones are left out."""
    for record in labelled:
        sample = record.load()
        if sample.annotation is None:
            continue
        labels, class_ids = labelling.read(sample.annotation, record.id)
        cells = None if labelling.task == "semantic" else Instances(labels, class_ids)
        mask = sample.annotation
        if not isinstance(mask, SemanticMask):
            ids = labels if cells is None else np.append(np.int64(0), class_ids + 1)[labels]
            mask = SemanticMask(ids.astype(np.uint8))
        yield _Labelled(
            sample.image,
            sample.pixel_size_um,
            sample.group,
            mask,
            cells,
            drawn=isinstance(sample.annotation, SemanticMask),
        )
