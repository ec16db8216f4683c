"""One image of a smear to its rows: segmented, measured and, with a model, called."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellwright.assays.leukemia.calls import NOTE, Caller
from cellwright.errors import ImageError
from cellwright.features import FEATURE_NAMES, SmearCells, measure_cells, segment_smear
from cellwright.features.columns import FEATURES
from cellwright.images.lazy import LazyImage
from cellwright.images.overlay import draw_labels
from cellwright.images.write import write_labels, write_png
from cellwright.inference.classifier import Classified
from cellwright.inference.identity import NamedImage
from cellwright.inference.run_folder import Part, Row, TableColumns
from cellwright.inference.work import OVERLAY_PX, Done, Overlays, Product
from cellwright.types import Image, Instances

DIGITS = 4
KINDS = ("white", "red")
MOST_PIXELS = 100_000_000
"""A larger picture is a whole slide, which is cut into fields first."""

IN_UM = {"px": "um", "px2": "um2"}


def cell_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """Columns of ``cells.csv``: a white cell a row, lengths in pixels and in µm."""
    called = ("class", *(f"p_{name}" for name in classes), "energy", "unlike") if classes else ()
    return (
        *("image_id", "label", *called),
        *("bbox-0", "bbox-1", "bbox-2", "bbox-3", "centroid-0", "centroid-1"),
        *FEATURE_NAMES,
        *(f"{one.name}_{IN_UM[one.unit]}" for one in FEATURES if one.unit in IN_UM),
        *("group", "well", "field", "note"),
    )


def leukemic_column(classes: Sequence[str]) -> str:
    """Column of the leukemic classes together; ``p_leukemic`` unless a class is called so.

    >>> leukemic_column(("benign", "early")), leukemic_column(("leukemic", "normal"))
    ('p_leukemic', 'p_leukemic_sum')
    """
    return "p_leukemic_sum" if "leukemic" in classes else "p_leukemic"


def summary_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """Columns of ``summary.csv``: an image a row."""
    chances = (*(f"p_{name}" for name in classes), leukemic_column(classes))
    called = ("class", *chances) if classes else ()
    return (
        *("image_id", "file", "height", "width", "n_cells", "n_white", "n_red", "white_per_red"),
        *("n_asked", "n_unlike", "n_leukemic", *called),
        *("pixel_size_um", "seconds", "group", "well", "field", "note"),
    )


class SmearWork:
    """See :class:`~cellwright.inference.work.ImageWork`; counts are white and red cells."""

    classes = KINDS

    def __init__(
        self, caller: Caller | None, *, pixel_size_um: float | None, overlays: Overlays
    ) -> None:
        self._caller = caller
        self._pixel_size_um = pixel_size_um
        self._overlays = overlays
        self.runtime = "none" if caller is None else caller.runtime
        asked = None if caller is None else caller.asked
        known = () if caller is None else caller.classes
        self.columns = TableColumns(
            cell_columns(known if asked == "cells" else ()),
            summary_columns(known if asked == "fields" else ()),
        )

    def do(self, image: NamedImage, source: LazyImage) -> Done:
        """Segment, measure and call one picture.

        Raises:
            ImageError: no colour picture, or a whole slide.
        """
        start = time.perf_counter()
        _, height, width = source.shape
        if height * width > MOST_PIXELS:
            raise ImageError(
                f"{width} x {height} pixels are a whole slide, not a field",
                where=image.path,
                remedy="cut it into fields of a few thousand pixels an edge",
            )
        pixels = source.read_region(0, 0, height, width)
        pixel_size = self._pixel_size_um or source.pixel_size_um
        found = segment_smear(pixels, where=image.path)
        if not found.n_white and not found.n_red:
            raise ImageError(
                "no cell was found: this does not look like a stained smear",
                where=image.path,
                remedy="give fields of a smear in focus, stained with Giemsa, Wright or Leishman",
            )
        white = Instances(found.white)
        called = self._called(pixels, white, pixel_size)
        rows = self._rows(image, pixels, found, called, pixel_size)
        seconds = round(time.perf_counter() - start, 3)
        summary = self._summary(image, source, found, called, (pixel_size, seconds))
        return Done(Part(summary, rows), self._products(pixels, found, called))

    def _called(
        self, pixels: Image, white: Instances, pixel_size: float | None
    ) -> Classified | None:
        if self._caller is None:
            return None
        return self._caller.call(pixels, white, pixel_size)

    def _rows(
        self,
        image: NamedImage,
        pixels: Image,
        found: SmearCells,
        called: Classified | None,
        pixel_size: float | None,
    ) -> list[Row]:
        table = measure_cells(pixels, found.white, found.nuclei, where=image.path)
        white = Instances(found.white)
        places = zip(
            white.boxes().xyxy.astype(int).tolist(), white.centroids().tolist(), strict=True
        )
        lengths = [index for index, one in enumerate(FEATURES) if one.unit in IN_UM]
        powers = [1 if FEATURES[index].unit == "px" else 2 for index in lengths]
        rows: list[Row] = []
        for index, (values, ((x0, y0, x1, y1), centroid)) in enumerate(
            zip(table.values, places, strict=True)
        ):
            in_um = [
                None if pixel_size is None else float(values[length]) * pixel_size**power
                for length, power in zip(lengths, powers, strict=True)
            ]
            rows.append(
                (
                    *(image.id, index + 1, *self._cell_call(called, index)),
                    *(y0, x0, y1, x1),
                    *(_rounded(value) for value in (*centroid, *values.tolist(), *in_um)),
                    *(image.group, image.well, image.field, NOTE),
                )
            )
        return rows

    def _cell_call(self, called: Classified | None, index: int) -> Row:
        if called is None or self._caller is None or self._caller.asked != "cells":
            return ()
        return (
            self._caller.classes[int(called.class_ids[index])],
            *(_rounded(float(value)) for value in called.probabilities[index]),
            *(_rounded(float(called.energies[index])), int(called.unlike[index])),
        )

    def _summary(
        self,
        image: NamedImage,
        source: LazyImage,
        found: SmearCells,
        called: Classified | None,
        measured: tuple[float | None, float],
    ) -> Row:
        n_asked, n_unlike, n_leukemic = self._counted(called)
        field_call: Row = ()
        if called is not None and self._caller is not None and self._caller.asked == "fields":
            unlike = bool(called.unlike[0])
            field_call = (
                "" if unlike else self._caller.classes[int(called.class_ids[0])],
                *(_rounded(float(value)) for value in called.probabilities[0]),
                _rounded(self._caller.chance(called)[0]),
            )
        per_red = _rounded(found.n_white / found.n_red) if found.n_red else None
        return (
            *(image.id, str(image.path), *source.shape[1:]),
            *(found.n_white + found.n_red, found.n_white, found.n_red, per_red),
            *(n_asked, n_unlike, n_leukemic, *field_call),
            *(*measured, image.group, image.well, image.field, NOTE),
        )

    def _counted(self, called: Classified | None) -> tuple[int, int, int]:
        """Asked about, of these unlike the training data, of the others leukemic."""
        if called is None or self._caller is None:
            return 0, 0, 0
        return len(called), int(called.unlike.sum()), int(self._leukemic(called).sum())

    def _leukemic(self, called: Classified) -> NDArray[np.bool_]:
        """Called leukemic: more likely than not, and not unlike the training data."""
        if self._caller is None:
            return np.zeros(len(called), bool)
        likely = np.array(self._caller.chance(called)) > 0.5
        return np.asarray(likely & ~called.unlike, bool)

    def _products(
        self,
        pixels: Image,
        found: SmearCells,
        called: Classified | None,
    ) -> tuple[Product, ...]:
        labels = Product("labels", ".png", lambda path: write_labels(path, found.white))
        if self._overlays == "none":
            return (labels,)
        names: tuple[str, ...] = ("white cell", "red cell")
        kinds = np.zeros(found.n_white, np.int64)
        if called is not None and self._caller is not None and self._caller.asked == "cells":
            names = ("not called a blast", "blast", "unlike training", "red cell")
            kinds = np.where(called.unlike, 2, self._leukemic(called).astype(np.int64))
        both = np.where(found.red > 0, found.red + found.n_white, found.white).astype(np.int32)
        ids = np.concatenate([kinds, np.full(found.n_red, len(names) - 1)])
        drawn = draw_labels(pixels, Instances(both, ids), names, max_edge=OVERLAY_PX)
        shown = np.moveaxis(drawn, 2, 0)
        return (labels, Product("overlays", ".png", lambda path: write_png(path, shown)))


def _rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(value, DIGITS)
