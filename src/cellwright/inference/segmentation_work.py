"""An image to masks and cells: rows of the tables, label images, a picture with outlines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.sessions import Sharing
from cellwright.images.lazy import LazyImage
from cellwright.images.outlines import outline_cells
from cellwright.images.overlay import draw_labels
from cellwright.images.write import write_labels, write_png
from cellwright.inference.identity import NamedImage
from cellwright.inference.outline_products import outline_products
from cellwright.inference.region_table import region_columns, region_rows
from cellwright.inference.run_folder import Part, Row, TableColumns
from cellwright.inference.segmenter import Segmented, Segmenter
from cellwright.inference.source import thinned
from cellwright.inference.work import OVERLAY_PX, Done, Product, RunOptions
from cellwright.types import SemanticMask

LARGE_PIXELS = 1 << 25
"""Of images with more pixels than this one at a time is in work: their maps take memory."""


def segmentation_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """Columns of ``summary.csv``.

    ``area_mean`` is of the cells, ``covered_fraction`` the share of pixels in any of them.
    """
    return (
        *("image_id", "file", "height", "width", "n_cells"),
        *(f"n_{name}" for name in classes),
        *("area_mean", "area_mean_um2", "covered_fraction"),
        *("pixel_size_um", "seconds", "group", "well", "field"),
    )


class SegmentationWork:
    """See :class:`~cellwright.inference.work.ImageWork`."""

    def __init__(
        self, bundle: Bundle, options: RunOptions, *, runtime: str, sharing: Sharing
    ) -> None:
        self._segmenter = Segmenter(
            bundle, runtime=runtime, threads=sharing.threads, streams=sharing.streams
        )
        self._options = options
        self.draws = options.overlays == "draw"
        self._one_large = Lock()
        self.classes = self._segmenter.classes
        self.runtime = self._segmenter.runtime
        self._n_channels = bundle.card.input.channels
        self.columns = TableColumns(
            region_columns(self._n_channels), segmentation_columns(self.classes)
        )

    def do(self, image: NamedImage, source: LazyImage) -> Done:
        """Masks and cells of one image."""
        with self._turn(source):
            start = time.perf_counter()
            pixel_size = self._options.pixel_size_um or source.pixel_size_um
            found = self._segmenter.segment_fully(
                source,
                pixel_size_um=pixel_size,
                scale=self._options.scale,
                threshold=self._options.score_threshold,
            )
            seconds = time.perf_counter() - start
            cells = region_rows(
                found.cells,
                source,
                classes=self.classes,
                image=image,
                pixel_size_um=pixel_size,
                n_channels=self._n_channels,
            )
            summary = (
                *(image.id, str(image.path), *source.shape[1:]),
                *count_cells(found, len(self.classes)),
                *coverage_cells(found.mask, len(cells), pixel_size),
                *(pixel_size, round(seconds, 3), image.group, image.well, image.field),
            )
            return Done(Part(summary, cells), self._products(image, source, found, pixel_size))

    def _turn(self, source: LazyImage) -> AbstractContextManager[object]:
        """Lets only one image in that takes much memory."""
        _, height, width = source.shape
        return self._one_large if height * width > LARGE_PIXELS else nullcontext()

    def _products(
        self, image: NamedImage, source: LazyImage, found: Segmented, pixel_size: float | None
    ) -> tuple[Product, ...]:
        """Label image, mask where the task is one, picture and outlines where wanted."""
        labels = found.cells.labels
        products = [
            Product(
                "labels",
                ".tif",
                lambda path: write_labels(path, labels, pixel_size_um=pixel_size),
            )
        ]
        if self._segmenter.card.task == "semantic":
            shown = visible(found.mask.mask, len(self.classes))
            products.append(Product("masks", ".png", lambda path: write_png(path, shown)))
        if self.draws:
            drawn = outlined(source, found, self.classes)
            products.append(Product("overlays", ".png", lambda path: write_png(path, drawn)))
        outlines = outline_products(
            self._options.outlines,
            lambda: outline_cells(found.cells, self.classes),
            self.classes,
            image_id=image.id,
            size=source.shape[1:],
        )
        return (*products, *outlines)


def count_cells(found: Segmented, n_classes: int) -> tuple[int, ...]:
    """Number of cells, and of each class."""
    class_ids = np.zeros(0, int) if found.cells.class_ids is None else found.cells.class_ids
    per_class: list[int] = np.bincount(class_ids, minlength=n_classes).tolist()
    return (len(found.cells), *per_class)


def coverage_cells(mask: SemanticMask, n_cells: int, pixel_size_um: float | None) -> Row:
    """Mean area in pixels and µm², and the share of pixels covered; empty where undefined."""
    covered = int(np.count_nonzero(mask.mask))
    area = covered / n_cells if n_cells else None
    in_um = None if area is None or pixel_size_um is None else round(area * pixel_size_um**2, 4)
    return (None if area is None else round(area, 4), in_um, round(covered / mask.mask.size, 6))


def outlined(source: LazyImage, found: Segmented, classes: Sequence[str]) -> NDArray[np.uint8]:
    """``(3, h, w)`` picture of an image with the outline of every cell."""
    step = max(1, max(source.shape[1:]) // OVERLAY_PX)
    drawn = draw_labels(thinned(source, step), found.cells, classes, max_edge=OVERLAY_PX)
    return np.moveaxis(drawn, 2, 0)


def visible(mask: NDArray[np.uint8], n_classes: int) -> NDArray[np.uint8]:
    """``(1, H, W)`` mask as a file: 0 and 255 for one class, else class ids."""
    return (mask * np.uint8(255) if n_classes == 1 else mask)[None]
