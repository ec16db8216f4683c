"""Splits in which copies of one picture stay together.

Public sets hold the same field twice more often than they say: re-saved, mirrored or
turned. What resembles another record is put into one group with it before the split
is made, so that a model is never tested on what it learned by heart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cellwright.data.inspection.duplicates import Progress, near_duplicates
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import UNIT_OF, By, rotated, split, split_folds


def joined_by_likeness(
    labelled: LabelledSet, *, by: By = "group", progress: Progress | None = None
) -> LabelledSet:
    """The set with the groups (or single images) that hold near-duplicates made one group."""
    unit_of = {record.id: UNIT_OF[by](record) for record in labelled}
    parent = {unit: unit for unit in unit_of.values()}

    def root(unit: str) -> str:
        while parent[unit] != unit:
            unit = parent[unit]
        return unit

    for pair in near_duplicates(labelled, progress=progress):
        first, second = sorted((root(unit_of[pair.first]), root(unit_of[pair.second])))
        parent[second] = first
    records = tuple(replace(record, group=root(unit_of[record.id])) for record in labelled)
    return replace(labelled, records=records)


def split_apart(
    labelled: LabelledSet,
    ratios: Mapping[str, float],
    *,
    seed: int = 0,
    by: By = "group",
    progress: Progress | None = None,
) -> dict[str, str]:
    """Like :func:`~cellwright.data.splits.split`, with near-duplicates kept in one part.

    Raises:
        ConfigError: unknown parts or negative ratios.
        DatasetError: fewer groups than parts.
    """
    joined = joined_by_likeness(labelled, by=by, progress=progress)
    return split(joined, ratios, seed=seed, by="group")


def folds_apart(
    labelled: LabelledSet,
    n_folds: int,
    *,
    seed: int = 0,
    by: By = "group",
    progress: Progress | None = None,
) -> list[dict[str, str]]:
    """Like :func:`~cellwright.data.splits.rotated`, with near-duplicates kept in one fold.

    Raises:
        ConfigError: fewer than three folds.
        DatasetError: a class that occurs in fewer groups than there are folds.
    """
    joined = joined_by_likeness(labelled, by=by, progress=progress)
    return rotated(split_folds(joined, n_folds, seed=seed, by="group"), n_folds)
