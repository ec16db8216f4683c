"""The real commands in a process of their own, on simulated images, with a model made by hand.

The model detects bright round blobs. Its one convolution is a disc minus its surround, so a
nucleus of about the disc's radius answers above zero and everything else below; the size of
its boxes is fixed. The commands around a model can so be driven end to end in seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cellwright.bundles.bundle import graph_entry, write_bundle
from cellwright.bundles.card import Card, Decoding, DenseBoxes, InputSpec, TrainingRecord
from cellwright.bundles.sessions import open_session
from cellwright.cli.main import main
from cellwright.images.normalise import Normalisation
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_series
from cellwright.images.simulate.storage import write_series
from cellwright.images.write import write_png
from page_steps import visit
from serving import served

STRIDE = 4
RADIUS_PX = 9.0
GRAPH = "graphs/fp32.onnx"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def blob_kernel(radius_px: float) -> np.ndarray:
    """Float32 ``(k, k)``: mean of a disc minus mean of the ring around it."""
    half = int(2 * radius_px)
    # The kernel's centre is the anchor point: half a stride into the cell of the output grid.
    y, x = np.mgrid[-half : half + STRIDE, -half : half + STRIDE] + 0.5 - STRIDE / 2
    distance = np.hypot(x, y)
    disc, ring = distance <= 0.8 * radius_px, (distance > 1.3 * radius_px) & (distance <= half)
    return (disc / disc.sum() - ring / ring.sum()).astype(np.float32)


def blob_graph(radius_px: float, n_classes: int) -> bytes:
    """ONNX bytes: ``image (N, 1, H, W)`` to ``level_4 (N, 4 + K, H/4, W/4)``."""
    kernel = blob_kernel(radius_px)
    half = (kernel.shape[0] - STRIDE) // 2
    weight = np.zeros((4 + n_classes, 1, *kernel.shape), np.float32)
    weight[4] = 25 * kernel
    bias = np.full(4 + n_classes, radius_px / STRIDE, np.float32)
    bias[4:] = -12.0
    bias[4] = -4.0
    node = helper.make_node(
        "Conv",
        ["image", "weight", "bias"],
        ["level_4"],
        strides=[STRIDE, STRIDE],
        pads=[half] * 4,
    )
    shape_in, shape_out = ["N", 1, "H", "W"], ["N", 4 + n_classes, "h", "w"]
    graph = helper.make_graph(
        [node],
        "blobs",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info("level_4", TensorProto.FLOAT, shape_out)],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def write_blob_bundle(path: Path, classes: Sequence[str] = ("nucleus",)) -> Path:
    """A bundle of :func:`blob_graph`; every blob is of the first class."""
    graph = blob_graph(RADIUS_PX, n_classes=len(classes))
    tests = {"input": np.random.default_rng(0).random((1, 1, 64, 96), dtype=np.float32)}
    tests |= open_session(graph, runtime="onnxruntime").run(tests["input"])
    card = Card(
        name=path.stem,
        task="detection",
        classes=tuple(classes),
        description="Bright round blobs, found without training; for tests.",
        licence="Apache-2.0",
        input=InputSpec(
            channels=1,
            normalisation=Normalisation(kind="percentile"),
            tile_px=320,
            overlap_px=64,
        ),
        decoding=Decoding(output=DenseBoxes(strides=(STRIDE,)), score_threshold=0.8, nms_iou=0.15),
        training=TrainingRecord(data="nothing", n_images=0),
        graphs=(graph_entry(GRAPH, graph),),
    )
    return write_bundle(path, card, graphs={GRAPH: graph}, tests=tests)


@pytest.fixture(scope="session")
def blob_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that finds the nuclei of :func:`live_dead`."""
    return write_blob_bundle(tmp_path_factory.mktemp("model") / "blobs.cellwright")


@pytest.fixture(scope="session")
def live_dead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with two series of three simulated pairs, labels and truth (see ``write_series``)."""
    scene = LiveDeadScene(
        height=480,
        width=640,
        n_cells=60,
        radius_px=(7, 11),
        weak_fraction=0.05,
        clump_fraction=0.2,
    )
    pairs = [
        pair
        for name, seed in (("control", 3), ("treated", 4))
        for pair in simulate_series(3, scene, name=name, seed=seed)
    ]
    folder = tmp_path_factory.mktemp("live_dead")
    write_series(folder, pairs, classes=("nucleus", "nucleus"))
    return folder


Run = Callable[..., "subprocess.CompletedProcess[str]"]
Say = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session")
def cellwright() -> Run:
    """The command line: ``cellwright("predict", …)`` in a process of its own."""

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cellwright.cli.main", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            cwd=cwd,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    return run


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Function (arguments) -> exit code and what stands on stderr, as a user would see it.

    In this process, for what is refused: a process of its own takes seconds to import what for.
    """

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["cellwright", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), capsys.readouterr().err
        return 0, capsys.readouterr().err

    return run


@pytest.fixture(scope="session")
def fields(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve different pictures of nuclei."""
    folder = tmp_path_factory.mktemp("fields")
    scene = LiveDeadScene(height=240, width=320, n_cells=12, radius_px=(8, 10))
    paths = []
    for index, pair in enumerate(simulate_series(12, scene, name="field", seed=5)):
        paths.append(folder / f"field_{index:02d}.png")
        write_png(paths[-1], pair.blue)
    return paths


Open = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser on this machine."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with a model that finds blobs and calls them live, or dead when a person does."""
    folder = tmp_path_factory.mktemp("serve")
    bundle = write_blob_bundle(folder / "blobs.cellwright", ("live", "dead"))
    with served(folder / "data", "--model", bundle) as (found, _process):
        yield found


@pytest.fixture
def opened(chromium: Any) -> Open:
    """Context: ``opened(address)`` -> the page, as :func:`visit` has it."""
    return partial(visit, chromium)
