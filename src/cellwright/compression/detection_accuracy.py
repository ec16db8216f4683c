"""What a smaller detector costs: ranked boxes of both on the same images, AP50:95 decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card
from cellwright.compression.calibration_data import Feeds, Unnamed
from cellwright.compression.judge import Look, in_points
from cellwright.compression.method import Progress
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.inference.calibrate import MIN_IMAGES, settle
from cellwright.inference.evaluate import LabelledPredictions, predict_labelled, report_on
from cellwright.inference.predictor import Predictor
from cellwright.metrics.detection import difference_interval
from cellwright.metrics.intervals import Interval, Resampling
from cellwright.metrics.report import Report


@dataclass(frozen=True, eq=False)
class DetectionLook:
    """Ranked boxes beside the truth; see :class:`Look`."""

    bundle: Bundle
    predictor: Predictor
    found: LabelledPredictions

    @property
    def runtime(self) -> str:
        """The runtime that gave them."""
        return self.predictor.runtime

    @property
    def report(self) -> Report:
        """Figures at the thresholds of the bundle's own card."""
        return report_on(self.found, self.predictor, thresholds=self.predictor.thresholds.tolist())

    def settled(self) -> Card:
        """Score thresholds and the calibration of counts, chosen on these images.

        Where there are few of them, or a class is not among them, the choice that was made
        when the model was trained is the better one and stays.
        """
        card = self.predictor.card
        seen = {int(one) for truth in self.found.truth for one in truth.class_ids}
        if len(self.found.ids) < MIN_IMAGES or len(seen) < len(card.classes):
            return card
        return settle(card, self.found)

    def report_under(self, card: Card) -> Report:
        """Figures at the thresholds, and with the calibration, of ``card``."""
        predictor = Predictor(replace(self.bundle, card=card), runtime=self.runtime)
        return report_on(self.found, predictor, thresholds=predictor.thresholds.tolist())


class DetectionJudge:
    """AP50:95 decides; its difference is resampled over whole images or groups, both together."""

    metric = "ap50_95"

    def feeds(self, bundle: Bundle, *, threads: int | None) -> Feeds:
        """See :class:`Judge`."""
        return Unnamed(Predictor(bundle, runtime="onnxruntime", threads=threads))

    def look(
        self,
        bundle: Bundle,
        labelled: LabelledSet,
        *,
        runtime: str,
        threads: int | None,
        progress: Progress,
    ) -> DetectionLook:
        """See :class:`Judge`."""
        predictor = Predictor(bundle, runtime=runtime, threads=threads)
        found = predict_labelled(predictor, labelled, progress=progress)
        return DetectionLook(bundle, predictor, found)

    def drop(self, before: Look, after: Look) -> Interval:
        """See :class:`Judge`."""
        if not (isinstance(before, DetectionLook) and isinstance(after, DetectionLook)):
            raise TypeError("a detection judge compares its own looks")
        found = before.found
        difference = difference_interval(
            found.truth,
            found.predicted,
            after.found.predicted,
            before.predictor.classes,
            resampling=Resampling(groups=found.shared_groups),
        )
        if difference.value is None:
            raise DatasetError(
                "there is no labelled cell to judge by",
                remedy="give images with cells of the model's classes",
            )
        return in_points(difference)
