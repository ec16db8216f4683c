"""Every runtime gives the same cells, reads no network, and needs no PyTorch."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.processor import Processor
from cellwright.bundles.sessions import (
    ROUNDED_RUNTIMES,
    RUNTIMES,
    choose_runtime,
    open_session,
    runtime_choice,
)
from cellwright.errors import BundleError, UnknownNameError
from cellwright.images.write import write_png
from cellwright.inference.predictor import Predictor
from processor import exact_int8_runtimes


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_outputs_are_those_of_the_trained_network(runtime, dot_bundle):
    bundle = open_bundle(dot_bundle)
    outputs = open_session(bundle.graph(), runtime=runtime, threads=1).run(bundle.tests["input"])
    assert outputs.keys() == {"level_4"}
    assert outputs["level_4"].dtype == np.float32
    np.testing.assert_allclose(outputs["level_4"], bundle.tests["level_4"], atol=1e-4)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_batches_and_sizes_may_change_from_call_to_call(runtime, dot_bundle):
    session = open_session(open_bundle(dot_bundle).graph(), runtime=runtime, threads=1)
    rng = np.random.default_rng(0)
    for shape in ((1, 1, 32, 32), (4, 1, 64, 40), (1, 1, 32, 32)):
        batch = rng.random(shape, dtype=np.float32)
        first = session.run(batch)["level_4"]
        assert first.shape == (shape[0], 6, shape[2] // 4, shape[3] // 4)
        # An answer must not be overwritten by the next call.
        kept = first.copy()
        session.run(rng.random(shape, dtype=np.float32))
        np.testing.assert_array_equal(first, kept)


def test_all_runtimes_find_the_same_cells(dot_bundle, draw_dots, scatter_cells):
    image = draw_dots(500, 700, scatter_cells(400, 500, 700))
    bundle = open_bundle(dot_bundle)
    found = [Predictor(bundle, runtime=name, threads=1).predict(image) for name in RUNTIMES]
    for boxes in found[1:]:
        assert len(boxes) == len(found[0])
        order, reference = (np.lexsort(b.centres_xy.round(1).T) for b in (boxes, found[0]))
        np.testing.assert_allclose(boxes.xyxy[order], found[0].xyxy[reference], atol=0.01)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("threads", "streams"), [(1, 1), (2, 2), (4, 2)])
def test_callers_at_once_each_get_their_own_answer(runtime, threads, streams, dot_bundle):
    graph = open_bundle(dot_bundle).graph()
    session = open_session(graph, runtime=runtime, threads=threads, streams=streams)
    rng = np.random.default_rng(0)
    batches = [rng.random((1, 1, 32 + 4 * (n % 5), 64), dtype=np.float32) for n in range(24)]
    single = open_session(graph, runtime=runtime, threads=1)
    alone = [single.run(batch)["level_4"] for batch in batches]
    with ThreadPoolExecutor(5) as pool:
        together = list(pool.map(lambda batch: session.run(batch)["level_4"], batches))
    for found, expected in zip(together, alone, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("runtime", ROUNDED_RUNTIMES)
def test_a_rounded_runtime_answers_nearly_the_same_or_says_that_it_cannot(runtime, dot_bundle):
    bundle = open_bundle(dot_bundle)
    try:
        session = open_session(bundle.graph(), runtime=runtime, threads=1)
    except BundleError as error:
        assert "this processor" in error.what
        assert "openvino" in (error.remedy or "")
        return
    found = session.run(bundle.tests["input"])["level_4"]
    expected = bundle.tests["level_4"]
    # bfloat16 keeps 8 bits of mantissa: 2^-8 a rounding, and there are several in a row.
    assert np.abs(found - expected).max() <= 0.05 * np.abs(expected).max()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_graph_that_is_none_is_an_error_not_a_crash(runtime):
    with pytest.raises(BundleError, match="cannot load the graph"):
        open_session(b"this is no ONNX graph", runtime=runtime)


def test_auto_is_written_down_and_unknown_names_are_refused():
    assert choose_runtime("auto", "fp32") == "onnxruntime"
    assert choose_runtime("auto", "int8") == exact_int8_runtimes()[-1]
    assert choose_runtime("openvino", "fp32") == "openvino"
    assert choose_runtime("openvino-bf16", "fp32") == "openvino-bf16"
    with pytest.raises(UnknownNameError, match="auto, onnxruntime, openvino"):
        choose_runtime("tensorrt", "fp32")


@pytest.mark.parametrize(
    ("processor", "runtime", "why"),
    [
        (Processor("x86_64", frozenset({"avx2", "avx512_vnni"})), "openvino", "this processor has"),
        (Processor("amd64", frozenset({"avx2", "avx_vnni"})), "openvino", "this processor has"),
        (Processor("x86_64", frozenset({"avx2", "avx512f"})), "onnxruntime", "has none"),
        (Processor("amd64", None), "onnxruntime", "does not say"),
        (Processor("arm64", frozenset({"asimddp"})), "onnxruntime", "does not say"),
    ],
)
def test_8_bits_run_where_they_are_exact_and_the_choice_says_why(processor, runtime, why):
    choice = runtime_choice("auto", "int8", processor=processor)
    assert choice.runtime == runtime
    assert why in choice.why
    for name in ("openvino", "onnxruntime"):
        assert runtime_choice(name, "int8", processor=processor).runtime == name
    assert runtime_choice("auto", "fp32", processor=processor).runtime == "onnxruntime"


ALONE = """
import socket, sys
from pathlib import Path

