"""Table 1: size and speed of every trained network, and what the paper lacks.

Times are taken on the exported graph with random pixels: how fast a convolution runs does
not depend on what it sees. The paper's FLOPs are those of 640 px, its speeds of 1280 px.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import torch

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.sessions import open_session
from cellwright.compression.cost import graph_cost
from cellwright.errors import CellwrightError
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_pair
from cellwright.images.write import write_png
from cellwright.metrics.intervals import percentile_interval
from cellwright.studies.study import Figure, NotAttempted, Outcome, figure_of
from cellwright.studies.viability_yolo.detection import PRINTED, Setting

FLOPS_PX = 640
PAIR_CELLS = 400
PAIR_RUNS = 3
WARM_UP = 2
SEED = 7

ONNX, OPENVINO = "CPU ONNX (FPS)", "CPU OpenVINO (FPS)"
SIZE_AND_SPEED = ("weights (M)", "FLOPs at 640 px (G)", "bundle (MiB)", ONNX, OPENVINO)
ON_GPU = ("GPU TensorRT (FPS)",)
END_TO_END = ("file to table, a pair (s)", "peak memory (MiB)")
OTHER_MACHINE = "other machine"


def time_graph(setting: Setting, detector: str, folder: Path) -> Outcome:  # noqa: ARG001
    """Parameters, operations, and passes a second in both runtimes."""
    bundle = open_bundle(setting.bundle(detector))
    channels, graph = bundle.card.input.channels, float_graph(bundle)
    cost = graph_cost(graph, (1, channels, FLOPS_PX, FLOPS_PX))
    row, edge = PRINTED[detector], setting.preset.speed_px
    figures = [
        Figure("1", row, "weights (M)", cost.parameters / 1e6, note=_channels_note(channels)),
        Figure("1", row, "FLOPs at 640 px (G)", cost.gflops, note=_channels_note(channels)),
        Figure("1", row, "bundle (MiB)", bundle.path.stat().st_size / 2**20),
    ]
    pixels = np.random.default_rng(SEED).random((1, channels, edge, edge)).astype(np.float32)
    for metric, runtime in ((ONNX, "onnxruntime"), (OPENVINO, "openvino")):
        session = open_session(graph, runtime=runtime, threads=setting.preset.threads)
        seconds = _passes(partial(session.run, pixels), setting.preset.speed_runs)
        figures.append(per_second(row, metric, seconds, threads=setting.preset.threads))
    return Outcome(tuple(figures), SEED, f"random pixels, {edge} x {edge}")


def time_on_gpu(setting: Setting, detector: str, folder: Path) -> Outcome:  # noqa: ARG001
    """Passes a second through TensorRT, where there is a GPU and a runtime with TensorRT."""
    if not torch.cuda.is_available():
        raise NotAttempted("no GPU")
    import onnxruntime as ort  # noqa: PLC0415 - only where it may be the build with TensorRT

    if "TensorrtExecutionProvider" not in ort.get_available_providers():
        raise NotAttempted("the ONNX Runtime installed here has no TensorRT")
    bundle = open_bundle(setting.bundle(detector))
    edge, channels = setting.preset.speed_px, bundle.card.input.channels
    session = ort.InferenceSession(float_graph(bundle), providers=["TensorrtExecutionProvider"])
    pixels = np.random.default_rng(SEED).random((1, channels, edge, edge)).astype(np.float32)
    inputs = {session.get_inputs()[0].name: pixels}
    seconds = _passes(partial(session.run, None, inputs), 20 * setting.preset.speed_runs)
    figure = per_second(PRINTED[detector], ON_GPU[0], seconds, threads=None)
    return Outcome((figure,), SEED, f"random pixels, {edge} x {edge}")


def time_end_to_end(setting: Setting, detector: str, folder: Path) -> Outcome:
    """Our own ``predict`` command on one pair: start, decoding, network, tables, overlays."""
    bundle = setting.bundle(detector)
    pictures = folder / "pair"
    pictures.mkdir(parents=True, exist_ok=True)
    dense = setting.preset.dense
    n_cells = min(PAIR_CELLS, dense.n_cells)
    scene = LiveDeadScene(height=dense.height, width=dense.width, n_cells=n_cells, seed=SEED)
    pair = simulate_pair(scene)
    write_png(pictures / "pair_blue.png", pair.blue)
    write_png(pictures / "pair_red.png", pair.red)
    threads = setting.preset.threads
    runs = [
        _measured(_predict(pictures, bundle, folder / f"run{number}", threads))
        for number in range(PAIR_RUNS)
    ]
    seconds, peaks = zip(*runs, strict=True)
    note = f"{dense.width} x {dense.height} px, {PAIR_RUNS} runs, {_words(threads)}"
    row = PRINTED[detector]
    return Outcome(
        (
            Figure(
                "1",
                row,
                "file to table, a pair (s)",
                statistics.median(seconds),
                min(seconds),
                max(seconds),
                n=PAIR_RUNS,
                note=f"{note}; the ends are the fastest and the slowest",
            ),
            Figure("1", row, "peak memory (MiB)", max(peaks), n=PAIR_RUNS, note=note),
        ),
        SEED,
        "one simulated pair",
    )


def float_graph(bundle: Bundle) -> bytes:
    """The bundle's first graph, which is the one in float32."""
    return bundle.graph(bundle.card.graphs[0])


def per_second(row: str, metric: str, seconds: Sequence[float], *, threads: int | None) -> Figure:
    """Passes a second from the median pass, with the bootstrap interval of that median."""
    taken = np.asarray(seconds)
    drawn = np.random.default_rng(SEED).choice(taken, (1000, len(taken)))
    interval = percentile_interval(
        1 / float(np.median(taken)), 1 / np.median(drawn, axis=1), n=len(taken)
    )
    return figure_of("1", row, metric, interval, apart=f"{OTHER_MACHINE}, {_words(threads)}")


def _passes(run: Callable[[], object], n: int) -> list[float]:
    """Seconds of ``n`` passes after a few that warm up."""
    for _ in range(WARM_UP):
        run()
    taken = []
    for _ in range(n):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return taken


def _predict(pictures: Path, bundle: Path, out: Path, threads: int | None) -> list[str]:
    command = [sys.executable, "-m", "cellwright.cli.main", "predict", str(pictures)]
    command += ["--model", str(bundle), "--out", str(out), "--existing", "replace"]
    return command if threads is None else [*command, "--threads", str(threads)]


def _measured(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak MiB of a command.

    Raises:
        CellwrightError: it failed; with its own last words.
    """
    start = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.01)
    words = process.communicate()[1]
    if process.returncode:
        raise CellwrightError(f"cellwright predict failed: {words[-500:]}")
    return time.perf_counter() - start, peak / 2**20


def _channels_note(channels: int) -> str:
    return "" if channels == 3 else f"{channels}-channel input, the paper's has 3"


def _words(threads: int | None) -> str:
    return "all threads" if threads is None else f"{threads} thread{'s' if threads > 1 else ''}"
