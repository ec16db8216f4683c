"""Our detector learns, resumes and ships: tiny, seeded, on the CPU."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.card import DenseBoxes
from cellwright.bundles.verify import verify
from cellwright.data.splits import read_split
from cellwright.detectors.assignment import Targets
from cellwright.detectors.objective import DetectionObjective
from cellwright.errors import ConfigError
from cellwright.inference.decode import decode_dense
from cellwright.inference.nms import nms
from cellwright.learning.config import load_config
from cellwright.learning.train import train
from cellwright.learning.windows import collate
from cellwright.metrics.detection import evaluate_detection
from cellwright.metrics.intervals import Resampling
from cellwright.models.cell_detector import CellDetector, DenseBoxesGraph
from cellwright.types import Boxes
from tiny_cells import CLASSES, draw_cells, write_cells

SMALL = {"width": 16, "n_bins": 8}

EXPECTED_LOSSES = [18.39, 18.17, 18.22]


def a_config(folder: Path, data: Path, **schedule: object) -> Path:
    path = folder / "run.yaml"
    content = {
        "name": "tiny",
        "threads": 1,
        "data": {"path": str(data)},
        "input": {"tile_px": 128},
        "detector": {"settings": SMALL},
        "schedule": {"epochs": 2, "batch_size": 4, "precision": "32-true", **schedule},
    }
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.slow
def test_four_images_are_learned_by_heart():
    torch.manual_seed(0)
    pictures = []
    for seed in range(4):
        pixels, boxes = draw_cells(6, edge=128, seed=seed)
        pictures.append((pixels.transpose(1, 2, 0), boxes))
    batch = collate(pictures)
    targets = Targets(batch.image_index, batch.class_ids, batch.xyxy)
    network = CellDetector(2, 1, **SMALL)
    objective = DetectionObjective(network.strides, network.n_bins)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=100)
    for _ in range(100):
        optimizer.zero_grad()
        objective(network(batch.images), targets)["loss"].backward()
        optimizer.step()
        rate.step()
    with torch.no_grad():
        levels = DenseBoxesGraph(network).eval()(batch.images)
    outputs = {f"level_{s}": t.numpy() for s, t in zip((8, 16), levels, strict=True)}
    found = decode_dense(outputs, DenseBoxes(strides=(8, 16)), 0.01)
    report = evaluate_detection(
        [boxes for _, boxes in pictures],
        [nms(boxes, iou=0.6) for boxes in found],
        CLASSES,
        score_threshold=0.5,
        resampling=Resampling(n=0),
    )
    assert report.metrics["ap50"].value > 0.99
    assert report.metrics["recall"].value > 0.95


def test_the_first_losses_are_these():
    """Seeded values: a change here is a change of the method, and the tables must be rerun."""
    torch.manual_seed(0)
    network = CellDetector(2, 1, **SMALL)
    pixels, boxes = draw_cells(5, edge=96, seed=0)
    batch = collate([(pixels.transpose(1, 2, 0), boxes)])
    targets = Targets(batch.image_index, batch.class_ids, batch.xyxy)
    objective = DetectionObjective(network.strides, network.n_bins)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    values = []
    for _ in range(3):
        optimizer.zero_grad()
        losses = objective(network(batch.images), targets)
        losses["loss"].backward()
        optimizer.step()
        values.append(round(losses["loss"].item(), 2))
    assert values == pytest.approx(EXPECTED_LOSSES, rel=2e-2)


def test_an_image_with_2000_cells_trains():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 620, (2000, 2))
    boxes = Boxes(np.hstack([low, low + rng.uniform(6, 20, (2000, 2))]), rng.integers(0, 2, 2000))
    picture = rng.integers(0, 256, (640, 640, 1), dtype=np.uint8)
    batch = collate([(picture, boxes)])
    assert len(batch.xyxy) == 2000
    network = CellDetector(2, 1, strides=(4, 8, 16), **SMALL)
    objective = DetectionObjective(network.strides, network.n_bins)
    targets = Targets(batch.image_index, batch.class_ids, batch.xyxy)
    losses = objective(network(batch.images), targets)
    losses["loss"].backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert torch.isfinite(losses["loss"])
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.slow
def test_a_run_leaves_a_bundle_that_verifies_and_states_its_figures(tmp_path):
    data = write_cells(tmp_path / "set")
    run = tmp_path / "run"
    result = train(load_config(a_config(tmp_path, data)), run, command="cellwright train run.yaml")
    bundle = open_bundle(result.bundle)
    card = bundle.card
    assert card.classes == CLASSES
    assert card.input.normalisation.kind == "percentile"
    assert card.training.n_images == 9
    assert card.training.shipped_epochs == (0,), "both epochs are warm-up, nothing is averaged yet"
    assert len(card.training.data_checksum) == 64
    assert len(card.decoding.class_thresholds) == 2
    assert [evaluation.data for evaluation in card.evaluations] == [
        "set, validation part",
        "set, test part",
    ]
    assert set(read_split(run / "split.csv").values()) == {"train", "val", "test"}
    assert all(replay.passed for replay in verify(bundle))

    with pytest.raises(ConfigError, match="other settings"):
        train(load_config(a_config(tmp_path, data, epochs=3)), run)


def epochs_logged(run: Path) -> int:
    """Finished epochs in the first log of a run."""
    log = run / "log" / "version_0" / "metrics.csv"
    if not log.exists():
        return 0
    with log.open(newline="") as file:
        return len({row["epoch"] for row in csv.DictReader(file) if row.get("seconds")})


@pytest.mark.slow
def test_a_killed_run_goes_on_at_its_last_epoch(tmp_path):
    """SIGKILL in the middle, start again: the epochs done are kept and the end is reached."""
    data = write_cells(tmp_path / "set")
    config = a_config(tmp_path, data, epochs=12)
    run = tmp_path / "run"
    code = (
        "import sys; from pathlib import Path\n"
        "from cellwright.learning.config import load_config\n"
        "from cellwright.learning.train import train\n"
        "train(load_config(Path(sys.argv[1])), Path(sys.argv[2]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(config), str(run)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    last = run / "checkpoints" / "last.ckpt"
    deadline = time.monotonic() + 240
    # Several epochs in: a state that is only kept when the figures improve would be older.
    while time.monotonic() < deadline and process.poll() is None and epochs_logged(run) < 4:
        time.sleep(0.05)
    logged = epochs_logged(run)
    assert process.poll() is None, "the run ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = torch.load(last, weights_only=True)["epoch"]
    # The log is written a moment after the state, so the two differ by one at the most.
    assert logged - 1 <= done + 1 <= 12

    result = train(load_config(config), run)
    assert open_bundle(result.bundle).card.training.epochs == 12
    assert torch.load(last, weights_only=True)["epoch"] >= 11
    logs = sorted((run / "log").iterdir())
    assert len(logs) == 2
    resumed = (logs[1] / "metrics.csv").read_text().splitlines()
    column = resumed[0].split(",").index("epoch")
    assert min(int(row.split(",")[column]) for row in resumed[1:]) >= done
