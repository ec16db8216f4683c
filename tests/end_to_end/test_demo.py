"""``cellwright demo`` with models made by hand in place of its minutes of training."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer

from cellwright.cli import demo, demo_cell_cycle, demo_confluence, demo_smears, train
from cellwright.cli.main import app
from cellwright.errors import ConfigError
from dark_model import dark_bundle


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, blob_bundle: Path) -> None:
    """Fewer and smaller experiments, and training that puts the hand-made model in place."""

    def pretend(config: Path, *, out: Path) -> None:
        assert config.is_file()
        out.mkdir(parents=True)
        if config.name == "smears.yaml":
            dark_bundle(out / "demo-smears.cellwright")
        else:
            shutil.copy(blob_bundle, out / "demo.cellwright")

    monkeypatch.setattr(train, "train", pretend)
    monkeypatch.setattr(demo, "PAIRS_A_SERIES", 1)
    monkeypatch.setattr(demo_confluence, "FIELDS_A_DAY", 1)
    monkeypatch.setattr(
        demo_cell_cycle,
        "SAMPLES",
        tuple(one._replace(counts=dict.fromkeys(one.counts, 1)) for one in demo_cell_cycle.SAMPLES),
    )
    monkeypatch.setattr(demo_smears, "SLIDES", 1)
    monkeypatch.setattr(demo_smears, "FIELDS_A_SLIDE", 1)
    monkeypatch.setattr(demo, "TRAINING", demo.TRAINING[:2])
    monkeypatch.setattr(demo, "UNSEEN", tuple(one._replace(n_cells=60) for one in demo.UNSEEN))
    monkeypatch.setattr(demo, "RADIUS_PX", (8.0, 10.0))
    monkeypatch.setattr(demo, "FRAME_UNSEEN", demo.FRAME_TRAINING)


def test_it_ends_with_a_page_that_leads_to_everything(
    quick: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo-out"
    demo.demo(out)
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == str(out / "index.html")
    page = (out / "index.html").read_text(encoding="utf-8")
    with (out / "simulated/unseen/truth/truth.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert row["group"] in page
            assert f"{100 * float(row['viability']):.1f} %" in page
    with (out / "simulated/smears/truth.csv").open(newline="") as file:
        assert all(row["group"] in page for row in csv.DictReader(file))
    assert "not a diagnosis" in page
    with (out / "simulated/culture/truth.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert f"{100 * float(row['confluence']):.1f} %" in page
    with (out / "simulated/cells/truth.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    for phase in {cell["phase"] for cell in cells}:
        count = sum(cell["phase"] == phase for cell in cells)
        assert re.search(rf"{phase}: \d+ of {count} called so", page)
    assert all(part in page for part in demo.PARTS)
    linked = [link for link in re.findall(r'href="([^"#]+)"', page) if ":" not in link]
    assert len(linked) >= 10
    assert all((out / link).exists() for link in linked)

    announced = re.findall(r"\$ (cellwright .+)", printed.err)
    steps = [line.split()[1] for line in announced]
    viability = ["data", "train", "evaluate", "predict", "assay"]
    assert steps == [*viability, "evaluate", "assay", "assay", "train", "assay"]
    assays = [line.split()[2] for line in announced if line.split()[1] == "assay"]
    assert assays == ["viability", "confluence", "cell-cycle", "leukemia"]
    commands = typer.main.get_command(app)
    for line in announced:
        words = shlex.split(line)[1:]
        command = commands
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context(command.name, words)


def test_it_can_be_run_twice(quick: None, tmp_path: Path) -> None:
    out = tmp_path / "demo-out"
    demo.demo(out)
    (out / "predictions" / "cells.csv").write_text("from before")
    (out / "notes.txt").write_text("mine")
    demo.demo(out)
    assert (out / "predictions" / "cells.csv").read_text() != "from before"
    assert (out / "notes.txt").read_text() == "mine"


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("three years")
    with pytest.raises(ConfigError, match="not a demo's"):
        demo.demo(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "thesis.txt"]
