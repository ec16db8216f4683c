"""``cellwright models …`` and ``export`` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.zoo import ZOO
from damage import with_flipped_bit

from .conftest import Run, Say, write_blob_bundle


def test_the_list_is_the_zoo(cellwright: Run) -> None:
    assert set(json.loads(cellwright("models", "list", "--json", "-").stdout)) == set(ZOO)


def test_a_card_is_shown(cellwright: Run, blob_bundle: Path) -> None:
    shown = cellwright("models", "show", blob_bundle)
    assert shown.returncode == 0, shown.stderr
    assert "Research use only." in shown.stdout
    card = json.loads(cellwright("models", "show", blob_bundle, "--json", "-").stdout)
    assert card["classes"] == ["nucleus"]


def test_a_bundle_proves_itself_in_every_runtime(cellwright: Run, blob_bundle: Path) -> None:
    done = cellwright("models", "verify", blob_bundle, "--json", "-")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["runtime"] for row in rows} == {"onnxruntime", "openvino"}
    assert all(row["passed"] for row in rows)


def test_settling_says_what_it_cannot_do(say: Say, tmp_path: Path) -> None:
    out = tmp_path / "new.cellwright"
    code, said = say("models", "settle", "nuclei", tmp_path, "--views", "3", "--out", out)
    assert code == 2 and "'1', '2', '4'" in said
    (tmp_path / "images").mkdir()
    code, said = say("models", "settle", "nuclei", tmp_path, "--out", out)
    assert code == 2 and said.startswith("error: ")
    assert not out.exists()


def test_settling_says_that_its_figures_flatter_and_overwrites_nothing(
    say: Say, blob_bundle: Path, live_dead: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.cellwright"
    code, said = say("models", "settle", blob_bundle, live_dead, "--out", out)
    assert code == 0
    assert f"figures on {live_dead.name}, all images flatter it" in said
    first = out.read_bytes()
    for arguments in (("settle", blob_bundle, live_dead), ("join", blob_bundle, blob_bundle)):
        code, said = say("models", *arguments, "--out", out)
        assert code == 2
        assert "is there already, and is kept; give --out another name" in said
    assert out.read_bytes() == first


def test_models_join_and_the_committee_predicts(
    cellwright: Run, say: Say, blob_bundle: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.cellwright"
    twin = write_blob_bundle(tmp_path / "twin.cellwright")
    done = cellwright("models", "join", blob_bundle, twin, "--out", both)
    assert done.returncode == 0, done.stderr
    assert "takes 2 times as long" in done.stderr and "models settle" in done.stderr
    assert cellwright("models", "verify", both).returncode == 0
    code, said = say("models", "join", blob_bundle, "nuclei", "--out", tmp_path / "no.cellwright")
    assert code == 2 and "another task" in said
    code, said = say("models", "join", blob_bundle, "--out", tmp_path / "no.cellwright")
    assert code == 2 and "two models or more" in said


def test_a_damaged_bundle_is_refused(say: Say, blob_bundle: Path, tmp_path: Path) -> None:
    graph = open_bundle(blob_bundle).card.graphs[0].file
    damaged = with_flipped_bit(blob_bundle, graph, tmp_path / "damaged.cellwright")
    code, said = say("models", "verify", damaged)
    assert code == 2
    assert said.startswith("error: ")


def test_an_exported_graph_runs_elsewhere(
    cellwright: Run, blob_bundle: Path, tmp_path: Path
) -> None:
    done = cellwright("export", blob_bundle, "--to", "onnx", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    session = onnxruntime.InferenceSession(tmp_path / "blobs-fp32.onnx")
    tests = open_bundle(blob_bundle).tests
    [found] = session.run(["level_4"], {"image": tests["input"]})
    np.testing.assert_allclose(found, tests["level_4"], atol=1e-5)
    card = json.loads((tmp_path / "blobs-card.json").read_text())
    assert card["name"] == "blobs"


@pytest.mark.parametrize("name", ["blobs.onnx", "blobs.XML"])
def test_a_folder_for_an_export_is_not_named_like_a_file(
    name: str, say: Say, blob_bundle: Path, tmp_path: Path
) -> None:
    code, said = say("export", blob_bundle, "--to", "onnx", "--out", tmp_path / name)
    assert code == 2
    assert f"leave {Path(name).suffix} out: --out {tmp_path / 'blobs'}" in said
    assert not (tmp_path / name).exists()


def test_an_unknown_form_names_the_choices(say: Say, blob_bundle: Path, tmp_path: Path) -> None:
    code, said = say("export", blob_bundle, "--to", "onxx", "--out", tmp_path)
    assert code == 2
    assert "did you mean 'onnx'?" in said
