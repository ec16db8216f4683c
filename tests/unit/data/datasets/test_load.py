from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cellwright.data.datasets import find_dataset, load_dataset
from cellwright.errors import DatasetError, UnknownNameError


@pytest.fixture(autouse=True)
def empty_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLWRIGHT_DATA", str(tmp_path / "given"))
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "cache"))


def livedead(root: Path, class_name: str = "dead") -> None:
    (root / "images").mkdir(parents=True)
    cv2.imwrite(str(root / "images/cell_3.png"), np.zeros((9, 9), np.uint8))
    (root / "classes.txt").write_text("live\ndead\n" if class_name == "dead" else class_name)
    (root / "boxes.csv").write_text(
        f"image,class,xmin,ymin,xmax,ymax\ncell_3.png,{class_name},1,2,3,4\n"
    )


def test_the_given_folder_comes_before_the_cache(tmp_path: Path) -> None:
    livedead(tmp_path / "cache/livedead_labelfree")
    assert find_dataset("livedead_labelfree") == tmp_path / "cache/livedead_labelfree"
    livedead(tmp_path / "given/livedead_labelfree")
    assert find_dataset("livedead_labelfree") == tmp_path / "given/livedead_labelfree"
    labelled = load_dataset("livedead_labelfree")
    assert (labelled.name, labelled.licence) == ("livedead_labelfree", "MIT")
    assert [record.group for record in labelled] == ["cell_"]


def test_a_missing_set_says_how_to_get_it() -> None:
    with pytest.raises(DatasetError, match="run `cellwright data fetch bccd_blood_cells`"):
        load_dataset("bccd_blood_cells")
    with pytest.raises(UnknownNameError, match="unknown data set 'bccd'"):
        load_dataset("bccd")


def test_another_set_under_the_name_is_refused(tmp_path: Path) -> None:
    livedead(tmp_path / "given/livedead_labelfree", class_name="weed")
    with pytest.raises(DatasetError, match="holds the classes weed, not live, dead"):
        load_dataset("livedead_labelfree")
