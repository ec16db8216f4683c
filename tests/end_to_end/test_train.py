"""``cellwright train`` as it is typed, and told to stop in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tiny_cells import write_cells

from .conftest import Run


def a_config(folder: Path, data: Path, *, epochs: int) -> Path:
    path = folder / "run.yaml"
    content = {
        "name": "tiny",
        "threads": 1,
        "data": {"path": str(data)},
        "input": {"tile_px": 128},
        "detector": {"settings": {"width": 16, "n_bins": 8}},
        "schedule": {"epochs": epochs, "batch_size": 4, "precision": "32-true"},
    }
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.slow
def test_a_training_that_is_told_to_stop_ends_by_the_signal_and_goes_on(
    cellwright: Run, tmp_path: Path
) -> None:
    config, run = a_config(tmp_path, write_cells(tmp_path / "set"), epochs=5), tmp_path / "run"
    command = ("train", str(config), "--out", str(run))
    process = subprocess.Popen(
        [sys.executable, "-m", "cellwright.cli.main", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    last, deadline = run / "checkpoints" / "last.ckpt", time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None and not last.exists():
        time.sleep(0.05)
    process.terminate()
    printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed) == (-signal.SIGTERM, "")
    assert "Traceback" not in said
    assert not list(run.glob("*.cellwright"))

    again = cellwright(*command)
    assert again.returncode == 0, again.stderr
    assert Path(again.stdout.splitlines()[-1]).exists()
    assert len(list((run / "log").iterdir())) == 2, "the second run began anew"
