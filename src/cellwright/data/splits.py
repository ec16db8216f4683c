"""Splits that cannot leak: whole groups go to one part, classes stay balanced, seeded.

Groups (patients, wells, series) are shuffled with the seed, the rarest and largest
first are placed where they lessen most what is missing, so that every part gets its share
of images and of each class. The idea is iterative stratification (Sechidis, Tsoumakas and
Vlahavas, ECML PKDD 2011), whose units are single images: the part that misses most takes
the next one. A group may be larger than what a small part should hold, so here the step
is the one that lessens most

    sum over parts p and classes k of (missing[p, k]^2 / share[p]),

in which a shortfall and an excess count alike, each by the size of its part.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellwright.data.csv_rows import csv_rows, table_text
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import ConfigError, DatasetError, LeakError
from cellwright.images.write import atomic_path
from cellwright.types import Boxes, Category, Instances

PARTS = ("train", "val", "test")

By = Literal["group", "image"]

Copies = Literal["alike", "equal"]
"""What counts as a copy of a picture: one that resembles it, or only one of equal pixels."""

UNIT_OF: dict[By, Callable[[Record], str]] = {
    "group": lambda record: record.group,
    "image": lambda record: record.id,
}


def class_counts(record: Record, n_classes: int) -> NDArray[np.float64]:
    """``(n_classes,)`` objects of each class in one record's annotation."""
    annotation = record.load_annotation()
    if isinstance(annotation, Boxes | Instances) and annotation.class_ids is not None:
        counts: NDArray[np.float64] = np.bincount(annotation.class_ids, minlength=n_classes).astype(
            np.float64
        )
        return counts
    if isinstance(annotation, Category):
        one: NDArray[np.float64] = np.eye(n_classes)[annotation.class_id]
        return one
    return np.zeros(n_classes)


def _check_ratios(ratios: Mapping[str, float]) -> None:
    unknown = set(ratios) - set(PARTS)
    if unknown or not ratios:
        raise ConfigError(
            f"unknown parts {sorted(unknown)}" if unknown else "no parts to split into",
            remedy=f"name parts out of {', '.join(PARTS)}",
        )
    total = sum(ratios.values())
    if min(ratios.values()) < 0 or not 0 < total < float("inf"):
        given = "/".join(f"{weight:g}" for weight in ratios.values())
        raise ConfigError(
            f"ratios must be finite and not below 0, with one above 0, not {given}",
            remedy="try 70/20/10",
        )


def split(
    labelled: LabelledSet, ratios: Mapping[str, float], *, seed: int = 0, by: By = "group"
) -> dict[str, str]:
    """Assign every record to a part.

    Args:
        labelled: the set; annotations are loaded once to count classes.
        ratios: weight a part, for instance ``{"train": 70, "val": 20, "test": 10}``.
        seed: same seed, same set, same split.
        by: what stays together.

    Returns:
        Part by record id, in record order.

    Raises:
        ConfigError: unknown parts or negative ratios.
        DatasetError: fewer groups than parts.
    """
    _check_ratios(ratios)
    parts = [part for part in PARTS if ratios.get(part, 0) > 0]
    share = np.array([ratios[part] for part in parts], float)
    share /= share.sum()

    members, rows = _units(labelled, by)
    if len(members) < len(parts):
        raise DatasetError(
            f"{len(members)} {by}s cannot fill {len(parts)} parts",
            where=labelled.name,
            remedy="label more groups, ask for fewer parts, or split by image",
        )
    placed = _place(list(members), rows, share, seed=seed)
    part_of = {name: parts[placed[unit]] for unit, names in members.items() for name in names}
    return {record.id: part_of[record.id] for record in labelled}


def _units(labelled: LabelledSet, by: By) -> tuple[dict[str, list[str]], NDArray[np.float64]]:
    """What is not torn apart.

    Returns:
        Record ids by unit; and float64 ``(U, K + 1)``, how much of each class a unit holds and, in
        the last column, how many images.
    """
    members: dict[str, list[str]] = defaultdict(list)
    n_columns = len(labelled.classes) + 1
    weight: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(n_columns))
    for record in labelled:
        unit = UNIT_OF[by](record)
        members[unit].append(record.id)
        weight[unit] += np.append(class_counts(record, len(labelled.classes)), 1.0)
    return members, np.array(list(weight.values())).reshape(len(weight), n_columns)


