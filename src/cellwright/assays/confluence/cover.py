"""Covered area and cells: of a field, a group of fields, a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.assays.tables import LeftOut, Row
from cellwright.inference.identity import NamedImage
from cellwright.metrics.intervals import FINE, Interval, Resampling, ratio_of_few


@dataclass(frozen=True, eq=False)
class CoveredField:
    """One field of view with its cells.

    Attributes:
        image: name, group, well and field number.
        size: height and width in pixels.
        n_cells: cells in it, those that the border cuts included.
        covered_px: pixels in cells.
        pixel_size_um: micrometres, None if unknown.
        overlay: picture of the result, relative to the output folder.
        cells: rows of the table of cells.
    """

    image: NamedImage
    size: tuple[int, int]
    n_cells: int
    covered_px: int
    pixel_size_um: float | None
    overlay: str
    cells: Sequence[Row]

    @property
    def confluence(self) -> float:
        """Share of the field in cells."""
        return self.covered_px / (self.size[0] * self.size[1])

    @property
    def area_mean_px(self) -> float | None:
        """Mean area of a cell in pixels; None without cells."""
        return self.covered_px / self.n_cells if self.n_cells else None

    @property
    def area_mean_um2(self) -> float | None:
        """Mean area of a cell in µm²; None without cells or pixel size."""
        area = self.area_mean_px
        return None if area is None or self.pixel_size_um is None else area * self.pixel_size_um**2

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks a reader must know."""
        return () if self.n_cells else ("no cells found",)


@dataclass(frozen=True)
class PooledCover:
    """Several fields together.

    Attributes:
        name: of the group.
        n_images: fields in it.
        n_cells: cells in all of them.
        confluence: covered pixels over all pixels.
        cells_per_image: mean count.
        area_mean_px: mean area of a cell.
        area_mean_um2: in µm²; undefined where the pixel size of a field is unknown.
    """

    name: str
    n_images: int
    n_cells: int
    confluence: Interval
    cells_per_image: Interval
    area_mean_px: Interval
    area_mean_um2: Interval


@dataclass(frozen=True)
class ConfluenceReport:
    """Everything a run found.

    Attributes:
        out: folder the files were written into.
        fields: fields in order of their names.
        groups: pooled fields in order of their names.
        overall: all fields pooled.
        left_out: files that were not segmented.
    """

    out: Path
    fields: tuple[CoveredField, ...]
    groups: tuple[PooledCover, ...]
    overall: PooledCover
    left_out: tuple[LeftOut, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values: figures with intervals overall and a group, each image, the errors."""
        return {
            "assay": "confluence",
            "n_images": len(self.fields),
            "overall": _pooled_json(self.overall),
            "groups": {group.name: _pooled_json(group) for group in self.groups},
            "images": {
                field.image.id: {
                    "confluence": field.confluence,
                    "cells": field.n_cells,
                    "area_mean": field.area_mean_px,
                    "area_mean_um2": field.area_mean_um2,
                }
                for field in self.fields
            },
            "errors": [asdict(item) for item in self.left_out],
        }


def pool(name: str, fields: Sequence[CoveredField]) -> PooledCover:
    """Pool fields; where they are of several groups, whole groups are drawn.

    >>> pool("none", []).confluence.value is None
    True
    """
    covered = np.array([field.covered_px for field in fields], np.float64)
    pixels = np.array([field.size[0] * field.size[1] for field in fields], np.float64)
    counts = np.array([field.n_cells for field in fields], np.float64)
    n_cells = int(counts.sum())
    names = [field.image.group for field in fields]
    groups = names if len(set(names)) > 1 else None
    sizes = [field.pixel_size_um for field in fields]
    in_um2 = np.array([np.nan if size is None else size**2 for size in sizes])

    def figure(top: NDArray[np.float64], bottom: NDArray[np.float64], n: int) -> Interval:
        found = ratio_of_few(top, bottom, resampling=Resampling(FINE, groups=groups))
        return replace(found, n=n)

    share = figure(covered, pixels, len(fields))

    return PooledCover(
        name=name,
        n_images=len(fields),
        n_cells=n_cells,
        confluence=share if share.high is None else replace(share, high=min(1.0, share.high)),
        cells_per_image=figure(counts, np.ones(len(fields)), len(fields)),
        area_mean_px=figure(covered, counts, n_cells),
        area_mean_um2=figure(covered * in_um2, counts, n_cells),
    )


def pool_groups(fields: Sequence[CoveredField]) -> tuple[PooledCover, ...]:
    """Every group pooled, in order of the names."""
    names = sorted({field.image.group for field in fields})
    return tuple(pool(name, [f for f in fields if f.image.group == name]) for name in names)


def _pooled_json(pooled: PooledCover) -> dict[str, Any]:
    return {
        "images": pooled.n_images,
        "cells": pooled.n_cells,
        "confluence": pooled.confluence.to_json(),
        "cells_per_image": pooled.cells_per_image.to_json(),
        "area_mean": pooled.area_mean_px.to_json(),
        "area_mean_um2": pooled.area_mean_um2.to_json(),
    }
