"""The zoo's detectors against ultralytics 11n: same split, same size, same machine.

    python benchmarks/detector_training.py blood-cells --out runs/benchmark
    python benchmarks/detector_training.py live-dead --out runs/benchmark
    python benchmarks/detector_training.py times --out runs/benchmark
    python benchmarks/detector_training.py live-dead --out runs/benchmark --peer kept

The peer is trained from scratch on the recipe's data with its own default augmentation,
for as many epochs as it needs to level off; ours is the shipped bundle. Both run through
the same inference and the same metrics on the test part, which neither has seen. A run
that was cut short goes on. ``--peer kept`` does not train the peer: its figures are those of the
results file, whose commit is named, and without its boxes there is no paired difference; for
a change of our bundle alone. Epoch times are taken in turns, in processes of their own,
since one after the other on a noisy machine would compare the noise.
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

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.data.labelled_set import LabelledSet
from cellwright.inference.evaluate import LabelledPredictions, predict_labelled, report_on
from cellwright.inference.predictor import Predictor
from cellwright.learning.config import TrainConfig, load_config
from cellwright.learning.train import train
from cellwright.learning.training_data import load_parts
from cellwright.metrics.detection import difference_interval
from record import RESULTS, write_results

ZOO_RECIPES = Path(__file__).parent.parent / "zoo"
PEER = (
    "detector.name=yolo11n",
    "name=yolo11n",
    "start_from=null",
    "views=1",
    "schedule.augmentation=engine",
    "schedule.gentle_epochs=10",
)
PEER_EPOCHS = {"blood-cells": 60, "live-dead": 40}
PEER_FOLDER = {"blood-cells": "yolo11n", "live-dead": "live-dead-yolo11n"}
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


def compare_accuracy(name: str, out: Path) -> dict[str, object]:
    """Train the peer (or find it trained) and compare it with the shipped bundle."""
    changes = (*PEER, f"schedule.epochs={PEER_EPOCHS[name]}")
    config = load_config(ZOO_RECIPES / f"{name}.yaml", changes)
    peer = train(config, out / PEER_FOLDER[name]).bundle
    test = tested(config)
    ours, row = evaluated(open_bundle(name), test)
    theirs, peer_row = evaluated(open_bundle(peer), test)
    difference = difference_interval(ours.truth, ours.predicted, theirs.predicted, test.classes)
    return origin_of(open_bundle(name)) | {
        "test": {"cell-detector": row, "yolo11n": peer_row},
        "ap50_95_difference": vars(difference),
    }


def beside_kept_peer(name: str) -> dict[str, object]:
    """The shipped bundle, beside the peer's figures of the results file."""
    kept = json.loads((RESULTS / f"detector_training_{name}.json").read_text())
    _, row = evaluated(open_bundle(name), tested(load_config(ZOO_RECIPES / f"{name}.yaml")))
    return origin_of(open_bundle(name)) | {
        "test": {"cell-detector": row, "yolo11n": kept["test"]["yolo11n"]},
        "peer_commit": kept.get("peer_commit", kept["commit"]),
    }


def tested(config: TrainConfig) -> LabelledSet:
    """The test part of a recipe."""
    test = load_parts(config.data).test
    if test is None:
        raise SystemExit("the split has no test part")
    return test


def evaluated(bundle: Bundle, test: LabelledSet) -> tuple[LabelledPredictions, dict[str, object]]:
    """What a bundle finds, and its row of the table."""
    predictor = Predictor(bundle)
    found = predict_labelled(predictor, test)
    report = report_on(found, predictor, thresholds=predictor.thresholds.tolist())
    training = bundle.card.training
    return found, report.to_json() | {
        "bundle_mib": bundle.path.stat().st_size / 2**20,
        "epochs": training.epochs,
        "started_from": training.started_from or "chance",
    }


def origin_of(bundle: Bundle) -> dict[str, object]:
    """Data and seed of a training."""
    training = bundle.card.training
    return {
        "data": training.data,
        "data_checksum": training.data_checksum,
        "seed": training.seed,
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
    train(load_config(ZOO_RECIPES / "blood-cells.yaml", changes), Path(run))


def main() -> None:
    """Compare and write results/detector_training_NAME.json or results/detector_times.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=[*PEER_EPOCHS, "times"])
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument(
        "--peer",
        choices=["trained", "kept"],
        default="trained",
        help="train the peer, or keep its figures of the results file",
    )
    arguments = parser.parse_args()
    if arguments.what == "times":
        path = write_results("detector_times", compare_times(arguments.out))
    else:
        kept = arguments.peer == "kept"
        name = arguments.what
        content = beside_kept_peer(name) if kept else compare_accuracy(name, arguments.out)
        path = write_results(f"detector_training_{name}", content)
    print(json.dumps(json.loads(path.read_text()), indent=2))


if __name__ == "__main__":
    main()
