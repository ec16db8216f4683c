"""Weights that know images which are to judge the new model are noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cellwright.bundles.card import TrainingRecord
from cellwright.data.formats import read_labelled
from cellwright.learning.config import DataConfig
from cellwright.learning.start_leaks import with_leaks_of
from cellwright.learning.starting_weights import Start
from cellwright.learning.training_data import Parts
from tiny_masks import write_discs

DATA = DataConfig(path=Path("labels"))
GIVEN = DataConfig(path=Path("labels"), split_file=Path("split.csv"))


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    labelled = read_labelled(write_discs(tmp_path, n_images=3, edge=32) / "masks")
    part_of = dict(zip((one.id for one in labelled), ("train", "val", "test"), strict=True))
    return Parts(labelled, labelled, labelled, None, part_of)


def start(*, data_checksum: str, learned_from: str) -> Start:
    record = TrainingRecord(
        data="discs", data_checksum=data_checksum, learned_from=learned_from, n_images=1
    )
    return Start({}, "parent (discs, CC0)", training=record)


def test_another_training_part_of_the_same_images_is_a_leak(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [record.id for record in parts.whole]
    other = replace(parts, part_of=dict(zip(ids, ("val", "train", "test"), strict=True)))
    begun = start(data_checksum=parts.data_checksum, learned_from=other.learned_from)
    found = with_leaks_of(begun, parts, DATA)
    assert len(found.leaks) == 1
    assert "parent (discs, CC0), learned from another training part" in found.leaks[0]
    assert "leaking split" in found.called("test part")
    assert "--split" in caplog.text


def test_the_same_part_and_other_images_are_none(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    same = start(data_checksum=parts.data_checksum, learned_from=parts.learned_from)
    for one in (same, start(data_checksum="f" * 64, learned_from="a" * 64), Start({}, "x"), None):
        assert with_leaks_of(one, parts, DATA) is parts
    assert not caplog.text


def test_an_older_card_is_doubted_unless_its_split_is_given(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    older = start(data_checksum=parts.data_checksum, learned_from="")
    assert with_leaks_of(older, parts, GIVEN) is parts
    assert not caplog.text
    assert with_leaks_of(older, parts, DATA) is parts
    assert "cannot be known" in caplog.text
