"""Cells of one image by a bundle."""

from __future__ import annotations

from cellwright.assays.viability.counting import Found
from cellwright.assays.viability.field_image import FieldImage
from cellwright.errors import ImageError
from cellwright.inference.counting_rule import CardRule
from cellwright.inference.predictor import Predictor
from cellwright.inference.run import RunOptions


class BundleFinder:
    """Cells of an image by a bundle: those that count, each once whatever its class."""

    def __init__(self, predictor: Predictor, options: RunOptions) -> None:
        self._predictor, self._options = predictor, options
        # A cell is alive or dead, a nucleus is one nucleus: whatever the card says of its
        # classes, an assay counts each cell once.
        self._rule: CardRule = predictor.counting_rule(
            score_threshold=options.score_threshold, scope="across_classes"
        )

    @property
    def channels(self) -> int:
        """Channels of the images the model was trained on."""
        return self._predictor.card.input.channels

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""
        return self._predictor.classes

    @property
    def runtime(self) -> str:
        """The runtime in use."""
        return self._predictor.runtime

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Score from which a box of each class counts."""
        return self._rule.thresholds

    def find(self, image: FieldImage) -> Found:
        """Cells of one image, strongest first."""
        boxes = self._predictor.predict(
            image.source,
            pixel_size_um=image.pixel_size_um,
            scale=self._options.scale,
            minimum_score=self._predictor.counting_floor(self._rule),
        )
        if self._predictor.is_capped(boxes):
            raise ImageError(
                f"more cells than the model can give at once ({len(boxes)} boxes)",
                where=image.path,
                remedy="use a model without such a limit, or cut the image into parts",
            )
        return Found(self._rule(boxes), self._predictor.estimate_counts(boxes, self._rule))
