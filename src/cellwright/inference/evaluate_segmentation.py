"""How good a segmentation bundle is on labelled images.

A bundle that tells cells apart is judged by cells, and by pixels beside that
(``pixel_f1`` …); one that gives masks is judged by pixels, and by its connected regions as
cells beside that. Labels may be masks or instances (:mod:`cellwright.inference.truth`); the
report's settings say how the cells of masks were told apart. Only counts are kept of an
image, so a set may be of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.mask_output import SemanticMasks
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.inference.segmenter import Segmenter
from cellwright.inference.truth import LabelReader
from cellwright.metrics.instances import InstanceCounts, count_instances, report_instances
from cellwright.metrics.intervals import Resampling, units_to_resample
from cellwright.metrics.report import Report
from cellwright.metrics.semantic import confusion_matrix, report_semantic
from cellwright.types import Instances, Sample

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of images."""

BACKGROUND = "background"

BESIDE_CELLS = ("f1", "jaccard", "precision", "recall", "f1_per_image", "jaccard_per_image")
"""Pixel figures that stand, as ``pixel_…``, in the report of a bundle that finds cells."""

BESIDE_MASKS = ("matched50", "matched50_95", "pq", "count_mae", "matched50_per_image")
"""Figures of cells that stand in the report of a bundle that gives masks."""


def evaluate_segmentation(
    bundle: Bundle,
    labelled: LabelledSet,
    *,
    runtime: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Every segmentation metric, at the thresholds of the bundle's card.

    Images of one group are resampled together where a group holds several.

    Raises:
        DatasetError: no image is labelled, or a label's class is unknown to the model.
        AnnotationError: labels of another kind or size than the image.
        BundleError: the bundle cannot be used for segmentation.
    """
    return count_labelled(
        bundle, labelled, runtime=runtime, threads=threads, progress=progress
    ).report()


def count_labelled(
    bundle: Bundle,
    labelled: LabelledSet,
    *,
    runtime: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
    maps: Mapping[str, NDArray[np.float32]] | None = None,
) -> SegmentationCounts:
    """Predict every labelled image and keep its counts: what two bundles are compared by.

    Args:
        bundle: a semantic or instances bundle.
        labelled: the images.
        runtime: ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
        threads: processor threads; None lets the runtime choose.
        progress: told of every image.
        maps: probabilities ``(K, H, W)`` of images that were predicted already, by record id.

    Raises:
        DatasetError, AnnotationError, BundleError: as :func:`evaluate_segmentation`.
    """
    segmenter = Segmenter(bundle, runtime=runtime, threads=threads)
    seen = SegmentationCounts(segmenter, LabelReader(bundle.card, labelled))
    known = maps or {}
    for done, record in enumerate(labelled):
        seen.add(record.load(), maps=known.get(record.id))
        if progress is not None:
            progress(done + 1, len(labelled))
    if not seen.groups:
        raise DatasetError("none of the images is labelled", where=labelled.name)
    return seen


class SegmentationCounts:
    """Counts of the images seen so far, those without labels left out.

    Attributes:
        groups: the group of each.
        pixels: confusion matrix of each, background first.
        cells: matches of cells of each.
    """

    def __init__(self, segmenter: Segmenter, reader: LabelReader) -> None:
        self._segmenter, self._reader = segmenter, reader
        self.groups: list[str] = []
        self.pixels: list[NDArray[np.int64]] = []
        self.cells: list[InstanceCounts] = []
        self._unlabelled = 0
        self._masks = 0

    def add(self, sample: Sample, *, maps: NDArray[np.float32] | None = None) -> None:
        """Predict one image, unless its probabilities ``(K, H, W)`` are given, and count it."""
        if sample.annotation is None:
            self._unlabelled += 1
            return
        truth = self._reader.read(sample)
        size = sample.pixel_size_um
        found = (
            self._segmenter.segment_fully(sample.image, pixel_size_um=size)
            if maps is None
            else self._segmenter.segment_maps(maps, pixel_size_um=size)
        )
        n_classes = len(self._segmenter.classes)
        self.pixels.append(confusion_matrix(truth.mask, found.mask, n_classes + 1))
        self.cells.append(count_instances(truth.cells, found.cells, n_classes, where=sample.id))
        self._masks += not isinstance(sample.annotation, Instances)
        self.groups.append(sample.group)

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes, without the background."""
        return self._segmenter.classes

    @property
    def runtime(self) -> str:
        """The runtime that predicted."""
        return self._segmenter.runtime

    @property
    def shared_groups(self) -> Sequence[str] | None:
        """What intervals resample: groups, or None for images."""
        return units_to_resample(self.groups)

    def report(self) -> Report:
        """The figures of the bundle's own task, with some of the other beside them."""
        classes, groups = self.classes, self.shared_groups
        spec = self._segmenter.card.segmentation
        background = spec.background if isinstance(spec, SemanticMasks) else BACKGROUND
        pixels = report_semantic(
            self.pixels, (background, *classes), resampling=Resampling(groups=groups)
        )
        cells = report_instances(self.cells, classes, resampling=Resampling(groups=groups))
        if self._segmenter.card.task == "semantic":
            own, beside = pixels, {name: cells.metrics[name] for name in BESIDE_MASKS}
        else:
            own, beside = cells, {f"pixel_{name}": pixels.metrics[name] for name in BESIDE_CELLS}
        settings = {
            **pixels.settings,
            **cells.settings,
            "true_cells": self._reader.true_cells if self._masks else "as labelled",
            "runtime": self.runtime,
            "groups": len(set(self.groups)),
            "unlabelled_images": self._unlabelled,
        }
        return replace(own, metrics={**own.metrics, **beside}, settings=settings)
