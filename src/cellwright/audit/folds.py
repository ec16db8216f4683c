"""Which model judges which image: one that did not learn from it.

A model that learned from an image has learned its labels too, wrong ones included, and will
not contradict them. So each image goes to the model to which it is the most unknown: one
whose run kept it as test, or did not hold it at all; else one that chose its thresholds on
it (validation). An image from which every model learned is judged only when asked, and says
so (:data:`~cellwright.audit.suspects.Seen`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cellwright.audit.suspects import Seen
from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.data.checksum import checksum, checksum_of_ids
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import read_split
from cellwright.errors import ConfigError, DatasetError

SPLIT_FILE = "split.csv"
"""What a training run calls its split."""

SeenImages = Literal["skip", "include"]
"""What to do with images that every model learned from."""

_SEEN_AS: dict[str | None, Seen] = {
    "test": "no",
    None: "no",
    "val": "validation",
    "train": "training",
}
_ORDER: tuple[Seen, ...] = ("no", "validation", "training")


@dataclass(frozen=True)
class Fold:
    """A model and the split of its training.

    Attributes:
        bundle: the model.
        split_file: CSV of ids and parts; None where there is none.
    """

    bundle: Bundle
    split_file: Path | None = None


@dataclass(frozen=True)
class Assignment:
    """The images of a set by the model that judges them.

    Attributes:
        of_fold: for each fold, the images it judges, and what it knew of each.
        left_out: ids of images that every model learned from.
    """

    of_fold: tuple[tuple[LabelledSet, dict[str, Seen]], ...]
    left_out: tuple[str, ...]


def read_folds(text: str) -> list[Fold]:
    """Models out of ``BUNDLE``, ``BUNDLE:SPLIT``, or a folder of training runs.

    Raises:
        ConfigError: a folder without runs, or a split file that is not there.
        BundleError: a bundle that cannot be opened.
    """
    path = Path(text)
    if path.is_dir():
        return _runs_below(path)
    name, colon, split = text.rpartition(":")
    if colon and not path.exists() and len(name) > 1:
        if not Path(split).is_file():
            raise ConfigError(
                f"there is no split file {split!r}", where=text, remedy="write BUNDLE:SPLIT"
            )
        return [Fold(open_bundle(name), Path(split))]
    return [Fold(open_bundle(text))]


def _runs_below(folder: Path) -> list[Fold]:
    """One fold a run: a folder with a bundle and its split."""
    folders = [folder, *sorted(one for one in folder.iterdir() if one.is_dir())]
    runs = [one for one in folders if (one / SPLIT_FILE).is_file()]
    folds = []
    for run in runs:
        bundles = sorted(run.glob("*.cellwright"))
        if len(bundles) != 1:
            raise ConfigError(
                f"holds {len(bundles)} bundles beside {SPLIT_FILE}, not one",
                where=run,
                remedy="finish the run, or name models one by one with --fold BUNDLE:SPLIT",
            )
        folds.append(Fold(open_bundle(bundles[0]), run / SPLIT_FILE))
    if not folds:
        raise ConfigError(
            f"holds no training runs: no folder with a bundle and {SPLIT_FILE}", where=folder
        )
    return folds


def check_alike(folds: Sequence[Fold]) -> None:
    """Refuse models of different tasks or classes: their suspects could not be ranked together.

    Raises:
        ConfigError: as said.
    """
    first = folds[0].bundle.card
    for fold in folds:
        card = fold.bundle.card
        if (card.task, card.classes) != (first.task, first.classes):
            raise ConfigError(
                f"{card.name} is a {card.task} model of {', '.join(card.classes)}, but "
                f"{first.name} a {first.task} model of {', '.join(first.classes)}",
                remedy="audit with models of one task and the same classes",
            )


def assign(
    folds: Sequence[Fold],
    whole: LabelledSet,
    wanted: LabelledSet,
    *,
    seen_images: SeenImages = "skip",
) -> Assignment:
    """Give every image of ``wanted`` to the model that knows it least, earlier ones first.

    Args:
        folds: the models.
        whole: the set that the splits are of.
        wanted: the images to audit.
        seen_images: what to do with images that every model learned from.

    Raises:
        DatasetError: a split names none of the images, or all were learned from.
    """
    number = checksum(whole)
    parts = [_seen_by(fold, whole, number) for fold in folds]
    chosen: list[dict[str, Seen]] = [{} for _ in folds]
    left_out = []
    for record in wanted:
        best = min(
            range(len(folds)), key=lambda index: (_ORDER.index(parts[index][record.id]), index)
        )
        seen = parts[best][record.id]
        if seen == "training" and seen_images == "skip":
            left_out.append(record.id)
        else:
            chosen[best][record.id] = seen
    if not any(chosen):
        raise DatasetError(
            f"the models may have learned from all of the {len(wanted)} images, so they would "
            "repeat the labels instead of judging them",
            where=whole.name,
            remedy="give --split with the split file of the training, models of other folds "
            "(--fold BUNDLE:SPLIT), or --seen include to audit all the same",
        )
    return Assignment(tuple((wanted.subset(list(seen)), seen) for seen in chosen), tuple(left_out))


def _seen_by(fold: Fold, whole: LabelledSet, number: str) -> dict[str, Seen]:
    """What a model knew of each image of the set."""
    training = fold.bundle.card.training
    same_set = bool(training.data_checksum) and training.data_checksum == number
    if fold.split_file is None:
        return {record.id: "training" if same_set else "no" for record in whole}
    part_of = read_split(fold.split_file)
    if not any(record.id in part_of for record in whole):
        raise DatasetError(
            f"names none of the images of {whole.name}",
            where=fold.split_file,
            remedy="give the split file of this model's training",
        )
    learned = [
        record.id
        for record in whole
        if part_of.get(record.id) == "train" and record.load_annotation() is not None
    ]
    if same_set and len(learned) != training.n_images:
        told = f"it trains on {len(learned)} images, the model learned from {training.n_images}"
    elif same_set and training.learned_from not in ("", _checksum_of_part(whole, part_of)):
        told = "it trains on other images than the model learned from"
    else:
        return {record.id: _SEEN_AS[part_of.get(record.id)] for record in whole}
    raise DatasetError(
        f"is not the split of {fold.bundle.card.name}: {told}",
        where=fold.split_file,
        remedy="give the split file of this model's training",
    )


def _checksum_of_part(whole: LabelledSet, part_of: Mapping[str, str]) -> str:
    """Of what a card keeps as ``learned_from``: the training part, labelled or not."""
    return checksum_of_ids(record.id for record in whole if part_of.get(record.id) == "train")