def _place(
    units: list[str], rows: NDArray[np.float64], share: NDArray[np.float64], *, seed: int
) -> dict[str, int]:
    """Part index of every unit: each goes where it lessens most what is missing."""
    total = np.maximum(rows.sum(axis=0), 1.0)
    relative = rows / total
    order = np.random.default_rng(seed).permutation(len(units))
    order = order[np.argsort(-relative[order].max(axis=1), kind="stable")]
    missing = np.outer(share, np.ones(rows.shape[1]))
    placed: dict[str, int] = {}
    empty = set(range(len(share)))
    for done, index in enumerate(order):
        # The last units go to parts that would otherwise stay empty.
        open_parts = sorted(empty) if len(order) - done <= len(empty) else list(range(len(share)))
        unit = relative[index]
        need = (2 * missing[open_parts] @ unit - unit @ unit) / share[open_parts]
        best = open_parts[int(np.argmax(need))]
        missing[best] -= relative[index]
        empty.discard(best)
        placed[units[index]] = best
    return placed


def split_folds(
    labelled: LabelledSet, n_folds: int, *, seed: int = 0, by: By = "group"
) -> dict[str, int]:
    """Assign every record to one of ``n_folds`` folds of like size and like classes.

    Whole groups stay in one fold; with ``by`` image the folds are stratified by class alone.

    Returns:
        Fold 0..n_folds - 1 by record id, in record order.

    Raises:
        ConfigError: fewer than two folds.
        DatasetError: a class that occurs in fewer groups than there are folds.
    """
    if n_folds < 2:
        raise ConfigError(f"{n_folds} folds are no cross-validation", remedy="use 5")
    members, rows = _units(labelled, by)
    present = (rows > 0).sum(axis=0)
    for name, count in zip((*labelled.classes, "image"), present, strict=True):
        if 0 < count < n_folds or (name == "image" and not count):
            raise DatasetError(
                f"the class {name!r} occurs in {count} {by}s, too few for {n_folds} folds",
                where=labelled.name,
                remedy=f"label more of it, leave it out, or ask for at most {max(2, count)} folds",
            )
    placed = _place(list(members), rows, np.full(n_folds, 1 / n_folds), seed=seed)
    fold_of = {name: placed[unit] for unit, names in members.items() for name in names}
    return {record.id: fold_of[record.id] for record in labelled}


def rotated(fold_of: Mapping[str, int], n_folds: int) -> list[dict[str, str]]:
    """One split a fold, in which the fold is ``test``, the next one ``val``, the rest ``train``.

    So every record is tested once, by a model that neither learned from it nor was chosen by it.

    Args:
        fold_of: fold 0..n_folds - 1 by record id, as :func:`split_folds` gives it.
        n_folds: how many there are.

    Raises:
        ConfigError: fewer than three folds, which leave none to learn from.

    >>> rotated({"a": 0, "b": 1, "c": 2}, 3)[2]
    {'a': 'val', 'b': 'train', 'c': 'test'}
    """
    if n_folds < 3:
        raise ConfigError(
            f"{n_folds} folds leave none to learn from: one is tested on, one chooses the epoch",
            remedy="use 3 or more, for instance 5",
        )
    part_at = {0: "test", 1: "val"}
    return [
        {name: part_at.get((fold - tested) % n_folds, "train") for name, fold in fold_of.items()}
        for tested in range(n_folds)
    ]


def check_split(labelled: LabelledSet, part_of: Mapping[str, str], *, by: By = "group") -> None:
    """Refuse a split in which a group stands on both sides, or a record is left out.

    Raises:
        DatasetError: records without a part.
        LeakError: a group in more than one part; the message names the first.
    """
    missing = [record.id for record in labelled if record.id not in part_of]
    if missing:
        raise DatasetError(
            f"{len(missing)} images have no part in the split, for instance {missing[0]!r}",
            where=labelled.name,
            remedy="make the split again with `cellwright data split`",
        )
    parts: dict[str, set[str]] = defaultdict(set)
    for record in labelled:
        parts[UNIT_OF[by](record)].add(part_of[record.id])
    torn = sorted(group for group, where in parts.items() if len(where) > 1)
    if torn:
        raise LeakError(
            f"{len(torn)} groups stand in more than one part, for instance {torn[0]!r} in "
            f"{' and '.join(sorted(parts[torn[0]]))}",
            where=labelled.name,
            remedy="split by group, or pass --allow-leak and say so in what you report",
        )


