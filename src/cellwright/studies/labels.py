"""A user's labelled images in place of a study's own: a folder, or a public set by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cellwright.data.datasets import DATASETS, load_dataset
from cellwright.data.formats import read_labelled
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import By, given_split
from cellwright.errors import DatasetError
from cellwright.learning.config import DataConfig

LEAST_GROUPS = 20
"""With fewer, a split by group leaves parts of a few recordings that resemble nothing else."""

Ratios = dict[Literal["train", "val", "test"], float]


def labels_config(
    data: str, *, ratios: Ratios | None = None, least_groups: int = LEAST_GROUPS
) -> DataConfig:
    """How to split ``data``: as its layout says, else by group, or by image of few groups.

    Near-duplicates stay in one part either way.

    Args:
        data: a folder of labels, or the name of a public set.
        ratios: of the parts where the layout names none; by default 70/20/10.
        least_groups: with fewer groups, images are split.

    Raises:
        DatasetError: neither a folder nor a public set.
    """
    labelled = load_set(data)
    is_folder = Path(data).exists()
    source = DataConfig(path=Path(data).resolve()) if is_folder else DataConfig(dataset=data)
    if given_split(labelled) is not None:
        return source
    by: By = "group" if len({record.group for record in labelled}) >= least_groups else "image"
    return source.model_copy(update={"by": by, "ratios": ratios})


def load_set(data: str) -> LabelledSet:
    """The images of a folder of labels, or of a public set by its name.

    Raises:
        DatasetError: neither.
    """
    if Path(data).exists():
        return read_labelled(Path(data))
    if data in DATASETS:
        return load_dataset(data)
    raise DatasetError(
        "there is no such folder, and no public set of that name",
        where=data,
        remedy=f"give a folder of labelled images, or one of: {', '.join(sorted(DATASETS))}",
    )
