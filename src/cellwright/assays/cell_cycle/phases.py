"""Counts of phases: of an image, a group of images, a whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.assays.tables import LeftOut
from cellwright.errors import ConfigError
from cellwright.metrics.intervals import (
    FINE,
    Interval,
    Resampling,
    pooled_share,
    units_to_resample,
    wilson,
)

MITOTIC = frozenset(
    {"prophase", "prometaphase", "metaphase", "anaphase", "telophase", "mitosis", "m"}
)
"""Names of classes that are phases of mitosis, in lower case."""


@dataclass(frozen=True)
class StagedImage:
    """One image: how many of its cells were given each phase.

    Attributes:
        image_id: its name.
        group: what it is pooled with.
        counts: cells by phase, in the model's order.
        n_unlike: cells that look like none of the training data.
    """

    image_id: str
    group: str
    counts: tuple[int, ...]
    n_unlike: int

    @property
    def n_cells(self) -> int:
        """Cells in it."""
        return sum(self.counts)


@dataclass(frozen=True)
class PooledPhases:
    """Several images together.

    Attributes:
        name: of the group.
        n_images: images in it.
        n_cells: cells in all of them.
        counts: cells by phase.
        shares: share of each phase.
        mitotic_index: share of the mitotic phases; undefined where the model knows none.
        unlike: share of cells unlike the training data.
    """

    name: str
    n_images: int
    n_cells: int
    counts: Mapping[str, int]
    shares: Mapping[str, Interval]
    mitotic_index: Interval
    unlike: Interval

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "images": self.n_images,
            "cells": self.n_cells,
            "counts": dict(self.counts),
            "phases": {name: share.to_json() for name, share in self.shares.items()},
            "mitotic_index": self.mitotic_index.to_json(),
            "unlike": self.unlike.to_json(),
        }


@dataclass(frozen=True)
class CellCycleReport:
    """Everything a run found.

    Attributes:
        out: folder the files were written into.
        phases: the model's classes.
        mitotic: those of them that are phases of mitosis.
        images: in order of their names.
        groups: pooled images in order of their names.
        overall: all images pooled.
        left_out: files that were not staged.
    """

    out: Path
    phases: tuple[str, ...]
    mitotic: tuple[str, ...]
    images: tuple[StagedImage, ...]
    groups: tuple[PooledPhases, ...]
    overall: PooledPhases
    left_out: tuple[LeftOut, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values: figures with intervals overall and a group, and the errors."""
        return {
            "assay": "cell-cycle",
            "n_images": len(self.images),
            "mitotic_phases": list(self.mitotic),
            "overall": self.overall.to_json(),
            "groups": {group.name: group.to_json() for group in self.groups},
            "errors": [asdict(item) for item in self.left_out],
        }


def mitotic_phases(phases: Sequence[str], named: Sequence[str] = ()) -> tuple[str, ...]:
    """The classes that count as mitosis: those named, else those whose name says it.

    Raises:
        ConfigError: a named class that the model does not have.

    >>> mitotic_phases(("G1", "Prophase", "Telophase"))
    ('Prophase', 'Telophase')
    """
    unknown = [name for name in named if name not in phases]
    if unknown:
        raise ConfigError(
            f"the model has no phase {unknown[0]!r}",
            where="--mitotic",
            remedy=f"choose out of: {', '.join(phases)}",
        )
    return tuple(named) or tuple(name for name in phases if name.lower() in MITOTIC)


def pool(
    name: str, images: Sequence[StagedImage], phases: Sequence[str], mitotic: Sequence[str]
) -> PooledPhases:
    """Pool images; where they are of several groups, whole groups are drawn."""
    counts = np.array([image.counts for image in images]).reshape(len(images), len(phases))
    unlike = np.array([image.n_unlike for image in images], dtype=np.int64)
    groups = units_to_resample([image.group for image in images])
    dividing = counts[:, [list(phases).index(one) for one in mitotic]].sum(axis=1)
    per_image = counts.sum(axis=1)
    # One cell an image: to draw images is to draw cells, of which Wilson's interval speaks.
    alone = bool((per_image <= 1).all()) and groups is None

    def share(found: np.ndarray[Any, Any]) -> Interval:
        if alone:
            return wilson(int(found.sum()), int(per_image.sum()))
        return pooled_share(found, per_image, resampling=Resampling(FINE, groups=groups))

    return PooledPhases(
        name=name,
        n_images=len(images),
        n_cells=int(per_image.sum()),
        counts=dict(zip(phases, counts.sum(axis=0).tolist(), strict=True)),
        shares={phase: share(counts[:, index]) for index, phase in enumerate(phases)},
        mitotic_index=share(dividing) if mitotic else Interval(None, None, None, 0),
        unlike=share(unlike),
    )


def pool_groups(
    images: Sequence[StagedImage], phases: Sequence[str], mitotic: Sequence[str]
) -> tuple[PooledPhases, ...]:
    """Every group pooled, in order of the names."""
    return tuple(
        pool(name, [image for image in images if image.group == name], phases, mitotic)
        for name in sorted({image.group for image in images})
    )