def no_network(*args, **kwargs):
    raise AssertionError("a connection was tried")

socket.socket.connect = socket.getaddrinfo = no_network

from cellwright.bundles.bundle import open_bundle
from cellwright.inference.run import predict_files

model, image, out, runtime = sys.argv[1:]
summary = predict_files([Path(image)], bundle=open_bundle(model), out=Path(out), runtime=runtime)
assert summary.counts == {"live": 3, "dead": 2}, summary
print("\\n".join(sorted(sys.modules)))
"""

TRAINING_HALF = {"torch", "torchvision", "lightning", "ultralytics", "albumentations", "onnx"}
SLOW_TO_IMPORT = {"scipy", "skimage", "matplotlib", "tifffile", "pyarrow", "openvino", "yaml"}


def imported_by_a_prediction(runtime: str, bundle: Path, folder: Path) -> set[str]:
    command = [sys.executable, "-c", ALONE, str(bundle), str(folder / "x.png")]
    command += [str(folder / "out"), runtime]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.splitlines()}


@pytest.fixture
def five_cells(draw_dots, scatter_cells, tmp_path) -> Path:
    truth = scatter_cells(200, 300, 300)
    live, dead = (np.flatnonzero(truth.class_ids == k) for k in (0, 1))
    five = truth.select(np.concatenate([live[:3], dead[:2]]))
    write_png(tmp_path / "x.png", draw_dots(300, 300, five))
    return tmp_path


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_predicting_needs_neither_pytorch_nor_a_network(runtime, dot_bundle, five_cells):
    modules = imported_by_a_prediction(runtime, dot_bundle, five_cells)
    assert not modules & TRAINING_HALF


def test_nothing_slow_is_imported_that_a_png_does_not_need(dot_bundle, five_cells):
    modules = imported_by_a_prediction("onnxruntime", dot_bundle, five_cells)
    assert not modules & SLOW_TO_IMPORT


SIGNALLED = """
import os, signal, sys

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.sessions import open_session

signal.signal(signal.SIGUSR1, lambda *_: print("heard"))
bundle = open_bundle(sys.argv[1])
for _ in range(2):
    sessions = [open_session(bundle.graph(), runtime=sys.argv[2], threads=1) for _ in range(2)]
    for session in sessions:
        session.run(bundle.tests["input"])
    del sessions, session
    os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_signals_are_heard_after_sessions_are_gone(runtime, dot_bundle):
    command = [sys.executable, "-c", SIGNALLED, str(dot_bundle), runtime]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout.split()) == (0, ["heard", "heard"]), done.stderr
