"""``cellwright compress`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blob_model import write_blob_model, write_discs
from cellwright.data.formats import read_labelled
from cellwright.data.splits import write_split
from cellwright.images.write import write_png

from .conftest import Run, Say


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blob_model(tmp_path_factory.mktemp("model") / "blobs.cellwright")


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_discs(tmp_path_factory.mktemp("labels") / "set", n_images=9)


@pytest.fixture(scope="module")
def split(labels: Path) -> Path:
    labelled = read_labelled(labels)
    names = ["train"] * 3 + ["val"] * 4 + ["test"] * 2
    parts = {record.id: part for record, part in zip(labelled, names, strict=True)}
    path = labels.parent / "split.csv"
    write_split(path, labelled, parts)
    return path


def test_an_int8_bundle_is_judged_written_and_works(
    cellwright: Run, model: Path, labels: Path, split: Path, tmp_path: Path
) -> None:
    out, report = tmp_path / "blobs-int8.cellwright", tmp_path / "verdict.json"
    arguments = ("--split", split, "--part", "val", "--ranges", "minmax", "--threads", "1")
    done = cellwright("compress", model, labels, *arguments, "--out", out, "--json", report)
    assert done.returncode == 0, done.stderr
    assert "times faster" in done.stdout
    assert "accepted" in done.stderr
    assert "warning" not in done.stderr
    verdict = json.loads(report.read_text())
    assert verdict["accepted"] is True
    assert verdict["n_images"] == 4
    assert verdict["settings"]["calibrated on"] == "3 images of set, training part"
    assert [one["data"] for one in verdict["reported"]] == ["set, test part"]
    assert {"onnxruntime", "openvino"} == set(verdict["runtimes"])

    shown = cellwright("models", "show", out)
    assert "compressed" in shown.stdout
    assert "made from" in shown.stdout
    assert cellwright("models", "verify", out).returncode == 0
    again = cellwright("evaluate", out, labels, "--split", split, "--part", "test", "--json", "-")
    stated = verdict["reported"][0]["after"]["metrics"]["ap50_95"]["value"]
    assert json.loads(again.stdout)["metrics"]["ap50_95"]["value"] == pytest.approx(stated)
    twice = cellwright("compress", out, labels, "--out", tmp_path / "again.cellwright")
    assert twice.returncode == 2
    assert "quantized already" in twice.stderr


def test_a_model_that_lost_too_much_is_refused_with_the_figure(
    cellwright: Run, model: Path, labels: Path, tmp_path: Path
) -> None:
    black = tmp_path / "black"
    black.mkdir()
    write_png(black / "black.png", np.zeros((1, 128, 128), np.uint8))
    out = tmp_path / "blobs-int8.cellwright"
    done = cellwright(
        *("compress", model, labels, "--calibrate-on", black, "--ranges", "minmax"),
        *("--runtime", "onnxruntime", "--threads", "1", "--out", out, "--json", "-"),
    )
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: blobs: ptq lost ")
    assert "points of ap50_95 in onnxruntime, more than the 1 allowed" in last
    assert "--calibrate-on" in last
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["accepted"] is False
    assert not out.exists()


def test_what_is_asked_wrongly_is_said_before_any_work(
    say: Say, model: Path, labels: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.cellwright"
    for arguments, sentence in (
        (("--method", "magic", "--out", new), "unknown method 'magic'"),
        (("--runtime", "tpu", "--out", new), "unknown runtime 'tpu'"),
        (("--ranges", "best", "--out", new), "unknown way to choose ranges 'best'"),
        (("--out", tmp_path / "new.onnx"), "cannot be the name of a bundle"),
        (("--part", "val", "--out", new), "which image belongs to which part"),
        (
            ("--method", "half", "--calibrate-on", labels, "--out", new),
            "--calibrate-on says nothing to --method half, which learns no ranges from images; "
            "leave it out; it is for: ptq",
        ),
        (("--epochs", "2", "--out", new), "--epochs says nothing to --method ptq"),
        (("--keep", "0.3", "--out", new), "--keep says nothing to --method ptq, which keeps all"),
        (
            ("--method", "half", "--ranges", "bogus", "--out", new),
            "--ranges says nothing to --method half",
        ),
        (("--method", "half", "--images", "3", "--out", new), "--images says nothing to"),
        (("--set", "seed=1", "--out", new), "it is for: magnitude, prune, qat"),
    ):
        code, said = say("compress", model, labels, *arguments)
        assert code == 2
        assert sentence in said.splitlines()[-1]
    assert not new.exists()


def test_only_a_method_that_learns_ranges_speaks_of_them(
    say: Say, model: Path, labels: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.cellwright"
    assert say("compress", model, labels, "--method", "magic", "--out", new)[1].count("\n") == 1
    judged = ("--runtime", "onnxruntime", "--threads", "1", "--max-drop", "100")
    report = tmp_path / "verdict.json"
    for method, ranges in (("half", ()), ("ptq", ("--ranges", "minmax"))):
        out = tmp_path / f"{method}.cellwright"
        arguments = ("--method", method, *ranges, "--out", out, "--json", report)
        code, said = say("compress", model, labels, *judged, *arguments)
        assert code == 0, said
        assert ("ranges are learned" in said) == bool(ranges)
        assert ("calibrated on" in json.loads(report.read_text())["settings"]) == bool(ranges)
