"""Our detector against ultralytics 11n: same split, size, epochs, machine.

    python benchmarks/detector_training.py --out runs/benchmark            both, then compare
    python benchmarks/detector_training.py --out runs/benchmark --timing   epoch times only

Both are trained from scratch on `zoo/blood-cells.yaml` (BCCD, 416 px, 60 epochs); the peer
with its own default augmentation. Both are then run through the same inference and the
same metrics on the test part, which neither has seen. A run that was cut short goes on.
Epoch times are taken in turns, in processes of their own, since one after the other on a
noisy machine would compare the noise.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from cellwright.bundles.bundle import open_bundle
from cellwright.inference.evaluate import predict_labelled
from cellwright.inference.predictor import Predictor
from cellwright.learning.config import load_config
from cellwright.learning.train import train
from cellwright.learning.training_data import load_parts
from cellwright.metrics.detection import difference_interval, evaluate_detection
from record import RESULTS, write_results

CONFIG = Path(__file__).parent.parent / "zoo" / "blood-cells.yaml"
PEER = ("detector.name=yolo11n", "schedule.augmentation=engine", "name=yolo11n")
CONTESTANTS: dict[str, tuple[str, ...]] = {"cell-detector": (), "yolo11n": PEER}
TIMED_EPOCHS = 2
ROUNDS = 2


def epoch_seconds(run: Path) -> list[float]:
    """Seconds of each epoch, validation included, from what the engine itself logged."""
    peer = run / "ultralytics" / "results.csv"
    if peer.exists():
        with peer.open(newline="") as file:
            ends = [float(row["time"]) for row in csv.DictReader(file)]
        return np.diff([0.0, *ends]).tolist()
    rows: list[float] = []
    for log in sorted((run / "log").glob("*/metrics.csv")):
        with log.open(newline="") as file:
            rows += [float(row["seconds"]) for row in csv.DictReader(file) if row.get("seconds")]
    return rows


def compare_accuracy(out: Path) -> dict[str, object]:
    """Train both (or find them trained) and compare on the test part."""
    configs = {name: load_config(CONFIG, changes) for name, changes in CONTESTANTS.items()}
    bundles = {name: train(config, out / name).bundle for name, config in configs.items()}
    test = load_parts(configs["cell-detector"].data).test
    if test is None:
        raise SystemExit("the split has no test part")
    found, table = {}, {}
    for name, path in bundles.items():
        predictor = Predictor(open_bundle(path))
        found[name] = predict_labelled(predictor, test)
        report = evaluate_detection(
            found[name].truth,
            found[name].predicted,
            test.classes,
            score_threshold=predictor.thresholds.tolist(),
        )
        table[name] = report.to_json() | {"bundle_mib": path.stat().st_size / 2**20}
    ours, peer = found["cell-detector"], found["yolo11n"]
    difference = difference_interval(ours.truth, ours.predicted, peer.predicted, test.classes)
    card = open_bundle(bundles["cell-detector"]).card
    return {
        "data": card.training.data,
        "data_checksum": card.training.data_checksum,
        "seed": card.training.seed,
        "epochs": card.training.epochs,
        "test": table,
        "ap50_95_difference": vars(difference),
    }


def compare_times(out: Path) -> dict[str, object]:
    """Median seconds an epoch, in turns; the first epoch of a run warms up and is left out."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for turn in range(ROUNDS):
        for name in CONTESTANTS:
            run = out / f"timing-{name}-{turn}"
            code = "import sys; sys.path.insert(0, sys.argv[1]); import detector_training as d; "
            code += f"d.run_timed({name!r}, {str(run)!r})"
            subprocess.run(
                [sys.executable, "-c", code, str(Path(__file__).parent)],
                # As `cellwright train` sets it, and for both alike.
                env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
                check=True,
            )
            seconds[name] += epoch_seconds(run)[1:]
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "epoch_s": seconds,
        "epoch_s_median": medians,
        "epoch_time_ratio": medians["cell-detector"] / medians["yolo11n"],
    }


def run_timed(name: str, run: str) -> None:
    """A few epochs of one contestant."""
    changes = (*CONTESTANTS[name], f"schedule.epochs={TIMED_EPOCHS}", "schedule.gentle_epochs=0")
    train(load_config(CONFIG, changes), Path(run))


def main() -> None:
    """Compare and write results/detector_training.json and results/detector_times.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--timing", action="store_true", help="only the epoch times")
    arguments = parser.parse_args()
    if not arguments.timing:
        write_results("detector_training", compare_accuracy(arguments.out))
        print((RESULTS / "detector_training.json").read_text())
    path = write_results("detector_times", compare_times(arguments.out))
    print(json.dumps(json.loads(path.read_text()), indent=2))


if __name__ == "__main__":
    main()
