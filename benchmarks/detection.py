"""Speed of detection from file to written table, ours and ultralytics', with the same network.

    python benchmarks/detection.py --out runs/benchmark-detection --prepare    network, pictures
    python benchmarks/detection.py --out runs/benchmark-detection              the measurement

yolo11n with the same weights, the same input (2560x1920 fields drawn at 1280x960), the same
suppression and score threshold, two processor cores. On two cores the peer's engine gives its
PyTorch network one thread; it is timed as it comes, and made to take both. Every
measurement is a process of its own, in turns and from round to round in another order, so
that a noisy machine is noisy for all. Ratios are taken within a round; given are their
median and the smallest and largest, between which the true median lies with 94 % where there
are five rounds. Average precision is
computed by one evaluation from the boxes of each, on the fields that are timed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.bundles.bundle import open_bundle
from cellwright.data.checksum import checksum
from cellwright.data.formats import read_labelled
from cellwright.metrics.detection import difference_interval, evaluate_detection
from cellwright.metrics.intervals import Resampling
from cellwright.types import Boxes
from detection_contestants import Job
from detection_network import LONGEST_PX, SCENE, SEED, Files, prepare
from record import write_results

CONTESTANTS_SCRIPT = Path(__file__).with_name("detection_contestants.py")
THREADS = 2
N_PAIRS = 10
ROUNDS = 5
WHOLE_ROUNDS = 2


@dataclass(frozen=True)
class Contestant:
    """Who, with which file of :class:`Files`, in which runtime, with whose number of threads."""

    engine: str
    model: str
    runtime: str = "auto"
    peer_threads: str = "own"


PEERS = {
    "ultralytics": Contestant("ultralytics", "weights"),
    "ultralytics, made to take both cores": Contestant(
        "ultralytics", "weights", peer_threads="given"
    ),
    "ultralytics, own ONNX export": Contestant("ultralytics", "onnx"),
}
OURS = {
    "cellwright (auto: onnxruntime)": Contestant("cellwright", "bundle"),
    "cellwright, openvino": Contestant("cellwright", "bundle", "openvino"),
    "cellwright, openvino-bf16": Contestant("cellwright", "bundle", "openvino-bf16"),
    "cellwright, int8 (auto: openvino)": Contestant("cellwright", "int8"),
}
CONTESTANTS = PEERS | OURS
REFERENCE = next(iter(PEERS))


class Course:
    """The files and settings that all contestants share."""

    def __init__(self, files: Files, scratch: Path, pictures: Path) -> None:
        self._files, self._scratch = files, scratch
        self.images = tuple(sorted((pictures / "images").iterdir()))
        decoding = open_bundle(files.bundle).card.decoding
        if decoding is None:
            raise SystemExit("the bundle does not detect")
        self.score, self.iou = decoding.class_thresholds[0], decoding.nms_iou
        self._runs = 0

    def run(self, name: str, task: str) -> dict[str, float]:
        """One process of one contestant: its answer, and its wall time."""
        contestant = CONTESTANTS[name]
        self._runs += 1
        job = Job.model_validate(
            {
                "engine": contestant.engine,
                "task": task,
                "model": getattr(self._files, contestant.model),
                "runtime": contestant.runtime,
                "images": self.images,
                "threads": THREADS,
                "peer_threads": contestant.peer_threads,
                "out": self.out(name) if task == "boxes" else self._scratch / str(self._runs),
                "size": (LONGEST_PX * SCENE.height // SCENE.width, LONGEST_PX),
                "score": self.score,
                "iou": self.iou,
            }
        )
        path = self._scratch / f"{self._runs}.json"
        path.write_text(job.model_dump_json())
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(CONTESTANTS_SCRIPT), str(path)],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        wall = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr[-3000:]}")
        answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return answer | {"wall": wall}

    def out(self, name: str) -> Path:
        """Where the boxes of a contestant are kept."""
        return self._scratch / "boxes" / str(list(CONTESTANTS).index(name))

    def boxes(self, name: str) -> list[Boxes]:
        """The ranked boxes of every image, kept by an earlier run of the task ``boxes``."""
        found = []
        for path in self.images:
            with np.load(self.out(name) / f"{path.stem}.npz") as held:
                scores = held["scores"]
                found.append(Boxes(held["xyxy"], np.zeros(len(scores), np.int64), scores))
        return found

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
        return kept | {
            "OMP_NUM_THREADS": str(THREADS),
            "YOLO_OFFLINE": "1",
            "YOLO_AUTOINSTALL": "0",
            "YOLO_VERBOSE": "0",
            "YOLO_CONFIG_DIR": str(self._scratch),
        }


def accuracy(course: Course, pictures: Path) -> dict[str, Any]:
    """Average precision of each on the timed fields, and its difference to the peer's."""
    labelled = read_labelled(pictures, format="csv")
    truth_of = {record.image_path.stem: record.load_annotation() for record in labelled}
    truth = [truth_of[path.stem] for path in course.images]
    pairs = [path.stem.rsplit("_", 1)[0] for path in course.images]
    found = {}
    for name in CONTESTANTS:
        course.run(name, "boxes")
        found[name] = course.boxes(name)
    table = {}
    for name, boxes in found.items():
        report = evaluate_detection(
            truth,
            boxes,
            labelled.classes,
            score_threshold=course.score,
            resampling=Resampling(groups=pairs),
        )
        difference = difference_interval(
            truth, boxes, found[REFERENCE], labelled.classes, resampling=Resampling(groups=pairs)
        )
        metrics = report.to_json()["metrics"]
        kept = {key: metrics[key] for key in ("ap50", "ap50_95", "f1", "count_mae")}
        table[name] = kept | {"ap50_95_difference": vars(difference)}
    return {"data_checksum": checksum(labelled), "figures": table}


