"""What an audit finds: labels that are likely missing, doubled, misplaced, spurious or wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Kind = Literal["missing", "doubled", "misplaced", "wrong class", "spurious"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Seen = Literal["no", "validation", "training"]
"""What the judging model knew of an image: nothing, its thresholds, or its weights."""

Corners = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of an image, cut out along their bounding box.

    Attributes:
        x0: first column.
        y0: first row.
        pixels: bool ``(h, w)``.
    """

    x0: int
    y0: int
    pixels: NDArray[np.bool_]

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> Region:
        """The true pixels of ``mask`` ``(H, W)``, of which there must be one."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        y0, x0 = int(rows[0]), int(columns[0])
        inner = mask[y0 : rows[-1] + 1, x0 : columns[-1] + 1]
        return cls(x0, y0, inner.copy())

    def moved(self, dx: int, dy: int) -> Region:
        """The same pixels, of an image in which they lie ``dx``, ``dy`` further."""
        return Region(self.x0 + dx, self.y0 + dy, self.pixels)

    @property
    def window(self) -> tuple[slice, slice]:
        """Where it lies in its image."""
        height, width = self.pixels.shape
        return slice(self.y0, self.y0 + height), slice(self.x0, self.x0 + width)

    @property
    def corners(self) -> Corners:
        """Bounding box on pixel edges: x1, y1, x2, y2."""
        height, width = self.pixels.shape
        return (self.x0, self.y0, self.x0 + width, self.y0 + height)


@dataclass(frozen=True, eq=False)
class Suspect:
    """One label, or lack of one, that the model contradicts.

    Attributes:
        image: id of the image.
        kind: what is likely wrong.
        label: row of the label in its image, or its number in the label image, from 1; None
            where there is no label.
        class_name: of the label, or of the one that is missing.
        corners: of the label, or of the missing cell, in pixels.
        score: how sure the model is, 0..1.
        reason: one sentence.
        proposed_class: what the model takes it for; empty where the label should go.
        proposed: box that the model would draw; None where the label should go.
        region: pixels in doubt, of masks and instances.
        proposed_region: pixels that the model would draw instead, of these.
        found: index of the model's box or cell; None where there is none.
        other: the label that stays, of a doubled one, counted like ``label``.
        bare_score: the model's score behind ``score``, which tells equal ones apart.
        model: name of the bundle that judged.
        seen: what that model knew of the image.
        rank: 1 for the most certain of the audit.
    """

    image: str
    kind: Kind
    label: int | None
    class_name: str
    corners: Corners
    score: float
    reason: str
    proposed_class: str = ""
    proposed: Corners | None = None
    region: Region | None = None
    proposed_region: Region | None = None
    found: int | None = None
    other: int | None = None
    bare_score: float = 0.0
    model: str = ""
    seen: Seen = "no"
    rank: int = 0

    @property
    def id(self) -> str:
        """A name that the same model gives the same suspect again, whatever its rank.

        It begins with a letter, so that no spreadsheet takes it for a number.
        """
        place = ",".join(str(round(value)) for value in self.corners)
        text = f"{self.image}|{self.kind}|{self.label}|{self.class_name}|{place}"
        return f"{self.kind.split()[0]}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def ranked(suspects: Sequence[Suspect]) -> tuple[Suspect, ...]:
    """The most certain first, numbered; equal ones in order of image and id."""
    order = sorted(suspects, key=lambda one: (-one.score, -one.bare_score, one.image, one.id))
    return tuple(replace(one, rank=index) for index, one in enumerate(order, start=1))


def count_kinds(suspects: Sequence[Suspect]) -> dict[Kind, int]:
    """How many there are of each kind, all kinds named."""
    return {kind: sum(one.kind == kind for one in suspects) for kind in KINDS}
