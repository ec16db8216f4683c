"""Copies of one picture end up in one part."""

from collections import Counter
from functools import partial
from itertools import product

import cv2
import numpy as np
import pytest

from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.data.likeness import folds_joined, joined_by_likeness, split_apart, split_joined
from cellwright.errors import DatasetError
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
    joined = joined_by_likeness(copied, by="image")
    group_of = {record.id: record.group for record in joined.labelled}
    assert [(pair.first, pair.second) for pair in joined.pairs] == [
        ("00", "12"),
        ("01", "13"),
        ("02", "14"),
    ]
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
    for part_of in folds_joined(joined_by_likeness(copied, by="image"), 3, seed=1):
        assert Counter(part_of.values()) == {"train": 5, "val": 5, "test": 5}
        for index in range(3):
            assert part_of[f"{index:02d}"] == part_of[f"{index + 12:02d}"]


@pytest.fixture
def rimmed(tmp_path):
    """Other cells in wells whose rims all images show; the last image is the first once more."""
    records = []
    for index in (*range(9), 0):
        rng = np.random.default_rng(index)
        picture = np.full((256, 256), 60, np.float32)
        for row, column in product((32, 96, 160, 224), repeat=2):
            cv2.circle(picture, (column, row), 26, 180, 2)
        for _ in range(20):
            cv2.circle(picture, rng.integers(0, 256, 2).tolist(), 3, 130, -1)
        path = tmp_path / f"{len(records)}.png"
        write_png(path, picture.astype(np.uint8)[None])
        boxes = Boxes(np.array([[0, 0, 5, 5]]), np.array([0]))
        records.append(Record(path.stem, path, partial(_given, boxes), group=path.stem))
    return LabelledSet("rimmed", ("cell",), tuple(records))


def test_a_split_that_likeness_makes_impossible_says_so(rimmed):
    with pytest.raises(DatasetError, match="10 images that resemble one another") as caught:
        split_apart(rimmed, RATIOS)
    assert "--copies equal" in caught.value.remedy
    with pytest.raises(DatasetError, match="10 images that resemble one another"):
        folds_joined(joined_by_likeness(rimmed), 3)


def test_only_equal_pixels_are_copies_where_likeness_says_nothing(rimmed):
    joined = joined_by_likeness(rimmed, copies="equal")
    part_of = split_joined(joined, RATIOS)
    assert joined.image_ids == ("0", "9")
    assert part_of["0"] == part_of["9"]
    assert set(part_of.values()) == set(RATIOS)


def test_too_few_groups_without_copies_blame_no_copies(copied):
    few = copied.subset(["00", "01"])
    with pytest.raises(DatasetError, match="2 groups cannot fill 3 parts") as caught:
        split_apart(few, RATIOS)
    assert "resemble" not in str(caught.value)