def given_split(labelled: LabelledSet) -> dict[str, str] | None:
    """The split the set's own layout carries, or None if any record lacks one."""
    parts = {record.id: record.split for record in labelled}
    if not parts or None in parts.values():
        return None
    return {name: str(part) for name, part in parts.items()}


def part(labelled: LabelledSet, part_of: Mapping[str, str], name: str) -> LabelledSet:
    """The records of one part.

    Raises:
        DatasetError: the part is empty.
    """
    ids = [record.id for record in labelled if part_of.get(record.id) == name]
    if not ids:
        if not any(record.id in part_of for record in labelled):
            raise DatasetError(
                "the split names none of these images",
                where=labelled.name,
                remedy="give the split file that was made for this set",
            )
        counts = ", ".join(f"{key} {n}" for key, n in sorted(Counter(part_of.values()).items()))
        raise DatasetError(f"part {name!r} holds no images (parts: {counts})", where=labelled.name)
    return labelled.subset(ids)


def write_split(
    path: Path, labelled: LabelledSet, part_of: Mapping[str, str], *, copies: Copies = "alike"
) -> None:
    """CSV with columns ``id, group, part``, in record order.

    Where only equal pixels were taken for copies a further column, ``copies``, says so.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(_table(labelled, part_of, copies))


def refuse_other_split(
    path: Path, labelled: LabelledSet, part_of: Mapping[str, str], *, copies: Copies = "alike"
) -> None:
    """Refuse to write this split over another file: figures may hang on that one.

    Raises:
        DatasetError: the file is there and holds something else.
    """
    if path.is_file() and path.read_bytes() != _table(labelled, part_of, copies):
        raise DatasetError(
            "this file is there already and holds another split; results made with it could not "
            "be made again",
            where=path,
            remedy="give --out another name, or remove the file first",
        )


def _table(labelled: LabelledSet, part_of: Mapping[str, str], copies: Copies) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    named = copies != "alike"
    writer.writerow(["id", "group", "part", *["copies"] * named])
    writer.writerows(
        [record.id, record.group, part_of[record.id], *[copies] * named] for record in labelled
    )
    return text.getvalue().encode()


def misfit(labelled: LabelledSet, part_of: Mapping[str, str]) -> str:
    """What of a split and of a set does not belong to the other, in words; empty if all does.

    >>> misfit(LabelledSet("cells", (), ()), {"a": "train"})
    '1 of 1 ids of the split are not in cells'
    """
    ids = {record.id for record in labelled}
    strange, left_out = len(part_of.keys() - ids), len(ids - part_of.keys())
    found = []
    if strange:
        found.append(f"{strange} of {len(part_of)} ids of the split are not in {labelled.name}")
    if left_out:
        found.append(f"{left_out} of {len(ids)} images of {labelled.name} have no part in it")
    return ", and ".join(found)


def read_split(path: Path) -> dict[str, str]:
    """Part by record id from a CSV written by :func:`write_split`, also by way of a spreadsheet.

    Raises:
        DatasetError: missing file or columns, a row without image, an unknown part, or an image in
            two parts.
    """
    rows = _rows_of_split(path)
    part_of: dict[str, str] = {}
    for row in rows:
        name, part = row.get("id", ""), row.get("part", "")
        if part not in PARTS:
            remedy = f"use one of: {', '.join(PARTS)}"
            raise DatasetError(f"unknown part {part!r}", where=path, remedy=remedy)
        if not name:
            raise DatasetError("a row names no image", where=path, remedy="complete or remove it")
        if part_of.setdefault(name, part) != part:
            raise DatasetError(
                f"{name!r} is listed twice, in {part_of[name]} and in {part}",
                where=path,
                remedy="leave one of the two lines",
            )
    return part_of


def copies_of(path: Path) -> Copies:
    """What counted as a copy when a split file was made.

    Raises:
        DatasetError: as :func:`read_split`.
    """
    return "equal" if _rows_of_split(path)[0].get("copies") == "equal" else "alike"


def _rows_of_split(path: Path) -> list[dict[str, str]]:
    remedy = "make it with `cellwright data split`"
    text = table_text(path, kind=DatasetError, remedy=remedy)
    rows = [row for _, row in csv_rows(text, ("id", "part"), where=path, kind=DatasetError)]
    if not rows:
        raise DatasetError("names no images", where=path, remedy=remedy)
    return rows
