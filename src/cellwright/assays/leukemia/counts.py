"""Counts of smears: of an image, a group of images, a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cellwright.assays.leukemia.calls import NOTE, Asked
from cellwright.assays.tables import LeftOut
from cellwright.metrics.intervals import (
    FINE,
    Interval,
    Resampling,
    bootstrap_ratio,
    pooled_share,
    units_to_resample,
    wider,
    wilson,
)

MARKS = (0.05, 0.20)
"""Share of blasts: the most that is normal, and from which leukemia is likely (paper 5)."""

Verdict = Literal["no call", "abstained", "below 5 %", "above 20 %", "between or undecided"]

MOST_UNLIKE = 0.5
"""Share of what was asked about that may be unlike the training data before there is no call."""


@dataclass(frozen=True)
class SmearImage:
    """One image.

    Attributes:
        image_id: its name.
        group: what it is pooled with.
        n_white: white cells.
        n_red: red cells.
        n_asked: cells (or the field: 1) that the model was asked about.
        n_unlike: of these, unlike the training data, which get no call.
        n_leukemic: of the others, called blasts (or a leukemic field).
        probability: calibrated, of a leukemic field; None where cells are asked or none was.
    """

    image_id: str
    group: str
    n_white: int
    n_red: int
    n_asked: int = 0
    n_unlike: int = 0
    n_leukemic: int = 0
    probability: float | None = None

    @property
    def n_called(self) -> int:
        """Cells or fields with a call."""
        return self.n_asked - self.n_unlike


@dataclass(frozen=True)
class PooledSmears:
    """Several images together.

    Attributes:
        name: of the group.
        n_images: images in it.
        n_white: white cells.
        n_red: red cells.
        n_called: cells or fields with a call.
        n_leukemic: of these, blasts or leukemic fields.
        white_per_red: white cells for each red one.
        leukemic: share of the called; undefined where too many are unlike the training data.
        unlike: share of those asked that are unlike the training data.
    """

    name: str
    n_images: int
    n_white: int
    n_red: int
    n_called: int
    n_leukemic: int
    white_per_red: Interval
    leukemic: Interval
    unlike: Interval

    @property
    def verdict(self) -> Verdict:
        """The share of blasts against the marks; its whole interval must lie beyond one."""
        if not self.unlike.n:
            return "no call"
        if _too_unlike(self.unlike):
            return "abstained"
        low, high = self.leukemic.low, self.leukemic.high
        if high is not None and high < MARKS[0]:
            return "below 5 %"
        if low is not None and low > MARKS[1]:
            return "above 20 %"
        return "between or undecided"

    def to_json(self, asked: Asked | None) -> dict[str, Any]:
        """Plain values; the share is called what it is a share of."""
        plain: dict[str, Any] = {
            "images": self.n_images,
            "white_cells": self.n_white,
            "red_cells": self.n_red,
            "white_per_red": self.white_per_red.to_json(),
        }
        if asked is not None:
            name = "blast_fraction" if asked == "cells" else "leukemic_fields"
            plain |= {
                "called": self.n_called,
                "leukemic": self.n_leukemic,
                name: self.leukemic.to_json(),
                "unlike": self.unlike.to_json(),
            }
        return plain | ({"against_marks": self.verdict} if asked == "cells" else {})


@dataclass(frozen=True)
class LeukemiaReport:
    """Everything a run found.

    Attributes:
        out: folder the files were written into.
        asked: what the model calls; None without a model.
        leukemic: its classes that count.
        images: in order of their names.
        groups: pooled images in order of their names.
        overall: all images pooled.
        left_out: files that were not used.
    """

    out: Path
    asked: Asked | None
    leukemic: tuple[str, ...]
    images: tuple[SmearImage, ...]
    groups: tuple[PooledSmears, ...]
    overall: PooledSmears
    left_out: tuple[LeftOut, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values: figures with intervals overall and a group, and the errors."""
        return {
            "assay": "leukemia",
            "use": NOTE,
            "called": self.asked,
            "leukemic_classes": list(self.leukemic),
            "marks": list(MARKS),
            "n_images": len(self.images),
            "overall": self.overall.to_json(self.asked),
            "groups": {group.name: group.to_json(self.asked) for group in self.groups},
            "fields": {
                one.image_id: {"probability": one.probability, "unlike": bool(one.n_unlike)}
                for one in self.images
                if self.asked == "fields"
            },
            "errors": [asdict(item) for item in self.left_out],
        }


def pool(name: str, images: Sequence[SmearImage]) -> PooledSmears:
    """Pool images; where they are of several groups, whole groups are drawn."""
    groups = units_to_resample([one.group for one in images])

    def column(attribute: str) -> NDArray[np.int64]:
        return np.array([getattr(one, attribute) for one in images], np.int64)

    white, red, called = column("n_white"), column("n_red"), column("n_called")
    asked = column("n_asked")
    # One call an image: to draw images is to draw calls, of which Wilson's interval speaks.
    alone = bool((asked <= 1).all()) and groups is None

    def share(found: NDArray[np.int64], of: NDArray[np.int64]) -> Interval:
        if alone:
            return wilson(int(found.sum()), int(of.sum()))
        return pooled_share(found, of, resampling=Resampling(FINE, groups=groups))

    unlike = share(column("n_unlike"), asked)
    leukemic = share(column("n_leukemic"), called)
    if _too_unlike(unlike):
        leukemic = Interval(None, None, None, leukemic.n)
    return PooledSmears(
        name=name,
        n_images=len(images),
        n_white=int(white.sum()),
        n_red=int(red.sum()),
        n_called=int(called.sum()),
        n_leukemic=int(column("n_leukemic").sum()),
        white_per_red=_ratio(white, red, groups),
        leukemic=leukemic,
        unlike=unlike,
    )


def _too_unlike(unlike: Interval) -> bool:
    """Whether no call is made of the whole."""
    return unlike.value is not None and unlike.value > MOST_UNLIKE


def _ratio(
    white: NDArray[np.int64], red: NDArray[np.int64], groups: Sequence[str] | None
) -> Interval:
    """White over red cells, at each end with the wider of two intervals.

    Of two counts by chance, given their sum, one is binomial: Wilson's interval of the share p of
    white cells is one of the ratio p / (1 - p). The other is of images or groups drawn, which says
    nothing of chance where they happen to be alike.
    """
    n_white, n_red = int(white.sum()), int(red.sum())
    if not n_red:
        return Interval(None, None, None, 0)
    share = wilson(n_white, n_white + n_red)
    low, high = (None if end is None else end / (1 - end) for end in (share.low, share.high))
    by_chance = Interval(n_white / n_red, low, high, n_red)
    if len(white) < 2:
        return by_chance
    return wider(by_chance, bootstrap_ratio(white, red, resampling=Resampling(FINE, groups=groups)))


def pool_groups(images: Sequence[SmearImage]) -> tuple[PooledSmears, ...]:
    """Every group pooled, in order of the names."""
    return tuple(
        pool(name, [one for one in images if one.group == name])
        for name in sorted({one.group for one in images})
    )
