"""One contestant of `detection.py` in a process of its own: images in, tables out.

    python benchmarks/detection_contestants.py JOB.json

The job says who, on which files and how; the answer is one line of JSON. A contestant has
its model loaded and has seen a few images before the clock starts, so that what is timed
is the steady state from file to written table, without overlays on either side. It may use
no more processor cores than it is given threads.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from cellwright.bundles.bundle import open_bundle
from cellwright.images.read import open_image
from cellwright.inference.predictor import Predictor
from cellwright.inference.run import RunOptions, load_model
from cellwright.inference.workers import plan_work

RANKED_SCORE = 0.001
"""Boxes down to this score are wanted for average precision."""

MAX_DETECTIONS = 3000
"""The peer's default of 300 would cut the fields off."""


class Job(BaseModel):
    """What one process does.

    Attributes:
        engine: ``cellwright``, or the peer.
        task: ``tables`` is timed; ``whole`` as well, but cold and untimed within; ``boxes``
            keeps the ranked boxes of every image.
        model: bundle, weights or exported graph.
        runtime: of ours.
        images: in order.
        warm_up: images done before the clock starts.
        threads: for all.
        peer_threads: ``own`` leaves to the peer how many of these its network takes, ``given``
            makes it take them all.
        out: folder to write to.
        size: height and width of the network's input.
        score: from which a box counts.
        iou: of the suppression.
    """

    model_config = ConfigDict(frozen=True)

    engine: Literal["cellwright", "ultralytics"]
    task: Literal["tables", "whole", "boxes"]
    model: Path
    runtime: str = "auto"
    images: tuple[Path, ...]
    warm_up: int = 4
    threads: int
    peer_threads: Literal["own", "given"] = "own"
    out: Path
    size: tuple[int, int]
    score: float
    iou: float


def ours(job: Job) -> float:
    """Seconds for all images; ``boxes`` are written instead of tables where asked for."""
    bundle = open_bundle(job.model)
    if job.task == "boxes":
        predictor = Predictor(bundle, runtime=job.runtime, threads=job.threads)
        for path in job.images:
            with open_image(path) as image:
                boxes = predictor.predict(image, minimum_score=RANKED_SCORE)
            keep(job.out / f"{path.stem}.npz", boxes.xyxy, boxes.scores)
        return 0.0
    options = RunOptions(overlays="none", score_threshold=job.score)
    plan = plan_work(len(job.images), threads=job.threads)
    model = load_model(bundle, options, runtime=job.runtime, plan=plan)
    if job.task == "tables":
        model.predict(job.images[: job.warm_up], job.out / "warm-up")
    start = time.perf_counter()
    summary = model.predict(job.images, job.out / "timed")
    if summary.errors:
        raise SystemExit(f"not counted: {summary.errors}")
    return time.perf_counter() - start


def peer(job: Job) -> float:
    """The same with the peer's own prediction."""
    import torch  # noqa: PLC0415 - ours runs without it
    from ultralytics import YOLO  # noqa: PLC0415

    yolo = YOLO(job.model, task="detect")
    score = RANKED_SCORE if job.task == "boxes" else job.score

    def results(images: tuple[Path, ...]) -> Iterator[Any]:
        # A text file of paths is read one image at a time; a list would be loaded whole.
        listed = job.out / "images.txt"
        listed.write_text("\n".join(map(str, images)))
        found = yolo.predict(
            str(listed),
            imgsz=list(job.size),
            conf=score,
            iou=job.iou,
            max_det=MAX_DETECTIONS,
            device="cpu",
            stream=True,
            verbose=False,
            save=False,
        )
        for result in found:
            # When it is set up, at its first image, its engine leaves one core free.
            if job.peer_threads == "given":
                torch.set_num_threads(job.threads)
            yield result

    if job.task != "whole":
        for _ in results(job.images[: job.warm_up]):
            pass
    if job.task == "boxes":
        for result in results(job.images):
            boxes = result.boxes
            keep(job.out / f"{Path(result.path).stem}.npz", boxes.xyxy.numpy(), boxes.conf.numpy())
        return 0.0
    start = time.perf_counter()
    write_tables(results(job.images), job.out)
    return time.perf_counter() - start


def write_tables(results: Iterator[Any], out: Path) -> None:
    """The peer's boxes as the tables of ours: a row a cell, a row an image."""
    counts = []
    with (out / "cells.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "label", "class", "score", "x1", "y1", "x2", "y2"])
        for result in results:
            name, boxes = Path(result.path).stem, result.boxes
            rows = zip(
                boxes.xyxy.tolist(), boxes.conf.tolist(), boxes.cls.int().tolist(), strict=True
            )
            for number, (corners, score, kind) in enumerate(rows, 1):
                writer.writerow([name, number, result.names[kind], score, *corners])
            counts.append([name, result.path, *result.orig_shape, len(boxes)])
    with (out / "summary.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "file", "height", "width", "n_cells"])
        writer.writerows(counts)


def keep(path: Path, xyxy: Any, scores: Any) -> None:
    """Ranked boxes of one image."""
    np.savez(path, xyxy=xyxy, scores=scores)


ENGINES: dict[str, Callable[[Job], float]] = {"cellwright": ours, "ultralytics": peer}


def peak_mib() -> float:
    """Most memory this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # what the operating system's own call gives may be the parent's
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Do the job and say how long it took and how much memory the process has held."""
    job = Job.model_validate_json(Path(sys.argv[1]).read_text())
    job.out.mkdir(parents=True, exist_ok=True)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job.threads])
    seconds = ENGINES[job.engine](job)
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
