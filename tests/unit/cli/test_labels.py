from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.bundles.card import (
    Card,
    Decoding,
    DenseBoxes,
    GraphEntry,
    InputSpec,
    TrainingRecord,
)
from cellwright.cli.labels import only_part, only_reported, open_labelled, seen_in_training
from cellwright.data.checksum import checksum, checksum_of_ids
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import ConfigError, DatasetError
from tiny_cells import write_cells

PARTS = ("train", "train", "val", "test")


@pytest.fixture
def labelled(tmp_path: Path) -> LabelledSet:
    return open_labelled(str(write_cells(tmp_path / "set", n_images=4)), format_name=None)


@pytest.fixture
def split_file(labelled: LabelledSet, tmp_path: Path) -> Path:
    path = tmp_path / "split.csv"
    rows = [f"{one.id},{one.group},{part}" for one, part in zip(labelled, PARTS, strict=True)]
    path.write_text("\n".join(["id,group,part", *rows]))
    return path


def card(*, data_checksum: str, n_images: int) -> Card:
    return Card(
        name="tiny",
        task="detection",
        classes=("large", "small"),
        licence="Apache-2.0",
        input=InputSpec(channels=1),
        decoding=Decoding(output=DenseBoxes(strides=(8,))),
        training=TrainingRecord(data="tiny", data_checksum=data_checksum, n_images=n_images),
        graphs=(GraphEntry(file="graphs/fp32.onnx", sha256="0" * 64),),
    )


def test_a_source_that_is_neither_folder_nor_set_names_the_sets(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="bccd_blood_cells"):
        open_labelled(str(tmp_path / "nowhere"), format_name=None)


def test_a_part_is_chosen_by_the_split_file(labelled: LabelledSet, split_file: Path) -> None:
    chosen = only_part(labelled, "train", split_file=split_file)
    assert [one.id for one in chosen] == [one.id for one in labelled][:2]
    assert only_part(labelled, "all", split_file=None) is labelled


def test_a_split_file_needs_a_part_and_a_part_a_split(
    labelled: LabelledSet, split_file: Path
) -> None:
    with pytest.raises(ConfigError, match="--part test"):
        only_part(labelled, "all", split_file=split_file)
    with pytest.raises(DatasetError, match="--split FILE"):
        only_part(labelled, "test", split_file=None)


def test_evaluating_on_the_training_set_is_noticed(labelled: LabelledSet, split_file: Path) -> None:
    test_part = only_part(labelled, "test", split_file=split_file)
    train_part = only_part(labelled, "train", split_file=split_file)
    own = card(data_checksum=checksum(labelled), n_images=2)
    elsewhere = card(data_checksum="f" * 64, n_images=2)
    another_split = card(data_checksum=checksum(labelled), n_images=3)

    assert not seen_in_training(elsewhere, labelled, labelled, split_file=None)
    assert seen_in_training(own, labelled, labelled, split_file=None)
    assert seen_in_training(own, labelled, test_part, split_file=None)
    assert not seen_in_training(own, labelled, test_part, split_file=split_file)
    assert seen_in_training(own, labelled, train_part, split_file=split_file)
    assert seen_in_training(another_split, labelled, test_part, split_file=split_file)


def test_a_split_that_does_not_fit_the_set_is_remarked_upon_once(
    labelled: LabelledSet, split_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only_part(labelled, "val", split_file=split_file)
    assert capsys.readouterr().err == ""

    lines = split_file.read_text().splitlines()
    split_file.write_text("\n".join([lines[0], *lines[2:], "strange,strange,test"]))
    only_part(labelled, "val", split_file=split_file)
    only_reported(labelled, "val", split_file=split_file)
    name = labelled.name
    assert capsys.readouterr().err == (
        f"warning: {split_file}: 1 of 4 ids of the split are not in {name}, and 1 of 4 images of "
        f"{name} have no part in it; the others are used\n"
    )


def test_the_ids_it_learned_from_count_for_more_than_their_number(
    labelled: LabelledSet, split_file: Path
) -> None:
    ids = [one.id for one in labelled]
    test_part = only_part(labelled, "test", split_file=split_file)

    def learned(names: list[str], n_images: int) -> Card:
        own = card(data_checksum=checksum(labelled), n_images=n_images)
        record = own.training.model_copy(update={"learned_from": checksum_of_ids(names)})
        return own.model_copy(update={"training": record})

    assert seen_in_training(learned(ids[2:], 2), labelled, test_part, split_file=split_file)
    squares = learned(ids[:2], 40)
    assert not seen_in_training(squares, labelled, test_part, split_file=split_file)
