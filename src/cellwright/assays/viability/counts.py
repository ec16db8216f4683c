"""Counted cells to viability: a field, a group of fields, a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cellwright.assays.tables import LeftOut
from cellwright.assays.viability.true_counts import (
    NOTHING_KNOWN,
    CountRanges,
    TrueCounts,
    add_true_counts,
)
from cellwright.inference.identity import NamedImage
from cellwright.metrics.intervals import (
    FINE,
    Interval,
    Resampling,
    bootstrap_ratio,
    wider,
    wilson,
)
from cellwright.types import Boxes

LIVE, DEAD = 0, 1
CLASSES = ("live", "dead")

Seen: TypeAlias = Literal["blue", "blue+red", "red", "single"]


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one field, each once.

    Attributes:
        boxes: class 0 live, 1 dead, with scores.
        seen_in: ``(n,)`` in which image of the field each was found.
        notes: remarks a reader must know.
        true: how many cells there truly are, as far as the model's card can tell.
    """

    boxes: Boxes
    seen_in: tuple[Seen, ...]
    notes: tuple[str, ...] = ()
    true: TrueCounts = NOTHING_KNOWN

    @property
    def n_dead(self) -> int:
        """Dead cells."""
        return int((self.boxes.class_ids == DEAD).sum())

    @property
    def n_live(self) -> int:
        """Live cells."""
        return len(self.boxes) - self.n_dead

    @property
    def n_red_only(self) -> int:
        """Dead cells whose nucleus was not found in the blue image."""
        return self.seen_in.count("red")


@dataclass(frozen=True, eq=False)
class CountedField:
    """One field of view with its cells.

    Attributes:
        image: name, group, well and field number.
        cells: what was found.
        pixel_size_um: micrometres, None if unknown.
        overlay: picture of the result, relative to the output folder.
    """

    image: NamedImage
    cells: Cells
    pixel_size_um: float | None
    overlay: str

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks a reader must know."""
        return self.cells.notes if len(self.cells.boxes) else (*self.cells.notes, "no cells found")

    @property
    def viability(self) -> Interval:
        """Live cells over all cells with a Wilson interval; undefined without cells."""
        return wilson(self.cells.n_live, len(self.cells.boxes))

    @property
    def ranges(self) -> CountRanges:
        """How far the counts may be off."""
        return self.cells.true.ranges(n_live=self.cells.n_live, n_dead=self.cells.n_dead)


@dataclass(frozen=True)
class Pooled:
    """Viability over several fields.

    Attributes:
        name: of the group.
        n_images: fields in it.
        n_live: live cells in all of them.
        n_dead: dead cells in all of them.
        by_cell: Wilson interval, as if all cells were independent.
        by_image: interval from drawing whole images or groups; open where there is but one.
        by_count: how far the counts may be off, and the viability with them.
    """

    name: str
    n_images: int
    n_live: int
    n_dead: int
    by_cell: Interval
    by_image: Interval
    by_count: CountRanges

    @property
    def viability(self) -> Interval:
        """The value with the wider, more cautious, of the two intervals at each end."""
        return wider(self.by_cell, self.by_image)


@dataclass(frozen=True)
class ViabilityReport:
    """Everything a run found.

    Attributes:
        out: folder the files were written into.
        fields: counted fields in order of their names.
        groups: pooled fields in order of their names.
        overall: all fields pooled.
        left_out: files that were not counted.
    """

    out: Path
    fields: tuple[CountedField, ...]
    groups: tuple[Pooled, ...]
    overall: Pooled
    left_out: tuple[LeftOut, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values: counts and intervals overall, a group and an image, and the errors."""
        return {
            "assay": "viability",
            "n_images": len(self.fields),
            "overall": _pooled_json(self.overall),
            "groups": {group.name: _pooled_json(group) for group in self.groups},
            "images": {
                field.image.id: {
                    "live": field.cells.n_live,
                    "dead": field.cells.n_dead,
                    "viability": field.viability.to_json(),
                    "by_count": ranges_json(field.ranges),
                }
                for field in self.fields
            },
            "errors": [asdict(item) for item in self.left_out],
        }


def pool(name: str, fields: Sequence[CountedField]) -> Pooled:
    """Pool fields; where they are of several groups, whole groups are drawn.

    >>> pool("none", []).viability.value is None
    True
    """
    live = [field.cells.n_live for field in fields]
    cells = [len(field.cells.boxes) for field in fields]
    groups = [field.image.group for field in fields]
    true = add_true_counts([field.cells.true for field in fields])
    return Pooled(
        name=name,
        n_images=len(fields),
        n_live=sum(live),
        n_dead=sum(cells) - sum(live),
        by_cell=wilson(sum(live), sum(cells)),
        by_image=bootstrap_ratio(
            live,
            cells,
            resampling=Resampling(FINE, groups=groups if len(set(groups)) > 1 else None),
        ),
        by_count=true.ranges(n_live=sum(live), n_dead=sum(cells) - sum(live)),
    )


def pool_groups(fields: Sequence[CountedField]) -> tuple[Pooled, ...]:
    """Every group pooled, in order of the names."""
    names = sorted({field.image.group for field in fields})
    return tuple(pool(name, [f for f in fields if f.image.group == name]) for name in names)


def _pooled_json(pooled: Pooled) -> dict[str, Any]:
    return {
        "images": pooled.n_images,
        "live": pooled.n_live,
        "dead": pooled.n_dead,
        "viability": pooled.viability.to_json(),
        "by_cell": pooled.by_cell.to_json(),
        "by_image": pooled.by_image.to_json(),
        "by_count": ranges_json(pooled.by_count),
    }


def ranges_json(ranges: CountRanges) -> dict[str, list[float] | None]:
    """Low and high end of each interval of true counts, and of the viability; None if unknown."""
    return {name: pair and list(pair) for name, pair in ranges._asdict().items()}
