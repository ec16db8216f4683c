"""Copies of one picture end up in one part."""

from collections import Counter
from functools import partial

import numpy as np
import pytest

from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.data.likeness import folds_apart, joined_by_likeness, split_apart
from cellwright.images.write import write_png
from cellwright.types import Boxes

RATIOS = {"train": 60, "val": 20, "test": 20}


@pytest.fixture
def copied(tmp_path):
    """Twelve textured pictures, the first three also mirrored under other names."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (1, 16, 16)).repeat(4, 1).repeat(4, 2) for _ in range(12)]
    pictures += [picture[:, :, ::-1] for picture in pictures[:3]]
    records = []
    for index, picture in enumerate(pictures):
        path = tmp_path / f"{index:02d}.png"
        write_png(path, np.ascontiguousarray(picture.astype(np.uint8)))
        boxes = Boxes(np.array([[0, 0, 5, 5]]), np.array([0]))
        records.append(Record(path.stem, path, partial(_given, boxes), group=f"g{index % 6}"))
    return LabelledSet("copied", ("cell",), tuple(records))


def _given(boxes):
    return boxes


def test_groups_with_copies_become_one(copied):
    group_of = {record.id: record.group for record in joined_by_likeness(copied, by="image")}
    for index in range(3):
        assert group_of[f"{index:02d}"] == group_of[f"{index + 12:02d}"]
    assert len(set(group_of.values())) == 12


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("by", ["image", "group"])
def test_no_copy_crosses_a_split(copied, seed, by):
    part_of = split_apart(copied, RATIOS, seed=seed, by=by)
    for index in range(3):
        assert part_of[f"{index:02d}"] == part_of[f"{index + 12:02d}"]
    if by == "group":
        parts = {}
        for record in copied:
            parts.setdefault(record.group, set()).add(part_of[record.id])
        assert all(len(found) == 1 for found in parts.values())


def test_no_copy_crosses_a_fold(copied):
    for part_of in folds_apart(copied, 3, seed=1, by="image"):
        assert Counter(part_of.values()) == {"train": 5, "val": 5, "test": 5}
        for index in range(3):
            assert part_of[f"{index:02d}"] == part_of[f"{index + 12:02d}"]
