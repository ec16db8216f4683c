from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from blob_model import discs, write_blob_model
from cellwright.audit.folds import Fold, assign, check_alike, read_folds
from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.data.checksum import checksum, checksum_of_ids
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import BundleError, ConfigError, DatasetError


@pytest.fixture(scope="module")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blob_model(tmp_path_factory.mktemp("bundle") / "blobs.cellwright")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> LabelledSet:
    return discs(tmp_path_factory.mktemp("set"), n_images=4)


def split_file(path: Path, labelled: LabelledSet, parts: str) -> Path:
    words = {"t": "train", "v": "val", "s": "test"}
    pairs = zip(labelled, parts, strict=True)
    rows = [f"{one.id},{one.group},{words[key]}" for one, key in pairs if key != "-"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["id,group,part", *rows]))
    return path


def trained_on(bundle: Bundle, labelled: LabelledSet, n_images: int) -> Bundle:
    training = bundle.card.training.model_copy(
        update={"data_checksum": checksum(labelled), "n_images": n_images}
    )
    return replace(bundle, card=bundle.card.model_copy(update={"training": training}))


def test_each_image_goes_to_the_model_that_knows_it_least(
    bundle_path: Path, labelled: LabelledSet, tmp_path: Path
) -> None:
    bundle = open_bundle(bundle_path)
    folds = [
        Fold(bundle, split_file(tmp_path / "a.csv", labelled, "ttvs")),
        Fold(bundle, split_file(tmp_path / "b.csv", labelled, "t-st")),
    ]
    names = [one.id for one in labelled]
    shares = assign(folds, labelled, labelled, seen_images="include")
    assert [seen for _, seen in shares.of_fold] == [
        {names[0]: "training", names[3]: "no"},
        {names[1]: "no", names[2]: "no"},
    ]
    assert [one.id for one in shares.of_fold[0][0]] == [names[0], names[3]]
    skipped = assign(folds, labelled, labelled)
    assert skipped.left_out == (names[0],)
    assert names[0] not in skipped.of_fold[0][1]


def test_a_validation_image_is_judged_and_says_so(
    bundle_path: Path, labelled: LabelledSet, tmp_path: Path
) -> None:
    fold = Fold(open_bundle(bundle_path), split_file(tmp_path / "a.csv", labelled, "tttv"))
    shares = assign([fold], labelled, labelled)
    assert list(shares.of_fold[0][1].values()) == ["validation"]


def test_a_model_of_this_very_set_needs_its_split(
    bundle_path: Path, labelled: LabelledSet, tmp_path: Path
) -> None:
    bundle = trained_on(open_bundle(bundle_path), labelled, 2)
    with pytest.raises(DatasetError, match="--split"):
        assign([Fold(bundle)], labelled, labelled)
    shares = assign([Fold(bundle)], labelled, labelled, seen_images="include")
    assert set(shares.of_fold[0][1].values()) == {"training"}
    fold = Fold(bundle, split_file(tmp_path / "a.csv", labelled, "ttvs"))
    assert len(assign([fold], labelled, labelled).of_fold[0][0]) == 2
    other = Fold(bundle, split_file(tmp_path / "b.csv", labelled, "tsvs"))
    with pytest.raises(DatasetError, match="is not the split of blobs"):
        assign([other], labelled, labelled)


def test_the_split_of_another_fold_of_equal_size_is_refused(
    bundle_path: Path, labelled: LabelledSet, tmp_path: Path
) -> None:
    names = [one.id for one in labelled]
    bundle = trained_on(open_bundle(bundle_path), labelled, 2)
    training = bundle.card.training.model_copy(update={"learned_from": checksum_of_ids(names[:2])})
    knowing = replace(bundle, card=bundle.card.model_copy(update={"training": training}))
    own = Fold(knowing, split_file(tmp_path / "a.csv", labelled, "ttss"))
    assert list(assign([own], labelled, labelled).of_fold[0][1]) == names[2:]
    other = Fold(knowing, split_file(tmp_path / "b.csv", labelled, "sstt"))
    with pytest.raises(DatasetError, match="other images than the model learned from"):
        assign([other], labelled, labelled)


def test_a_model_of_another_set_may_judge_everything(
    bundle_path: Path, labelled: LabelledSet
) -> None:
    shares = assign([Fold(open_bundle(bundle_path))], labelled, labelled)
    assert set(shares.of_fold[0][1].values()) == {"no"}


def test_a_split_of_other_images_is_refused(
    bundle_path: Path, labelled: LabelledSet, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,group,part\nother,other,test\n")
    with pytest.raises(DatasetError, match="names none of the images of discs"):
        assign([Fold(open_bundle(bundle_path), path)], labelled, labelled)


def test_models_are_read_from_words_and_folders(
    bundle_path: Path, labelled: LabelledSet, tmp_path: Path
) -> None:
    split = split_file(tmp_path / "split.csv", labelled, "ttvs")
    (alone,) = read_folds(str(bundle_path))
    (with_split,) = read_folds(f"{bundle_path}:{split}")
    assert (alone.split_file, with_split.split_file) == (None, split)
    for name in ("fold1", "fold2"):
        run = tmp_path / "runs" / name
        split_file(run / "split.csv", labelled, "ttvs")
        (run / "model.cellwright").write_bytes(bundle_path.read_bytes())
    assert [fold.split_file for fold in read_folds(str(tmp_path / "runs"))] == [
        tmp_path / "runs" / name / "split.csv" for name in ("fold1", "fold2")
    ]


def test_what_is_no_model_is_refused(bundle_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no split file"):
        read_folds(f"{bundle_path}:{tmp_path / 'nowhere.csv'}")
    with pytest.raises(ConfigError, match="holds no training runs"):
        read_folds(str(tmp_path))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "split.csv").write_text("id,group,part\na,a,test\n")
    with pytest.raises(ConfigError, match="holds 0 bundles"):
        read_folds(str(tmp_path))
    with pytest.raises(BundleError):
        read_folds(str(tmp_path / "nowhere.cellwright"))


def test_models_of_other_classes_are_refused(bundle_path: Path) -> None:
    bundle = open_bundle(bundle_path)
    other = replace(bundle, card=bundle.card.model_copy(update={"classes": ("square",)}))
    rename = partial(check_alike, [Fold(bundle), Fold(other)])
    with pytest.raises(ConfigError, match="square"):
        rename()
