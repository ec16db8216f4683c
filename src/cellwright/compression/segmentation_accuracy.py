"""What a smaller U-Net costs: masks or cells of both bundles on the same labelled images.

Masks are judged by their pixels (Jaccard index, pooled), cells by matches at an overlap of a
half (TP / (TP + FP + FN), pooled). Both bundles are judged at the thresholds of the one that is
compressed; what is written gets thresholds of its own, chosen on the judging images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card
from cellwright.compression.calibration_data import Feeds, Unnamed
from cellwright.compression.judge import Look, in_points
from cellwright.compression.method import Progress
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.inference.calibrate import MIN_IMAGES
from cellwright.inference.evaluate_segmentation import (
    SegmentationCounts,
    count_labelled,
    evaluate_segmentation,
)
from cellwright.inference.segmentation_thresholds import settle
from cellwright.inference.segmenter import Segmenter
from cellwright.metrics.instances import matched_difference
from cellwright.metrics.intervals import Interval, Resampling
from cellwright.metrics.report import Report
from cellwright.metrics.semantic import jaccard_difference


@dataclass(frozen=True, eq=False)
class SegmentationLook:
    """Counts of one bundle's masks and cells; see :class:`~cellwright.compression.judge.Look`.

    Maps are not kept: a set may be of any size, and thresholds are chosen once.
    """

    bundle: Bundle
    labelled: LabelledSet
    counts: SegmentationCounts
    threads: int | None

    @property
    def runtime(self) -> str:
        """The runtime that gave the masks."""
        return self.counts.runtime

    @property
    def report(self) -> Report:
        """Figures at the thresholds of the bundle's own card."""
        return self.counts.report()

    def settled(self) -> Card:
        """The card with foreground and seeds chosen on these images.

        Where there are few of them, what was chosen in training is the better choice and stays.
        """
        card = self.bundle.card
        if len(self.counts.groups) < MIN_IMAGES:
            return card
        segmenter = Segmenter(self.bundle, runtime=self.runtime, threads=self.threads)
        return card.model_copy(update={"segmentation": settle(segmenter, self.labelled)})

    def report_under(self, card: Card) -> Report:
        """Figures at the thresholds of ``card``; the images are looked at again."""
        bundle = replace(self.bundle, card=card)
        return evaluate_segmentation(
            bundle, self.labelled, runtime=self.runtime, threads=self.threads
        )


class _SegmentationJudge:
    """What masks and cells share; see :class:`~cellwright.compression.judge.Judge`."""

    def feeds(self, bundle: Bundle, *, threads: int | None) -> Feeds:
        """What prepares network inputs for ``bundle``."""
        return Unnamed(Segmenter(bundle, runtime="onnxruntime", threads=threads))

    def look(
        self,
        bundle: Bundle,
        labelled: LabelledSet,
        *,
        runtime: str,
        threads: int | None,
        progress: Progress,
    ) -> SegmentationLook:
        """The bundle's masks and cells, counted."""
        counts = count_labelled(
            bundle, labelled, runtime=runtime, threads=threads, progress=progress
        )
        return SegmentationLook(bundle, labelled, counts, threads)


class SemanticJudge(_SegmentationJudge):
    """The pooled Jaccard index decides; its difference is resampled over images or groups."""

    metric = "jaccard"

    def drop(self, before: Look, after: Look) -> Interval:
        """Points of :attr:`metric` lost."""
        a, b = _counts(before, after)
        return _decided(
            jaccard_difference(a.pixels, b.pixels, resampling=Resampling(groups=a.shared_groups))
        )


class InstanceJudge(_SegmentationJudge):
    """Pooled ``matched50`` decides; its difference is resampled over images or groups."""

    metric = "matched50"

    def drop(self, before: Look, after: Look) -> Interval:
        """Points of :attr:`metric` lost."""
        a, b = _counts(before, after)
        return _decided(
            matched_difference(a.cells, b.cells, resampling=Resampling(groups=a.shared_groups))
        )


def _counts(before: Look, after: Look) -> tuple[SegmentationCounts, SegmentationCounts]:
    if not (isinstance(before, SegmentationLook) and isinstance(after, SegmentationLook)):
        raise TypeError("a segmentation judge compares its own looks")
    return before.counts, after.counts


def _decided(difference: Interval) -> Interval:
    """The difference in points.

    Raises:
        DatasetError: neither labels nor predictions hold a cell.
    """
    if difference.value is None:
        raise DatasetError(
            "there is no labelled cell to judge by",
            remedy="give images with cells of the model's classes",
        )
    return in_points(difference)
