"""Where the commands get labelled images from: a folder, or a public set by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cellwright.cli.console import say
from cellwright.errors import ConfigError, DatasetError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cellwright.bundles.card import Card
    from cellwright.data.labelled_set import LabelledSet


def open_labelled(
    source: str, *, format_name: str | None, damaged: Literal["refuse", "keep"] = "refuse"
) -> LabelledSet:
    """The labelled set in the folder ``source``, or the public set of that name.

    Args:
        source: folder or name.
        format_name: of its labels; None where the layout tells it.
        damaged: what becomes of damaged labels in a folder: see ``read_labelled``.

    Raises:
        DatasetError: neither a folder nor a known set, or its layout cannot be told.
        UnknownNameError: no such format.
    """
    from cellwright.data.datasets import DATASETS, load_dataset
    from cellwright.data.formats import read_labelled

    if Path(source).exists():
        return read_labelled(Path(source), format=format_name, damaged=damaged)
    if source in DATASETS:
        return load_dataset(source)
    raise DatasetError(
        "there is no such folder, and no public set of that name",
        where=source,
        remedy=f"{did_you_mean(source, DATASETS)}give a folder of labelled images, or one of: "
        f"{', '.join(sorted(DATASETS))}",
    )


def only_part(
    labelled: LabelledSet,
    name: Literal["all", "train", "val", "test"],
    *,
    split_file: Path | None,
) -> LabelledSet:
    """The part ``name`` of the set, by a split file or by the set's own layout.

    A split file and a set that do not fit each other are remarked upon.

    Raises:
        ConfigError: a split file, but no part chosen.
        DatasetError: the set knows no parts, or the part is empty.
    """
    from cellwright.data.splits import misfit

    if name == "all":
        if split_file is not None:
            raise ConfigError("--split is given, but no part", remedy="add --part test")
        return labelled
    chosen = another_part(labelled, name, split_file=split_file)
    if split_file is not None and (remark := misfit(labelled, _part_of(labelled, split_file))):
        say(f"warning: {split_file}: {remark}; the others are used")
    return chosen


def another_part(labelled: LabelledSet, name: str, *, split_file: Path | None) -> LabelledSet:
    """As :func:`only_part`, without a second remark on the split.

    Raises:
        DatasetError: the set knows no parts, or the part is empty.
    """
    from cellwright.data.splits import part

    return part(labelled, _part_of(labelled, split_file), name)


def parts_of(labelled: LabelledSet, *, split_file: Path | None) -> set[str]:
    """Names of the parts that hold images, by a split file or by the set's own layout.

    Raises:
        DatasetError: the set knows no parts.
    """
    part_of = _part_of(labelled, split_file)
    return {part_of[record.id] for record in labelled if record.id in part_of}


def part_in_words(labelled: LabelledSet, name: str) -> str:
    """What figures on the part ``name`` of the set are of, for a card or a table."""
    words = {"all": "all images", "train": "training part", "val": "validation part"}
    return f"{labelled.name}, {words.get(name, f'{name} part')}"


def only_reported(
    labelled: LabelledSet, chosen_by: str, *, split_file: Path | None
) -> dict[str, LabelledSet]:
    """The test part by its words, where the part ``chosen_by`` is val and there is one.

    Raises:
        DatasetError: the set knows no parts.
    """
    if chosen_by != "val" or "test" not in parts_of(labelled, split_file=split_file):
        return {}
    test = another_part(labelled, "test", split_file=split_file)
    return {part_in_words(labelled, "test"): test}


def _part_of(labelled: LabelledSet, split_file: Path | None) -> Mapping[str, str]:
    from cellwright.data.splits import given_split, read_split

    part_of = given_split(labelled) if split_file is None else read_split(split_file)
    if part_of is None:
        raise DatasetError(
            "the labels do not say which image belongs to which part",
            where=labelled.name,
            remedy="add --split FILE, written by `cellwright data split` or by the training run",
        )
    return part_of


def seen_in_training(
    card: Card, whole: LabelledSet, labelled: LabelledSet, *, split_file: Path | None
) -> bool:
    """Whether the model of ``card`` may have learned from images of ``labelled``.

    It cannot where the model was made from another set than ``whole``, or where the split
    file is that of its training and ``labelled`` lies outside the training part.
    """
    from cellwright.data.checksum import checksum, checksum_of_ids
    from cellwright.data.splits import read_split

    training = card.training
    if not training.data_checksum or training.data_checksum != checksum(whole):
        return False
    if split_file is None:
        return True
    part_of = read_split(split_file)
    ids = [record.id for record in whole if part_of.get(record.id) == "train"]
    if training.learned_from and training.learned_from != checksum_of_ids(ids):
        return True
    # Images that nobody labelled stand in the split, but are not learned from.
    learned = {
        record.id
        for record in whole
        if part_of.get(record.id) == "train" and record.load_annotation() is not None
    }
    another = not training.learned_from and len(learned) != training.n_images
    return another or any(one.id in learned for one in labelled)
