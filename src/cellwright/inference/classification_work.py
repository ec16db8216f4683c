"""An image to classified cells: rows of the tables, and a picture where it shows several.

An image is one cell, a montage of tiles, or a field whose cells a label image tells apart;
which of them is said by :class:`~cellwright.inference.work.RunOptions`, never guessed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.sessions import Sharing
from cellwright.data.formats.label_images import read_label_image
from cellwright.errors import ImageError
from cellwright.images.lazy import LazyImage
from cellwright.images.montage import Tile, cut_cells, cut_montage
from cellwright.images.overlay import draw_boxes
from cellwright.images.write import write_png
from cellwright.inference.classifier import Classified, Classifier
from cellwright.inference.crops import crop_notes, extent, shows_one_cell
from cellwright.inference.identity import NamedImage
from cellwright.inference.label_file import label_file
from cellwright.inference.run_folder import Part, Row, TableColumns
from cellwright.inference.work import OVERLAY_PX, Done, Product, RunOptions
from cellwright.types import Boxes, Image, Instances, present_labels

DIGITS = 4


def class_cell_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """Columns of ``cells.csv``; ``score`` is the probability of the class given."""
    return (
        *("image_id", "label", "class", "score"),
        *(f"p_{name}" for name in classes),
        *("energy", "unlike", "notes"),
        *("bbox-0", "bbox-1", "bbox-2", "bbox-3", "centroid-0", "centroid-1"),
        *("group", "well", "field"),
    )


def class_summary_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """Columns of ``summary.csv``: a count a class, and of cells unlike the training images."""
    return (
        *("image_id", "file", "height", "width", "n_cells"),
        *(f"n_{name}" for name in classes),
        *("n_unlike", "pixel_size_um", "seconds", "group", "well", "field"),
    )


class ClassificationWork:
    """See :class:`~cellwright.inference.work.ImageWork`."""

    def __init__(
        self, bundle: Bundle, options: RunOptions, *, runtime: str, sharing: Sharing
    ) -> None:
        self._classifier = Classifier(
            bundle, runtime=runtime, threads=sharing.threads, streams=sharing.streams
        )
        self._options = options
        self.classes = self._classifier.classes
        self.runtime = self._classifier.runtime
        self.draws = options.overlays == "draw"
        self.columns = TableColumns(
            class_cell_columns(self.classes), class_summary_columns(self.classes)
        )

    def do(self, image: NamedImage, source: LazyImage) -> Done:
        """The cells of one image."""
        start = time.perf_counter()
        pixel_size = self._options.pixel_size_um or source.pixel_size_um
        pixels = source.read_region(0, 0, *source.shape[1:])
        tiles = self._tiles(image, pixels, pixel_size)
        found = self._classifier.classify(
            [tile.image for tile in tiles],
            channel_names=source.channel_names,
            pixel_size_um=pixel_size,
        )
        seconds = time.perf_counter() - start
        counts = np.bincount(found.class_ids, minlength=len(self.classes)).tolist()
        summary = (
            *(image.id, str(image.path), *source.shape[1:], len(tiles), *counts),
            *(int(found.unlike.sum()), pixel_size, round(seconds, 3)),
            *(image.group, image.well, image.field),
        )
        return Done(
            Part(summary, self._rows(image, tiles, found)), self._products(pixels, tiles, found)
        )

    def _tiles(self, image: NamedImage, pixels: Image, pixel_size: float | None) -> list[Tile]:
        decoding, spec = self._classifier.decoding, self._classifier.card.input
        _, height, width = pixels.shape
        if self._options.labels_dir is not None:
            labels = label_file(Path(self._options.labels_dir), image)
            values = read_label_image(labels, image.path)
            cells = Instances.from_labels(values)
            tiles = cut_cells(pixels, cells, extent(spec, decoding, pixel_size))
            names = present_labels(values).tolist()  # cells keep their own numbers, gaps and all
            return [replace(one, label=name) for one, name in zip(tiles, names, strict=True)]
        if self._options.tile_px is not None:
            return cut_montage(pixels, self._options.tile_px)
        if not shows_one_cell(pixels, spec, decoding, pixel_size):
            raise ImageError(
                f"{width} x {height} pixels are much more than one cell, which this model wants",
                where=image.path,
                remedy="give --tile PX for a montage, or --labels DIR with a label image a field",
            )
        return [Tile(1, (0, 0, height, width), pixels)]

    def _rows(self, image: NamedImage, tiles: Sequence[Tile], found: Classified) -> list[Row]:
        rows: list[Row] = []
        for index, tile in enumerate(tiles):
            shares = found.probabilities[index]
            class_id = int(shares.argmax())
            rows.append(
                (
                    *(image.id, tile.label, self.classes[class_id]),
                    *(round(float(value), DIGITS) for value in (shares[class_id], *shares)),
                    *(round(float(found.energies[index]), DIGITS), int(found.unlike[index])),
                    *("; ".join(crop_notes(tile.image)), *tile.box),
                    *(round(value, DIGITS) for value in tile.place),
                    *(image.group, image.well, image.field),
                )
            )
        return rows

    def _products(
        self, pixels: Image, tiles: Sequence[Tile], found: Classified
    ) -> tuple[Product, ...]:
        """A picture where there is more to see than one cell."""
        if not self.draws or len(tiles) < 2:
            return ()
        boxes = np.array([tile.box for tile in tiles], np.float32)[:, [1, 0, 3, 2]]
        drawn = draw_boxes(pixels, Boxes(boxes, found.class_ids), self.classes, max_edge=OVERLAY_PX)
        shown: NDArray[np.uint8] = np.moveaxis(drawn, 2, 0)
        return (Product("overlays", ".png", lambda path: write_png(path, shown)),)
