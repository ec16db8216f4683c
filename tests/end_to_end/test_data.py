"""``cellwright data …`` and ``evaluate`` as they are typed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cellwright.data.formats import read_labelled
from cellwright.data.splits import read_split
from cellwright.images.write import write_png
from cellwright.types import Boxes

from .conftest import Run, Say

METRICS = {"ap50", "ap50_95", "precision", "recall", "f1", "count_mae", "count_bias"}
METRICS |= {"count_coverage", "count_width", "ece", "score_ece"}


def test_every_public_set_is_listed(cellwright: Run) -> None:
    listed = json.loads(cellwright("data", "list", "--json", "-").stdout)
    names = {row["name"] for row in listed}
    assert {"bccd_blood_cells", "livedead_labelfree"} <= names
    assert all(row["licence"] for row in listed)
    printed = cellwright("data", "list").stdout
    assert all(name in printed for name in names)


def test_the_list_counts_what_is_here_and_says_where_it_is_not_all(
    cellwright: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLWRIGHT_DATA", str(tmp_path))
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "cache"))
    for place, pixels in (("images", 0), ("instances", 1)):
        write_png(
            tmp_path / "bbbc039_hoechst_nuclei" / place / "a.png",
            np.eye(9, dtype=np.uint8)[None] * pixels,
        )
    (tmp_path / "hela_dic").mkdir()
    done = cellwright("data", "list", "--json", "-")
    listed = {row["name"]: row for row in json.loads(done.stdout)}
    assert (
        listed["bbbc039_hoechst_nuclei"]["images"],
        listed["bbbc039_hoechst_nuclei"]["here"],
    ) == (200, 1)
    assert listed["hela_dic"]["folder"] is not None and listed["hela_dic"]["here"] is None
    assert listed["dsb2018_fluo_nuclei"]["folder"] is None
    assert "not as many images as were published: bbbc039_hoechst_nuclei\n" in done.stderr
    assert "warning: hela_dic: " in done.stderr
    printed = cellwright("data", "list").stdout
    assert "not readable" in printed


def test_inspection_as_table_json_and_page(
    cellwright: Run, live_dead: Path, tmp_path: Path
) -> None:
    page, file = tmp_path / "page.html", tmp_path / "inspection.json"
    done = cellwright("data", "inspect", live_dead, "--out", page, "--json", file)
    assert done.returncode == 0, done.stderr
    inspection = json.loads(file.read_text())
    with (live_dead / "boxes.csv").open(newline="") as labels:
        n_boxes = sum(1 for row in csv.DictReader(labels) if row["class"])
    assert inspection["n_images"] == 12
    assert [(one["name"], one["count"]) for one in inspection["classes"]] == [("nucleus", n_boxes)]
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert str(n_boxes) in done.stdout  # JSON in a file leaves the tables on the terminal


def test_a_set_goes_through_every_box_format_unchanged(
    cellwright: Run, live_dead: Path, tmp_path: Path
) -> None:
    before = read_labelled(live_dead)
    source = live_dead
    for name in ("yolo", "coco", "voc", "csv"):
        done = cellwright("data", "convert", source, tmp_path / name, "--to", name)
        assert done.returncode == 0, done.stderr
        source = tmp_path / name
    after = read_labelled(source)
    assert after.classes == before.classes
    for old, new in zip(before, after, strict=True):
        assert (new.id, new.group, new.pixel_size_um) == (old.id, old.group, old.pixel_size_um)
        assert new.image_path.read_bytes() == old.image_path.read_bytes()
        boxes, again = old.load_annotation(), new.load_annotation()
        assert isinstance(boxes, Boxes)
        assert isinstance(again, Boxes)
        np.testing.assert_allclose(again.xyxy, boxes.xyxy, atol=1e-3)


def test_a_conversion_says_what_is_lost(cellwright: Run, tmp_path: Path) -> None:
    cells = tmp_path / "cells"
    for place in ("images", "instances"):
        write_png(cells / place / "a.png", np.eye(20, dtype=np.uint8)[None])
    write_png(cells / "images" / "b.png", np.eye(20, dtype=np.uint8)[None])
    done = cellwright("data", "convert", cells, tmp_path / "boxes", "--to", "yolo")
    assert done.returncode == 0, done.stderr
    assert "note: yolo holds no outlines: of each cell the box around" in done.stderr
    assert "note: b: there is no label image for this image" in done.stderr
    kept = cellwright("data", "convert", cells, tmp_path / "coco", "--to", "coco")
    assert "outlines" not in kept.stderr


def test_converting_never_overwrites(say: Say, live_dead: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    code, said = say("data", "convert", live_dead, tmp_path, "--to", "yolo")
    assert code == 2
    assert "not an empty folder" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unknown_format_lists_the_choices(say: Say, live_dead: Path, tmp_path: Path) -> None:
    code, said = say("data", "convert", live_dead, tmp_path / "x", "--to", "yollo")
    assert code == 2
    assert "did you mean 'yolo'?" in said
    assert "voc" in said


def test_a_split_by_groups_says_where_none_are_known(
    cellwright: Run, live_dead: Path, tmp_path: Path
) -> None:
    cellwright("data", "convert", live_dead, tmp_path / "plain", "--to", "yolo")
    (tmp_path / "plain" / "cellwright.csv").unlink()
    split = ("data", "split", tmp_path / "plain", "--out", tmp_path / "split.csv")
    assert "no groups are known" in cellwright(*split).stderr
    assert "no groups are known" not in cellwright(*split, "--by", "image").stderr


def test_a_split_keeps_groups_whole_and_evaluation_follows_it(
    cellwright: Run, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    file = tmp_path / "split.csv"
    done = cellwright("data", "split", live_dead, "--ratios", "50/50", "--out", file)
    assert done.returncode == 0, done.stderr
    assert "no groups are known" not in done.stderr
    with file.open(newline="") as table:
        rows = list(csv.DictReader(table))
    parts = {(row["group"], row["part"]) for row in rows}
    assert {group for group, _ in parts} == {"control", "treated"}
    assert {part for _, part in parts} == {"train", "val"}
    assert len(parts) == 2

    arguments = ("evaluate", blob_bundle, live_dead, "--split", file, "--json", "-")
    report = json.loads(cellwright(*arguments, "--part", "val").stdout)
    assert (report["task"], report["n_images"]) == ("detection", 6)
    assert set(report["metrics"]) == METRICS == set(report["per_class"]["nucleus"])
    assert report["metrics"]["ap50"]["value"] > 0.9
    unsaid = cellwright(*arguments)
    assert unsaid.returncode == 2
    assert "--part test" in unsaid.stderr


def test_a_split_is_not_written_over_another(say: Say, live_dead: Path, tmp_path: Path) -> None:
    file = tmp_path / "split.csv"
    split = ("data", "split", live_dead, "--by", "image", "--out", file)
    assert say(*split)[0] == 0
    first = file.read_bytes()
    assert say(*split)[0] == 0  # the same once more loses nothing
    code, said = say(*split, "--seed", "1")
    assert code == 2
    assert f"{file}: this file is there already and holds another split" in said
    assert "give --out another name" in said
    assert file.read_bytes() == first


def test_a_split_names_the_copies_that_it_keeps_together(say: Say, tmp_path: Path) -> None:
    data = tmp_path / "set"
    (data / "labels").mkdir(parents=True)
    (data / "classes.txt").write_text("cell\n")
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (1, 16, 16), np.uint8).repeat(6, 1).repeat(6, 2)] * 2
    pictures += [rng.integers(0, 256, (1, 96, 96), np.uint8) for _ in range(4)]
    pictures[1] = np.ascontiguousarray(pictures[1][:, :, ::-1])
    for name, picture in zip("abcdef", pictures, strict=True):
        write_png(data / "images" / f"{name}.png", picture)
        (data / "labels" / f"{name}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    split = ("data", "split", data, "--ratios", "50/25/25", "--out")
    code, said = say(*split, tmp_path / "alike.csv")
    assert code == 0
    assert "2 images of different groups are copies of one another" in said
    assert "kept in one part: a, b (all pairs" in said
    part_of = read_split(tmp_path / "alike.csv")
    assert part_of["a"] == part_of["b"]
    assert "not taken as they stand" not in said
    (data / "labels" / "f.txt").unlink()
    code, said = say(*split, tmp_path / "equal.csv", "--copies", "equal")
    assert "labels of 1 image were not taken as they stand, for instance f: there is no" in said
    assert code == 0
    assert "copies of one another" not in said
    assert (tmp_path / "equal.csv").read_text().startswith("id,group,part,copies\n")


def test_folds_are_not_written_where_one_would_be_replaced(
    say: Say, live_dead: Path, tmp_path: Path
) -> None:
    (tmp_path / "fold-3.csv").write_text("mine")
    split = ("data", "split", live_dead, "--by", "image", "--folds", "3", "--out", tmp_path)
    code, said = say(*split)
    assert code == 2
    assert "fold-3.csv: this file is there already" in said
    assert [path.name for path in tmp_path.iterdir()] == ["fold-3.csv"]


def test_folds_are_splits_that_test_every_image_once(
    cellwright: Run, say: Say, live_dead: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folds"
    options = ("--folds", "4", "--by", "image")
    done = cellwright("data", "split", live_dead, *options, "--out", folder, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert {row["fold"] for row in json.loads(done.stdout)} == {"1", "2", "3", "4"}
    splits = [read_split(folder / f"fold-{number}.csv") for number in (1, 2, 3, 4)]
    for name in splits[0]:
        assert sorted(part_of[name] for part_of in splits) == ["test", "train", "train", "val"]
    code, said = say("data", "split", live_dead, *options, "--ratios", "50/50")
    assert code == 2
    assert "--ratios" in said


def test_too_few_groups_for_folds_are_refused_and_nothing_is_written(
    say: Say, live_dead: Path, tmp_path: Path
) -> None:
    code, said = say("data", "split", live_dead, "--folds", "5", "--out", tmp_path / "folds")
    assert code == 2
    assert "too few for 5 folds" in said
    assert not (tmp_path / "folds").exists()


def test_evaluation_gives_intervals_over_groups(
    cellwright: Run, blob_bundle: Path, live_dead: Path
) -> None:
    done = cellwright("evaluate", blob_bundle, live_dead, "--json", "-")
    report = json.loads(done.stdout)
    f1 = report["metrics"]["f1"]
    assert f1["low"] <= f1["value"] <= f1["high"]
    assert f1["value"] > 0.85
    assert report["settings"]["max_detections"] == 3000
    printed = cellwright("evaluate", blob_bundle, live_dead)
    assert "ap50_95" in printed.stdout
    assert "3000 detections" in printed.stderr


@pytest.mark.parametrize("command", ["inspect", "split"])
def test_what_is_not_there_names_the_choices(command: str, say: Say, tmp_path: Path) -> None:
    code, said = say("data", command, tmp_path / "nowhere")
    assert code == 2
    assert "bccd_blood_cells" in said


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("fetch", "bccd"), "bccd_blood_cells"),
        (("inspect", "HeLa_DIC"), "hela_dic"),
        (("convert", "hela_dic", "out", "--to", "YOLO"), "yolo"),
    ],
)
def test_a_name_that_is_nearly_right_is_asked_for(
    arguments: tuple[str, ...], meant: str, say: Say
) -> None:
    code, said = say("data", *arguments)
    assert code == 2
    assert f"did you mean '{meant}'?" in said


@pytest.fixture
def plate(cellwright: Run, live_dead: Path, tmp_path: Path) -> Path:
    """A YOLO set whose names tell wells and patients, in two folders; no groups are written."""
    root = tmp_path / "plate"
    cellwright("data", "convert", live_dead, root, "--to", "yolo")
    (root / "cellwright.csv").unlink()
    pairs = [
        (image, next(root.rglob(f"labels/{image.stem}.txt")))
        for image in sorted(root.rglob("images/*"))
    ]
    for number, (image, label) in enumerate(pairs):
        name = f"patient{number % 3}-exp1_{'ABC'[number % 3]}01_f{number // 3}"
        image.rename(image.with_stem(name))
        label.rename(label.with_stem(name))
    return root


def groups_in(root: Path) -> dict[str, str]:
    with (root / "cellwright.csv").open(newline="") as table:
        return {row["id"]: row["group"] for row in csv.DictReader(table)}


def test_groups_are_told_by_names_and_splits_keep_them(
    cellwright: Run, plate: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in plate.rglob("*.*")}
    done = cellwright("data", "group", plate, "--json", "-")
    assert done.returncode == 0, done.stderr
    wells = [row["group"] for row in json.loads(done.stdout)]
    assert wells == ["patient0-exp1_A01", "patient1-exp1_B01", "patient2-exp1_C01"]
    assert all(name.startswith(group) for name, group in groups_in(plate).items())
    after = {path.name: path.read_bytes() for path in plate.rglob("*.*")}
    assert {name: after[name] for name in before} == before

    split = cellwright("data", "split", plate, "--ratios", "60/40", "--out", tmp_path / "s.csv")
    assert "no groups are known" not in split.stderr
    with (tmp_path / "s.csv").open(newline="") as table:
        parts = {(row["group"], row["part"]) for row in csv.DictReader(table)}
    assert sorted(group for group, _ in parts) == wells


def test_groups_are_written_beside_the_file_that_stands_for_a_set(
    cellwright: Run, plate: Path
) -> None:
    done = cellwright("data", "group", plate / "data.yaml")
    assert done.returncode == 0, done.stderr
    assert len(set(groups_in(plate).values())) == 3


def test_an_archive_has_no_place_for_groups(say: Say, tmp_path: Path) -> None:
    pixels, labels = np.zeros((2, 1, 9, 9), np.uint8), np.array([0, 1])
    np.savez(tmp_path / "cells.npz", images=pixels, labels=labels, class_names=["a", "b"])
    code, said = say("data", "group", tmp_path)
    assert code == 2
    assert "its images lie in no folder of the set" in said
    assert "cellwright data convert" in said


def test_a_pattern_says_where_the_group_stands_and_may_be_changed(
    cellwright: Run, plate: Path
) -> None:
    cellwright("data", "group", plate)
    done = cellwright("data", "group", plate, "--group", "patient{group}-*")
    assert done.returncode == 0, done.stderr
    assert "3 groups" in done.stderr
    assert set(groups_in(plate).values()) == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("sample{group}", "does not match"),
        ("patient*", "must hold {group} exactly once"),
        ("{group}tient*", "would be one group"),
    ],
)
def test_a_pattern_that_tells_nothing_writes_nothing(
    say: Say, plate: Path, pattern: str, said: str
) -> None:
    code, told = say("data", "group", plate, "--group", pattern)
    assert code == 2
    assert said in told
    assert not (plate / "cellwright.csv").exists()