def speed(course: Course, *, rounds: int) -> dict[str, Any]:
    """Seconds a pair in the steady state, peak memory, and ratios within each round."""
    n_pairs = len(course.images) / 2
    names = list(CONTESTANTS)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    peak: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            answer = course.run(name, "tables")
            seconds[name].append(answer["seconds"] / n_pairs)
            peak[name].append(answer["peak_mib"])
            print(f"round {turn + 1}: {name}: {seconds[name][-1]:.3f} s a pair", flush=True)
    return {
        "seconds_a_pair": seconds,
        "seconds_a_pair_median": {name: statistics.median(seconds[name]) for name in names},
        "peak_mib": {name: max(peak[name]) for name in names},
        "times_the_peer": {
            peer: {name: ratio(seconds[peer], seconds[name]) for name in OURS} for peer in PEERS
        },
    }


def ratio(slow: list[float], fast: list[float]) -> dict[str, float]:
    """Median over rounds of slow over fast, and the smallest and largest."""
    rows = [a / b for a, b in zip(slow, fast, strict=True)]
    return {"median": statistics.median(rows), "low": min(rows), "high": max(rows)}


def whole(course: Course) -> dict[str, float]:
    """Median wall seconds of a process that starts cold, does all fields and ends."""
    walls: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(WHOLE_ROUNDS):
        for name, rows in walls.items():
            rows.append(course.run(name, "whole")["wall"])
    return {name: statistics.median(rows) for name, rows in walls.items()}


def main() -> None:
    """Prepare; measure; write results/detection.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of network and pictures")
    parser.add_argument("--prepare", action="store_true", help="make these and stop")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--pairs", type=int, default=N_PAIRS)
    parser.add_argument(
        "--colour", action="store_true", help="the same pictures stored with three channels"
    )
    arguments = parser.parse_args()
    files = prepare(arguments.out, n_pairs=arguments.pairs)
    if arguments.prepare:
        return
    pictures = files.colour if arguments.colour else files.pairs
    with tempfile.TemporaryDirectory() as scratch:
        course = Course(files, Path(scratch), pictures)
        content = {
            "seed": SEED,
            "pictures": "three equal channels" if arguments.colour else "grey",
            "pairs": arguments.pairs,
            "rounds": arguments.rounds,
            "threads": THREADS,
            "network": "yolo11n",
            "input": [LONGEST_PX * SCENE.height // SCENE.width, LONGEST_PX],
            "accuracy": accuracy(course, pictures),
            "speed": speed(course, rounds=arguments.rounds),
            "whole_process_s": whole(course),
        }
    name = "detection_colour" if arguments.colour else "detection"
    print(write_results(name, content).read_text())


if __name__ == "__main__":
    main()
