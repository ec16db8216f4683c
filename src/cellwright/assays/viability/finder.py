"""Cells of one image by a bundle."""

from __future__ import annotations

import numpy as np

from cellwright.assays.viability.field_image import FieldImage
from cellwright.errors import ImageError
from cellwright.inference.nms import nms
from cellwright.inference.predictor import Predictor
from cellwright.inference.run import RunOptions
from cellwright.types import Boxes


class BundleFinder:
    """Cells of an image by a bundle: those that count, each once whatever its class."""

    def __init__(self, predictor: Predictor, options: RunOptions) -> None:
        self._predictor, self._options = predictor, options

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
        chosen = self._options.score_threshold
        if chosen is not None:
            return (chosen,) * len(self.classes)
        return tuple(float(value) for value in self._predictor.thresholds)

    def find(self, image: FieldImage) -> Boxes:
        """Cells of one image, strongest first."""
        boxes = self._predictor.predict(
            image.source,
            pixel_size_um=image.pixel_size_um,
            scale=self._options.scale,
            minimum_score=min(self.thresholds),
        )
        if self._predictor.is_capped(boxes):
            raise ImageError(
                f"more than {len(boxes)} cells: the model's card stops there",
                where=image.path,
                remedy="cut the image into parts",
            )
        if boxes.scores is not None:
            limits = np.array(self.thresholds, np.float32)
            boxes = boxes.select(boxes.scores >= limits[boxes.class_ids])
        decoding = self._predictor.card.decoding
        if decoding is None or len(self.classes) == 1:
            return boxes
        return nms(boxes, iou=decoding.nms_iou, scope="across_classes")
