"""Splits in which copies of one picture stay together.

Public sets hold the same field twice more often than they say: re-saved, mirrored or
turned. What resembles another record is put into one group with it before the split
is made, so that a model is never tested on what it learned by heart. Where all images show one
fixed structure (the rims of wells, a counting chamber), resemblance says nothing: there only equal
pixels make a copy, if whoever splits says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cellwright.data.inspection.duplicates import (
    DuplicatePair,
    Progress,
    crossing,
    near_duplicates,
)
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import UNIT_OF, By, Copies, rotated, split, split_folds
from cellwright.errors import DatasetError

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Joined:
    """A set whose groups are what must stay together.

    Attributes:
        labelled: the set, with the groups (or single images) that hold copies made one group.
        pairs: the copies for which that was done, of different groups before.
    """

    labelled: LabelledSet
    pairs: tuple[DuplicatePair, ...]

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Images that have a copy in another group, each once."""
        names = (name for pair in self.pairs for name in (pair.first, pair.second))
        return tuple(dict.fromkeys(names))


def joined_by_likeness(
    labelled: LabelledSet,
    *,
    by: By = "group",
    copies: Copies = "alike",
    progress: Progress | None = None,
) -> Joined:
    """Put what holds copies of one picture into one group.

    Args:
        labelled: the set; all images are read once.
        by: what else stays together.
        copies: what a copy is.
        progress: called after every image.
    """
    unit_of = {record.id: UNIT_OF[by](record) for record in labelled}
    pairs = crossing(copies_among(near_duplicates(labelled, progress=progress), copies), unit_of)
    parent = {unit: unit for unit in unit_of.values()}

    def root(unit: str) -> str:
        while parent[unit] != unit:
            unit = parent[unit]
        return unit

    for pair in pairs:
        first, second = sorted((root(unit_of[pair.first]), root(unit_of[pair.second])))
        parent[second] = first
    records = tuple(replace(record, group=root(unit_of[record.id])) for record in labelled)
    return Joined(replace(labelled, records=records), pairs)


def copies_among(pairs: Sequence[DuplicatePair], copies: Copies) -> tuple[DuplicatePair, ...]:
    """The pairs that count as copies."""
    return tuple(pair for pair in pairs if copies == "alike" or pair.kind == "identical")


def split_apart(
    labelled: LabelledSet,
    ratios: Mapping[str, float],
    *,
    seed: int = 0,
    by: By = "group",
    copies: Copies = "alike",
    progress: Progress | None = None,
) -> dict[str, str]:
    """Like :func:`~cellwright.data.splits.split`, with near-duplicates kept in one part.

    Raises:
        ConfigError: unknown parts or negative ratios.
        DatasetError: fewer groups than parts.
    """
    joined = joined_by_likeness(labelled, by=by, copies=copies, progress=progress)
    return split_joined(joined, ratios, seed=seed)


def split_joined(joined: Joined, ratios: Mapping[str, float], *, seed: int = 0) -> dict[str, str]:
    """A split of what was joined.

    Raises:
        ConfigError, DatasetError: as :func:`split_apart`.
    """
    return _telling_of_copies(joined, lambda one: split(one, ratios, seed=seed, by="group"))


def folds_joined(joined: Joined, n_folds: int, *, seed: int = 0) -> list[dict[str, str]]:
    """Like :func:`~cellwright.data.splits.rotated`, with near-duplicates kept in one fold.

    Raises:
        ConfigError: fewer than three folds.
        DatasetError: a class that occurs in fewer groups than there are folds.
    """
    return rotated(fold_of_joined(joined, n_folds, seed=seed), n_folds)


def fold_of_joined(joined: Joined, n_folds: int, *, seed: int = 0) -> dict[str, int]:
    """Like :func:`~cellwright.data.splits.split_folds`, with near-duplicates kept in one fold.

    Raises:
        ConfigError: fewer than two folds.
        DatasetError: a class that occurs in fewer groups than there are folds.
    """
    return _telling_of_copies(joined, lambda one: split_folds(one, n_folds, seed=seed, by="group"))


def _telling_of_copies(joined: Joined, make: Callable[[LabelledSet], _Made]) -> _Made:
    """What ``make`` gives; where it cannot, and copies were joined, the message says so too."""
    try:
        return make(joined.labelled)
    except DatasetError as error:
        if not joined.pairs:
            raise
        first = joined.pairs[0]
        raise DatasetError(
            f"{error.what}, since {len(joined.image_ids)} images that resemble one another were "
            f"joined, for instance {first.first!r} and {first.second!r}",
            where=error.where,
            remedy="look at them; if they are other pictures that share a fixed structure (well "
            "rims, a counting chamber), make the split with `cellwright data split --copies equal` "
            f"or train with --set data.copies=equal; otherwise {error.remedy}",
        ) from error
