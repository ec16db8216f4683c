"""`cellwright data audit` as it is typed: suspects, decisions, corrected labels, bad input."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from blob_model import write_blob_model, write_discs
from cellwright.data.formats import read_labelled
from cellwright.images.write import write_png
from cellwright.types import Boxes, SemanticMask
from ink_cells import draw_ink, scattered_discs, write_ink_bundle

from .conftest import Run, Say


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blob_model(tmp_path_factory.mktemp("model") / "blobs.cellwright")


@pytest.fixture
def spoiled(tmp_path: Path) -> Path:
    """Labels of discs; in every image the first row is taken out of the table."""
    folder = write_discs(tmp_path / "discs", n_images=4)
    rows = read_rows(folder / "boxes.csv")
    kept = [row for before, row in zip([None, *rows], rows, strict=False) if same(before, row)]
    with (folder / "boxes.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return folder


def same(before: dict[str, str] | None, row: dict[str, str]) -> bool:
    return before is not None and before["image"] == row["image"]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def count_boxes(folder: Path) -> int:
    total = 0
    for record in read_labelled(folder):
        boxes = record.load_annotation()
        assert isinstance(boxes, Boxes)
        total += len(boxes)
    return total


def decide(table: Path, word_of: Callable[[dict[str, str]], str]) -> None:
    rows = read_rows(table)
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "accept": word_of(row)} for row in rows)


def test_from_suspects_by_decisions_to_corrected_labels(
    cellwright: Run, blobs: Path, spoiled: Path, tmp_path: Path
) -> None:
    before, out = content(spoiled), tmp_path / "audit"
    command = ("data", "audit", blobs, spoiled, "--out", out, "--threads", "1")
    done = cellwright(*command, "--json", "-", "--write-corrected", out / "corrected")
    assert done.returncode == 0, done.stderr
    assert "upper bound" in done.stderr
    assert "nothing corrected" in done.stderr
    assert not (out / "corrected").exists()
    summary = json.loads(done.stdout)
    assert summary == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["n_labels"] == 20
    assert 0 < summary["limits"]["cell"]["disc"] < 1
    assert summary["suspects"]["missing"] >= 3
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == sum(summary["suspects"].values())
    assert "upper bound" in page

    rows = read_rows(out / "suspects.csv")
    missing = [row for row in rows if row["kind"] == "missing"]
    first = {row["image"]: row["id"] for row in reversed(missing)}
    assert len(first) >= 3
    decide(out / "suspects.csv", lambda row: "yes" if row["id"] in first.values() else "no")

    again = cellwright(*command)
    assert again.returncode == 2
    assert "holds decisions" in again.stderr
    decided = ("--decisions", out / "suspects.csv", "--write-corrected", out / "corrected")
    done = cellwright(*command, *decided, "--json", tmp_path / "summary.json")
    assert done.returncode == 0, done.stderr
    assert "that a person accepted" in done.stderr
    assert count_boxes(out / "corrected") == 20 + len(first)
    assert content(spoiled) == before
    words = {row["id"]: row["accept"] for row in read_rows(out / "suspects.csv")}
    assert {name for name, word in words.items() if word == "yes"} == set(first.values())

    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    figures = summary["figures"]
    every, rest = (
        figures[name]["metrics"]["precision"] for name in ("all_labels", "without_suspects")
    )
    assert rest["value"] > every["value"]
    assert {"value", "low", "high", "n"} == set(rest)
    assert summary["corrected"] == {"format": "csv", "accepted": len(first)}


def test_masks_are_audited_and_corrected(cellwright: Run, tmp_path: Path) -> None:
    data, bundle = tmp_path / "masks", write_ink_bundle(tmp_path / "mask.cellwright", "mask")
    unlabelled = 0
    for seed in range(2):
        cells = scattered_discs(12, (120, 140), seed=seed)
        largest = int(np.bincount(cells.labels.ravel())[1:].argmax()) + 1
        unlabelled += int((cells.labels == largest).sum())
        mask = ((cells.labels > 0) & (cells.labels != largest)).astype(np.uint8)
        write_png(data / "images" / f"{seed:03d}.png", draw_ink(cells))
        write_png(data / "masks" / f"{seed:03d}.png", mask[None])
    out = tmp_path / "audit"
    done = cellwright("data", "audit", bundle, data, "-o", out, "--json", "-")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["suspects"]["missing"] == 2
    assert summary["limits"] is None
    decide(out / "suspects.csv", lambda row: "yes" if row["kind"] == "missing" else "")
    decided = ("--decisions", out / "suspects.csv", "--write-corrected", out / "new")
    done = cellwright("data", "audit", bundle, data, "-o", out, *decided)
    assert done.returncode == 0, done.stderr
    assert "as masks" in done.stderr
    painted = 0
    before, after = read_labelled(data), read_labelled(out / "new")
    assert after.classes == before.classes
    for old, new in zip(before, after, strict=True):
        masks = [one.load_annotation() for one in (old, new)]
        assert all(isinstance(mask, SemanticMask) for mask in masks)
        painted += int(masks[1].mask.sum()) - int(masks[0].mask.sum())  # type: ignore[union-attr]
    assert painted == pytest.approx(unlabelled, rel=0.1)


def test_images_that_the_model_learned_from_are_marked(
    cellwright: Run, blobs: Path, spoiled: Path, tmp_path: Path
) -> None:
    names = [record.id for record in read_labelled(spoiled)]
    split = tmp_path / "split.csv"
    parts = ("train", "train", "val", "test")
    rows = [f"{name},{name},{part}" for name, part in zip(names, parts, strict=True)]
    split.write_text("\n".join(["id,group,part", *rows]))
    command = ("data", "audit", blobs, spoiled, "--split", split, "--confidence", "0.3")
    done = cellwright(*command, "--out", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    assert "not audited: 2 images that every model learned from" in done.stderr
    found = read_rows(tmp_path / "a" / "suspects.csv")
    assert {(row["image"], row["seen_in_training"]) for row in found} == {
        (names[2], "validation"),
        (names[3], "no"),
    }
    done = cellwright(*command, "--out", tmp_path / "b", "--seen", "include")
    assert done.returncode == 0, done.stderr
    found = read_rows(tmp_path / "b" / "suspects.csv")
    assert {row["seen_in_training"] for row in found if row["image"] == names[0]} == {"training"}
    assert "learned from by the model" in (tmp_path / "b" / "report.html").read_text("utf-8")
    done = cellwright(*command, "--part", "train", "--out", tmp_path / "c")
    assert done.returncode == 2
    assert "may have learned from all of the 2 images" in done.stderr


def test_bad_input_is_one_sentence_and_exit_code_2(
    say: Say, blobs: Path, spoiled: Path, tmp_path: Path
) -> None:
    out, taken, nothing = tmp_path / "audit", tmp_path / "taken", tmp_path / "nothing.csv"
    taken.mkdir()
    (taken / "run.json").write_text("{}")
    bad = tmp_path / "bad.csv"
    bad.write_text("id,accept\nmissing-0123456789,yes\n")
    cases = {
        "unknown model": ("nowhere", spoiled, "--out", out),
        "no such folder": (blobs, tmp_path / "nowhere", "--out", out),
        "inside --out only": (blobs, spoiled, "-o", out, "--write-corrected", tmp_path / "new"),
        "lies in the folder of the labels": (blobs, spoiled, "--out", spoiled / "audit"),
        "holds something else": (blobs, spoiled, "--out", taken),
        "cannot be read": (blobs, spoiled, "-o", out, "--decisions", nothing),
        "missing-0123456789": (blobs, spoiled, "-o", out, "--decisions", bad),
        "no split file": (blobs, spoiled, "-o", out, "--fold", f"{blobs}:{nothing}"),
        "is for one model": (blobs, spoiled, "-o", out, "--fold", blobs, "--part", "test"),
        "unknown runtime": (blobs, spoiled, "-o", out, "--runtime", "abacus"),
        "holds no training runs": (taken, spoiled, "-o", out),
    }
    for message, arguments in cases.items():
        code, said = say("data", "audit", *arguments)
        assert code == 2, (message, said)
        assert message in said
        assert said.count("error: ") == 1
