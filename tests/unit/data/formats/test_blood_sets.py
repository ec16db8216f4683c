"""ALL-IDB and C-NMC, on generated files laid out and named as the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.data.formats import FORMATS, LAYOUTS, read_labelled
from cellwright.data.formats.sidecar import write_groups
from cellwright.data.splits import check_split, split
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.write import write_png

RNG = np.random.default_rng(0)


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, RNG.integers(0, 255, (3, 12, 12)).astype(np.uint8))


def classes_of(labelled):
    return {record.id: labelled.classes[record.load_annotation().class_id] for record in labelled}


@pytest.fixture
def c_nmc(tmp_path):
    top = tmp_path / "C-NMC_training_data"
    for fold, subject, kind in (
        (0, "11", "all"),
        (0, "H10", "hem"),
        (1, "12", "all"),
        (1, "H11", "hem"),
        (2, "13", "all"),
        (2, "H12", "hem"),
    ):
        for cell in (1, 2):
            picture(top / f"fold_{fold}" / kind / f"UID_{subject}_1_{cell}_{kind}.png")
    return tmp_path


def add_renamed(root: Path, *, label: str = "1", name: str = "UID_57_29_1_all.bmp") -> None:
    folder = root / "validation_data"
    picture(folder / "C-NMC_test_prelim_phase_data" / "1.png")
    (folder / "C-NMC_test_prelim_phase_data_labels.csv").write_text(
        f"Patient_ID,new_names,labels\n{name},1.png,{label}\n"
    )


@pytest.mark.parametrize("inside", ["", "img", "im"])
def test_all_idb_reads_the_class_from_the_name(tmp_path, inside):
    for name in ("Im001_1", "Im002_1", "Im131_0"):
        picture(tmp_path / inside / f"{name}.png")
    labelled = read_labelled(tmp_path)
    assert classes_of(labelled) == {
        "Im001_1": "leukemic",
        "Im002_1": "leukemic",
        "Im131_0": "healthy",
    }
    assert [record.group for record in labelled] == ["Im001_1", "Im002_1", "Im131_0"]


def test_all_idb_refuses_a_name_without_a_class(tmp_path):
    picture(tmp_path / "Im001_1.png")
    picture(tmp_path / "smear.png")
    assert not LAYOUTS["all-idb"].recognises(tmp_path)
    with pytest.raises(AnnotationError, match=r"smear\.png"):
        read_labelled(tmp_path, format="all-idb")


def test_all_idb_of_nothing_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no images"):
        read_labelled(tmp_path, format="all-idb")


def test_c_nmc_tells_classes_and_subjects(c_nmc):
    labelled = read_labelled(c_nmc)
    assert labelled.classes == ("hem", "all")
    assert classes_of(labelled)["UID_H10_1_2_hem"] == "hem"
    assert {record.id: record.group for record in labelled}["UID_H10_1_2_hem"] == "H10"
    assert len({record.group for record in labelled}) == 6


def test_a_split_of_c_nmc_tears_no_subject_apart(c_nmc):
    labelled = read_labelled(c_nmc)
    part_of = split(labelled, {"train": 50, "val": 25, "test": 25}, seed=1)
    check_split(labelled, part_of)
    parts = {record.group: part_of[record.id] for record in labelled}
    assert set(parts.values()) == {"train", "val", "test"}


def test_renamed_images_get_their_subject_from_the_table(c_nmc):
    add_renamed(c_nmc)
    (found,) = [record for record in read_labelled(c_nmc) if record.image_path.stem == "1"]
    assert found.group == "57"
    assert found.load_annotation().class_id == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"label": "0"}, "has the label '0'"), ({"name": "57.bmp"}, "tells no subject")],
)
def test_a_table_that_contradicts_itself_is_refused(c_nmc, changes, message):
    add_renamed(c_nmc, **changes)
    with pytest.raises(AnnotationError, match=message):
        read_labelled(c_nmc)


def test_a_name_that_contradicts_its_folder_or_a_missing_image_is_refused(c_nmc):
    add_renamed(c_nmc)
    renamed = next(c_nmc.glob("**/1.png"))
    renamed.unlink()
    with pytest.raises(AnnotationError, match=r"no image '1\.png'"):
        read_labelled(c_nmc)
    picture(c_nmc / "C-NMC_training_data/fold_0/hem/UID_9_1_1_all.png")
    with pytest.raises(AnnotationError, match="lies in hem"):
        read_labelled(c_nmc)


def test_they_can_be_read_and_not_written():
    assert set(LAYOUTS) - set(FORMATS) == {"all-idb", "bbbc048", "c-nmc", "coco-boxes"}


def test_a_sidecar_says_other_groups_than_the_names(c_nmc):
    labelled = read_labelled(c_nmc)
    write_groups(c_nmc, labelled, {record.id: "one" for record in labelled})
    assert {record.group for record in read_labelled(c_nmc)} == {"one"}
