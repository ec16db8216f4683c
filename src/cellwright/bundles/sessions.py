"""Runtimes that run an ONNX graph; a row of :data:`RUNTIMES` each, imported when used.

Nothing here talks to a network: ONNX Runtime's events are switched off, and OpenVINO
is used through its core only, whose telemetry package is never called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import Precision
from cellwright.errors import BundleError, UnknownNameError

Batch = NDArray[np.float32]
RuntimeName = Literal["auto", "onnxruntime", "openvino"]


class Session(Protocol):
    """A loaded graph."""

    def run(self, batch: Batch) -> dict[str, Batch]:
        """Outputs by name for one float32 ``(N, C, H, W)`` batch."""
        ...


class OnnxRuntimeSession:
    """ONNX Runtime on the CPU."""

    def __init__(self, graph: bytes, threads: int | None) -> None:
        import onnxruntime as ort  # noqa: PLC0415  loaded only where it is the runtime in use

        ort.disable_telemetry_events()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.inter_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        # Waiting threads that spin cost a third more processor time and, beside the reading and
        # writing of images, gain nothing. The memory arena stays on: asking the system for each
        # buffer anew is slower and, measured, peaks higher.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no public base class
            raise BundleError(f"ONNX Runtime cannot load the graph ({error})") from error
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, batch: Batch) -> dict[str, Batch]:
        """See :class:`Session`."""
        arrays = self._session.run(self._outputs, {self._input: batch})
        return dict(zip(self._outputs, arrays, strict=True))


class OpenVinoSession:
    """OpenVINO on the CPU, in float32 unless the graph itself is quantized."""

    def __init__(self, graph: bytes, threads: int | None) -> None:
        try:
            import openvino as ov  # noqa: PLC0415  half a second that other runtimes need not pay
        except ImportError as error:
            raise BundleError(
                f"the runtime openvino cannot be imported ({error})",
                remedy="run: pip install openvino, or choose the runtime onnxruntime",
            ) from error
        settings: dict[str, object] = {
            "PERFORMANCE_HINT": "LATENCY",
            # On newer processors OpenVINO would round to bfloat16 without being asked.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            core = ov.Core()
            self._model = core.compile_model(core.read_model(model=graph), "CPU", settings)
        except RuntimeError as error:
            raise BundleError(f"OpenVINO cannot load the graph ({error})") from error

    def run(self, batch: Batch) -> dict[str, Batch]:
        """See :class:`Session`."""
        results = self._model([batch])
        return {output.any_name: np.array(results[output]) for output in self._model.outputs}


RUNTIMES: dict[str, Callable[[bytes, int | None], Session]] = {
    "onnxruntime": OnnxRuntimeSession,
    "openvino": OpenVinoSession,
}

_AUTO: dict[Precision, str] = {"fp32": "onnxruntime", "fp16": "onnxruntime", "int8": "openvino"}
"""What ``auto`` means: OpenVINO starts slower but runs int8 graphs several times faster."""


def choose_runtime(name: str, precision: Precision) -> str:
    """The row of :data:`RUNTIMES` that ``name`` stands for; ``auto`` depends on the graph.

    Raises:
        UnknownNameError: no such runtime.
    """
    if name == "auto":
        return _AUTO[precision]
    if name not in RUNTIMES:
        raise UnknownNameError("runtime", name, ["auto", *RUNTIMES])
    return name


def open_session(graph: bytes, *, runtime: str, threads: int | None = None) -> Session:
    """Load ``graph`` into a row of :data:`RUNTIMES`; ``threads`` None lets the runtime choose.

    Raises:
        BundleError: the runtime refuses the graph, or is not installed.
        UnknownNameError: no such runtime.
    """
    if runtime not in RUNTIMES:
        raise UnknownNameError("runtime", runtime, RUNTIMES)
    return RUNTIMES[runtime](graph, threads)
