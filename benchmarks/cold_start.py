"""Cold start: process start to written result for one 640x480 picture, ours and a peer's.

    python benchmarks/cold_start.py [--runs 7]

The same job through `cellwright predict` and through ultralytics' own `yolo predict`, in
turns, so that a noisy machine is noisy for both. Wall time and peak resident memory of
the whole process tree are compared as ratios of medians. The peer runs yolo11n with
random weights at 640 px on the CPU: the weights do not change its start.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from cellwright.images.simulate.camera import Camera
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_pair
from cellwright.images.write import write_png
from record import write_results

BIN = Path(sys.executable).parent
SEED = 0


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall seconds and peak MiB of a command's process tree.

    Raises:
        RuntimeError: the command failed.
    """
    start = time.perf_counter()
    process = psutil.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = 0
    while process.poll() is None:
        try:
            tree = [process, *process.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in tree))
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.005)
    wall = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {process.stderr.read()[-2000:]}")
    return wall, peak / 2**20


def peer_weights(folder: Path, environment: dict[str, str]) -> Path:
    """yolo11n with random weights, as a file its own command can load."""
    path = folder / "yolo11n.pt"
    code = f"from ultralytics import YOLO; YOLO('yolo11n.yaml').save({str(path)!r})"
    subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return path


def ours(picture: Path, model: str, out: Path) -> list[str]:
    """Our command."""
    return [str(BIN / "cellwright"), "predict", str(picture), "--model", model, "--out", str(out)]


def peer(picture: Path, weights: Path, out: Path) -> list[str]:
    """The peer's own command for the same job: boxes and an overlay on disk."""
    settings = [f"model={weights}", f"source={picture}", f"project={out}"]
    settings += ["device=cpu", "imgsz=640", "save=True", "save_txt=True"]
    return [str(BIN / "yolo"), "predict", *settings]


def main() -> None:
    """Measure, print, and write results/cold_start.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--model", default="blood-cells")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture = folder / "field.png"
        pair = simulate_pair(
            LiveDeadScene(height=480, width=640, n_cells=40, camera=Camera(bit_depth=8), seed=SEED)
        )
        write_png(picture, pair.blue.repeat(3, axis=0))
        quiet = {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_CONFIG_DIR": str(folder)}
        weights = peer_weights(folder, quiet)
        found: dict[str, list[tuple[float, float]]] = {"cellwright": [], "ultralytics": []}
        for run in range(arguments.runs + 1):
            jobs = {
                "cellwright": ours(picture, arguments.model, folder / f"ours{run}"),
                "ultralytics": peer(picture, weights, folder / f"peer{run}"),
            }
            for tool, command in jobs.items():
                measured = measure(command, quiet)
                if run:  # the first round fills the disk cache for both
                    found[tool].append(measured)
    wall = {tool: statistics.median(w for w, _ in rows) for tool, rows in found.items()}
    memory = {tool: statistics.median(m for _, m in rows) for tool, rows in found.items()}
    path = write_results(
        "cold_start",
        {
            "seed": SEED,
            "runs": arguments.runs,
            "wall_s_median": wall,
            "peak_mib_median": memory,
            "wall_ratio": wall["cellwright"] / wall["ultralytics"],
            "memory_ratio": memory["cellwright"] / memory["ultralytics"],
            "each_run_wall_s_and_mib": found,
        },
    )
    print(path.read_text())


if __name__ == "__main__":
    main()
