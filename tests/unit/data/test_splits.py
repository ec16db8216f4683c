"""Splits: groups stay whole, ratios and classes are kept, files go there and back."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.data.formats.layout import Known
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.data.splits import (
    check_split,
    class_counts,
    copies_of,
    given_split,
    misfit,
    part,
    read_split,
    refuse_other_split,
    rotated,
    split,
    split_folds,
    write_split,
)
from cellwright.errors import ConfigError, DatasetError, LeakError
from cellwright.types import Boxes, Category

RATIOS = {"train": 70, "val": 20, "test": 10}


def _boxes(class_ids):
    xyxy = np.tile(np.array([0, 0, 1, 1], np.float32), (len(class_ids), 1))
    return Boxes(xyxy, np.array(class_ids, np.int64))


def a_set(groups, classes_of=lambda _: [0], n_classes=2, parts=None):
    records = [
        Record(
            id=f"{index:03d}",
            image_path=Path(f"{index:03d}.png"),
            load_annotation=partial(_boxes, classes_of(index)),
            group=group,
            split=None if parts is None else parts[index],
        )
        for index, group in enumerate(groups)
    ]
    return LabelledSet("made", tuple(f"c{k}" for k in range(n_classes)), tuple(records))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=20, max_size=80), st.integers(0, 5))
def test_no_group_is_torn_and_no_record_lost(groups, seed):
    labelled = a_set([f"g{g}" for g in groups])
    if len(set(groups)) < 3:
        return
    part_of = split(labelled, RATIOS, seed=seed)
    check_split(labelled, part_of)
    assert set(part_of) == {record.id for record in labelled}
    assert set(part_of.values()) == {"train", "val", "test"}


def test_ratios_are_kept_and_rare_classes_reach_every_part():
    # Every tenth image holds the rare class.
    labelled = a_set(
        [f"g{i}" for i in range(200)], classes_of=lambda i: [0, 0, 0] + [1] * (i % 10 == 0)
    )
    part_of = split(labelled, RATIOS, seed=3)
    counts = Counter(part_of.values())
    assert counts["train"] == pytest.approx(140, abs=2)
    assert counts["val"] == pytest.approx(40, abs=2)
    rare = Counter(part_of[record.id] for record in labelled if class_counts(record, 2)[1] > 0)
    assert rare == {"train": 14, "val": 4, "test": 2}


def test_the_seed_decides():
    labelled = a_set([f"g{i}" for i in range(60)])
    assert split(labelled, RATIOS, seed=1) == split(labelled, RATIOS, seed=1)
    assert split(labelled, RATIOS, seed=1) != split(labelled, RATIOS, seed=2)


def test_by_image_ignores_groups():
    labelled = a_set(["one"] * 10)
    with pytest.raises(DatasetError, match="cannot fill"):
        split(labelled, RATIOS)
    assert Counter(split(labelled, RATIOS, by="image").values())["train"] == 7


@pytest.mark.parametrize(
    "ratios",
    [
        *({}, {"train": -1}, {"training": 1}, {"train": 0}),
        *({"train": float("nan"), "val": 1}, {"train": 1, "val": float("nan")}),
        {"train": float("inf"), "val": 1},
    ],
)
def test_bad_ratios_are_refused(ratios):
    with pytest.raises(ConfigError):
        split(a_set(["a", "b"]), ratios)


def test_a_torn_group_is_a_leak_that_names_the_group():
    labelled = a_set(["a", "a", "b"])
    with pytest.raises(LeakError, match="'a' in test and train"):
        check_split(labelled, {"000": "train", "001": "test", "002": "train"})


def test_a_record_without_part_is_named():
    with pytest.raises(DatasetError, match="'001'"):
        check_split(a_set(["a", "b"]), {"000": "train"})


def test_the_layouts_own_split_counts_only_if_complete():
    assert given_split(a_set(["a", "b"], parts=["train", None])) is None
    assert given_split(a_set(["a", "b"], parts=["train", "val"])) == {"000": "train", "001": "val"}


def test_an_empty_part_says_what_there_is():
    labelled = a_set(["a", "b"])
    with pytest.raises(DatasetError, match="train 2"):
        part(labelled, {"000": "train", "001": "train"}, "val")


def test_the_split_of_another_set_is_told_as_such():
    with pytest.raises(DatasetError, match="names none of these images"):
        part(a_set(["a", "b"]), {"other": "test"}, "test")


def test_written_and_read_again(tmp_path):
    labelled = a_set(["a", "b", "ä,\n"])
    part_of = {"000": "train", "001": "val", "002": "test"}
    write_split(tmp_path / "split.csv", labelled, part_of)
    assert read_split(tmp_path / "split.csv") == part_of
    assert copies_of(tmp_path / "split.csv") == "alike"


def test_a_split_file_says_where_only_equal_pixels_were_copies(tmp_path):
    labelled, part_of = a_set(["a", "b"]), {"000": "train", "001": "val"}
    write_split(tmp_path / "split.csv", labelled, part_of, copies="equal")
    assert copies_of(tmp_path / "split.csv") == "equal"
    assert read_split(tmp_path / "split.csv") == part_of
    refuse_other_split(tmp_path / "split.csv", labelled, part_of, copies="equal")
    with pytest.raises(DatasetError, match="holds another split"):
        refuse_other_split(tmp_path / "split.csv", labelled, part_of)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id;part\n1;train\n", "separated by ';'"),
        ("", "'id' is missing"),
        ("id,part\n", "names no images"),
        ("id,part\n1\n", "unknown part ''"),
        ("part,id\ntrain\n", "a row names no image"),
        ('id,part\na,"train\nb,test\n', "quotation mark that is not closed"),
        ("id,part\n1,holdout\n", "holdout"),
        ("a,b\n1,2\n", "'id' is missing"),
    ],
)
def test_a_bad_split_file_is_explained(tmp_path, text, said):
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=said):
        read_split(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_split(tmp_path / "missing.csv")


def test_a_split_that_went_through_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "split.csv"
    path.write_bytes("\ufeffid,group,part\r\nä,g,train\r\n".encode())
    assert read_split(path) == {"ä": "train"}


def test_an_image_in_two_parts_is_refused(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text("id,part\na,train\nb,val\nb,val\na,test\n")
    with pytest.raises(DatasetError, match="'a' is listed twice, in train and in test"):
        read_split(path)


def test_a_line_that_ends_early_is_told(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text("id,part\na,trian\nb\n")
    with pytest.raises(DatasetError, match="'trian'; use one of: train, val, test"):
        read_split(path)
    path.write_text("id,part\nb\na,trian\n")
    with pytest.raises(DatasetError, match="unknown part ''"):
        read_split(path)


def test_what_does_not_belong_together_is_counted():
    labelled = a_set(["a", "b", "c"])
    part_of = {"000": "train", "001": "val", "x": "val", "y": "test"}
    assert misfit(labelled, part_of) == (
        f"2 of 4 ids of the split are not in {labelled.name}, "
        f"and 1 of 3 images of {labelled.name} have no part in it"
    )
    assert misfit(labelled, {record.id: "train" for record in labelled}) == ""


def classified(classes: Sequence[int], groups: Sequence[str] | None = None) -> LabelledSet:
    names = [f"i{index:03d}" for index in range(len(classes))]
    groups = groups or names
    records = [
        Record(name, Path("x.png"), Known(Category(one)), group)
        for name, one, group in zip(names, classes, groups, strict=True)
    ]
    return LabelledSet("set", ("a", "b", "c"), tuple(records))


def test_folds_are_stratified_as_scikit_learn_would():
    labelled = classified([0] * 50 + [1] * 23 + [2] * 7)
    fold_of = split_folds(labelled, 5, seed=3, by="image")
    table = np.zeros((5, 3), int)
    for record in labelled:
        table[fold_of[record.id], record.load_annotation().class_id] += 1
    assert table.min(axis=0).tolist() == [10, 4, 1]
    assert table.max(axis=0).tolist() == [10, 5, 2]
    assert fold_of == split_folds(labelled, 5, seed=3, by="image")
    assert fold_of != split_folds(labelled, 5, seed=4, by="image")


def test_folds_keep_groups_whole():
    groups = [f"patient{index // 4}" for index in range(80)]
    labelled = classified([index % 3 for index in range(80)], groups)
    fold_of = split_folds(labelled, 5)
    for group in set(groups):
        assert len({fold_of[one.id] for one in labelled if one.group == group}) == 1
    assert np.bincount(list(fold_of.values())).tolist() == [16] * 5


def test_a_class_too_rare_for_the_folds_is_refused():
    with pytest.raises(DatasetError, match="'c' occurs in 4 images"):
        split_folds(classified([0] * 20 + [2] * 4), 5, by="image")
    with pytest.raises(ConfigError):
        split_folds(classified([0] * 20), 1)


@pytest.mark.parametrize(
    ("n_groups", "size", "largest_error"),
    [(20, 10, 0.06), (12, 8, 0.06), (500, 1, 0.005), (100, 3, 0.02)],
)
def test_parts_are_as_large_as_asked(n_groups, size, largest_error):
    """Also where a group is larger than what the smallest part still misses."""
    ratios = {"train": 70, "val": 20, "test": 10}
    records = tuple(
        Record(
            f"{group}-{number}",
            Path("none.png"),
            Known(Category((group + number) % 4)),
            group=str(group),
        )
        for group in range(n_groups)
        for number in range(size)
    )
    labelled = LabelledSet("set", ("a", "b", "c", "d"), records)
    shares = np.zeros(3)
    for seed in range(10):
        counts = Counter(split(labelled, ratios, seed=seed).values())
        shares += [counts[part] / len(records) / 10 for part in ("train", "val", "test")]
    assert np.abs(shares - [0.7, 0.2, 0.1]).max() <= largest_error


def test_two_folds_leave_none_to_learn_from():
    with pytest.raises(ConfigError, match="leave none to learn from"):
        rotated({"a": 0, "b": 1}, 2)
