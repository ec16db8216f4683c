"""The sidecar, ids and file names that all formats share."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cellwright.data.formats import boxes_csv, read_labelled
from cellwright.data.formats.layout import Known, fill_once, new_folder, refuse_filled
from cellwright.data.formats.sidecar import NO_ROW, write_groups
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import DatasetError
from cellwright.types import Boxes

HEAD = "image,id,group,split,pixel_size_um\n"


def source(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((4, 5), np.uint8))
    return path


def written(tmp_path: Path, *ids: str) -> Path:
    image = source(tmp_path, "source/x.png")
    records = tuple(Record(name, image, Known(Boxes.empty()), name) for name in ids)
    boxes_csv.write(LabelledSet("s", ("cell",), records), tmp_path / "out")
    return tmp_path / "out"


def test_ids_that_make_one_file_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    out = written(tmp_path, "a/b", "a b", "A_B", "...", "日本")
    names = sorted(path.name for path in (out / "images").iterdir())
    assert len({name.lower() for name in names}) == 5
    assert [record.id for record in boxes_csv.read(out)] == sorted(
        ["a/b", "a b", "A_B", "...", "日本"]
    )


def test_the_sidecar_overrules_and_new_images_get_defaults(tmp_path: Path) -> None:
    out = written(tmp_path, "a")
    (out / "cellwright.csv").write_text(HEAD + "images/a.png,cell 1,B02,test,0.65\n")
    source(out, "images/new.png")
    first, new = boxes_csv.read(out)
    assert (first.id, first.group, first.split, first.pixel_size_um) == (
        "cell 1",
        "B02",
        "test",
        0.65,
    )
    assert (new.id, new.group, new.split, new.pixel_size_um) == ("new", "new", None, None)
    assert first.load().pixel_size_um == 0.65


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,id\n", "the column 'group' is missing; the first line must name image"),
        (HEAD.replace(",", ";"), "separated by ';', not by commas; the first line must name image"),
        (HEAD + "images/a.png,a,g,holdout,\n", r"cellwright\.csv:2: unknown split 'holdout'"),
        (HEAD + "images/a.png,a,g,,-1\n", "pixel size must be a number > 0, not '-1'"),
        (HEAD + "images/a.png,a,g,,wide\n", "pixel size must be a number > 0"),
        (HEAD + "images/a.png,a,g,,inf\n", "pixel size must be a number > 0"),
        (HEAD + "images/a.png,a\n", "the row is incomplete"),
        (
            HEAD + "images/a.png,a,p1,,\nimages/a.png,a,p2,,\n",
            r"csv:3: .* has two rows",
        ),
        (HEAD + 'images/a.png,"a,p1,,\nimages/b.png,b,p2,,\n', r"csv:2: is no table from here on"),
        (HEAD + "images/a.png,a,g,,0,65\n", r"csv:2: the row has 6 cells, .* names 5; write decim"),
        (HEAD + "images/gone.png,a,g,,\n", "1 rows of cellwright.csv have no image"),
    ],
)
def test_wrong_sidecars(tmp_path: Path, text: str, message: str) -> None:
    out = written(tmp_path, "a")
    (out / "cellwright.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        boxes_csv.read(out)


def test_a_sidecar_that_is_no_text_is_told_in_words(tmp_path: Path) -> None:
    out = written(tmp_path, "a")
    (out / "cellwright.csv").write_bytes(HEAD.encode("utf-16"))
    with pytest.raises(DatasetError, match=r"\(it is no text in UTF-8\); see that you may read it"):
        boxes_csv.read(out)


def test_a_blank_behind_a_group_makes_no_other_group(tmp_path: Path) -> None:
    out = written(tmp_path, "a", "b")
    rows = "images/a.png,a,patient1,,\nimages/b.png,b,patient1 ,,\n"
    (out / "cellwright.csv").write_text(HEAD + rows)
    assert {record.group for record in boxes_csv.read(out)} == {"patient1"}


def test_an_image_added_to_a_grouped_set_is_refused_until_it_has_a_group(tmp_path: Path) -> None:
    out = written(tmp_path, "a")
    (out / "cellwright.csv").write_text(HEAD + "images/a.png,a,B02,,\n")
    source(out, "images/new.png")
    with pytest.raises(DatasetError, match=r"1 of 2 images have no row in cellwright\.csv.*'new'"):
        read_labelled(out)
    labelled = read_labelled(out, damaged="keep")
    assert NO_ROW in labelled.records[1].problems
    write_groups(out, labelled, {"a": "B02", "new": "B02"})
    assert [record.group for record in read_labelled(out)] == ["B02", "B02"]


def test_new_groups_leave_the_other_columns_as_they_are(tmp_path: Path) -> None:
    out = written(tmp_path, "a")
    (out / "cellwright.csv").write_text(HEAD.strip() + ",age\nimages/a.png,a,B02,,,71\n")
    write_groups(out, boxes_csv.read(out), {"a": "C03"})
    assert (out / "cellwright.csv").read_text() == (
        HEAD.strip() + ",age\nimages/a.png,a,C03,,,71\n"
    )


def test_two_rows_with_one_id_are_refused(tmp_path: Path) -> None:
    out = written(tmp_path, "a", "b")
    (out / "cellwright.csv").write_text(HEAD + "images/a.png,x,g,,\nimages/b.png,x,g,,\n")
    with pytest.raises(DatasetError, match="doubled: x"):
        boxes_csv.read(out)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_folder(tmp_path / "out") as folder:
        (folder / "half").write_text("x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_fill_a_folder_of_the_cache_the_first_stays(tmp_path: Path) -> None:
    def fill(empty: Path) -> None:
        (empty / "who").write_text("second")
        # Another process ends first, while this one still writes.
        fill_once(tmp_path / "cache", lambda folder: (folder / "who").write_text("first"))

    fill_once(tmp_path / "cache", fill)
    assert (tmp_path / "cache" / "who").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_folder_of_the_cache_that_appears_before_the_writing_begins_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [False, True]  # not there when it is looked for, there a moment later
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "who").write_text("first")
    real = Path.is_dir
    monkeypatch.setattr(Path, "is_dir", lambda path: seen.pop(0) if seen else real(path))
    fill_once(tmp_path / "cache", lambda folder: (folder / "who").write_text("second"))
    assert (tmp_path / "cache" / "who").read_text() == "first"


def test_what_cannot_be_filled_is_said_and_a_users_folder_is_never_kept(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fill_once(tmp_path / "cache", fail)
    with pytest.raises(OSError, match="not empty"), new_folder(tmp_path / "out") as folder:
        (folder / "mine").touch()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "theirs").touch()


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    record = Record("a", tmp_path / "gone.png", Known(None), "a")
    with pytest.raises(DatasetError, match=r"'a' cannot be copied \(no such file .*\); see that"):
        boxes_csv.write(LabelledSet("s", ("c",), (record,)), tmp_path / "out")


def test_ome_tiff_keeps_its_double_suffix(tmp_path: Path) -> None:
    image = source(tmp_path, "x.tif").rename(tmp_path / "x.ome.tif")
    record = Record("x", image, Known(None), "x")
    boxes_csv.write(LabelledSet("s", ("c",), (record,)), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out/images").iterdir()] == ["x.ome.tif"]
    assert [found.id for found in boxes_csv.read(tmp_path / "out")] == ["x"]


def test_a_link_to_an_empty_folder_is_filled_and_the_folder_one_is_in_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with new_folder(tmp_path / "link") as folder:
        (folder / "x").write_text("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/x").read_text() == "x"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DatasetError, match="is the folder you are in"):
        refuse_filled(Path())
