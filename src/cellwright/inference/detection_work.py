"""An image to boxes: rows of the tables and a picture with every box."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.sessions import Sharing
from cellwright.images.lazy import LazyImage
from cellwright.images.outlines import outline_boxes
from cellwright.images.overlay import draw_boxes
from cellwright.images.write import write_png
from cellwright.inference.counted_boxes import count_boxes
from cellwright.inference.counts import interval_ends
from cellwright.inference.identity import NamedImage
from cellwright.inference.outline_products import outline_products
from cellwright.inference.predictor import Predictor
from cellwright.inference.run_folder import (
    CELL_COLUMNS,
    Part,
    Row,
    TableColumns,
    summary_columns,
)
from cellwright.inference.source import thinned
from cellwright.inference.work import OVERLAY_PX, Done, Product, RunOptions
from cellwright.types import Boxes


class DetectionWork:
    """See :class:`~cellwright.inference.work.ImageWork`."""

    def __init__(
        self, bundle: Bundle, options: RunOptions, *, runtime: str, sharing: Sharing
    ) -> None:
        self._predictor = Predictor(
            bundle, runtime=runtime, threads=sharing.threads, streams=sharing.streams
        )
        self._options = options
        self.classes = self._predictor.classes
        self.runtime = self._predictor.runtime
        self.columns = TableColumns(CELL_COLUMNS, summary_columns(self.classes))

    def do(self, image: NamedImage, source: LazyImage) -> Done:
        """Cells of one image."""
        start = time.perf_counter()
        pixel_size = self._options.pixel_size_um or source.pixel_size_um
        counted = count_boxes(self._predictor, source, self._options, pixel_size_um=pixel_size)
        seconds = time.perf_counter() - start
        _, height, width = source.shape
        boxes = counted.cells
        ranges = interval_ends(counted.estimates, boxes)
        per_class = np.bincount(boxes.class_ids, minlength=len(self.classes))
        summary: Row = (
            *(image.id, str(image.path), height, width, len(boxes), *per_class.tolist(), *ranges),
            *(
                pixel_size,
                int(counted.capped),
                round(seconds, 3),
                image.group,
                image.well,
                image.field,
            ),
        )
        part = Part(summary, cell_rows(boxes, self.classes, image, pixel_size))
        return Done(part, (*self._drawn(source, boxes), *self._outlined(image, source, boxes)))

    def _outlined(self, image: NamedImage, source: LazyImage, boxes: Boxes) -> tuple[Product, ...]:
        """Files for other programs, where they are wanted."""
        return outline_products(
            self._options.outlines,
            lambda: outline_boxes(boxes, self.classes),
            self.classes,
            image_id=image.id,
            size=source.shape[1:],
        )

    def _drawn(self, source: LazyImage, boxes: Boxes) -> tuple[Product, ...]:
        """The picture of the image with its cells, where one is wanted."""
        if self._options.overlays == "none":
            return ()
        step = max(1, max(source.shape[1:]) // OVERLAY_PX)
        picture, placed = thinned(source, step), boxes.scaled(1 / step, 1 / step)

        def draw(path: Path) -> None:
            drawn = draw_boxes(picture, placed, self.classes, max_edge=OVERLAY_PX)
            write_png(path, np.moveaxis(drawn, 2, 0))

        return (Product("overlays", ".png", draw),)


def cell_rows(
    boxes: Boxes, classes: Sequence[str], image: NamedImage, pixel_size_um: float | None
) -> list[Row]:
    """Rows of ``cells.csv`` (:data:`~cellwright.inference.run_folder.CELL_COLUMNS`)."""
    scores = np.zeros(len(boxes)) if boxes.scores is None else boxes.scores
    um2 = None if pixel_size_um is None else pixel_size_um**2
    rows: list[Row] = []
    for index, (box, centre, area) in enumerate(
        zip(
            boxes.xyxy.astype(float).round(2).tolist(),
            boxes.centres_xy.astype(float).round(2).tolist(),
            boxes.areas_px2.astype(float).round(2).tolist(),
            strict=True,
        )
    ):
        x0, y0, x1, y1 = box
        rows.append(
            (
                *(image.id, index + 1, classes[boxes.class_ids[index]]),
                *(round(float(scores[index]), 4), y0, x0, y1, x1, centre[1], centre[0], area),
                None if um2 is None else round(area * um2, 4),
                *(image.group, image.well, image.field),
            )
        )
    return rows
