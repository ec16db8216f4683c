"""Runtimes that run an ONNX graph; a row of :data:`RUNTIMES` each, imported when used.

Nothing here talks to a network: ONNX Runtime's events are switched off, and OpenVINO
is used through its core only, whose telemetry package is never called.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from queue import LifoQueue
from threading import BoundedSemaphore
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Precision
from cellwright.bundles.openvino_core import openvino_core
from cellwright.bundles.openvino_graph import without_rounding_in_activations
from cellwright.bundles.processor import Processor, this_processor
from cellwright.errors import BundleError, UnknownNameError

Batch = NDArray[np.float32]
RuntimeName = Literal["auto", "onnxruntime", "openvino", "openvino-bf16"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sharing:
    """How a session shares the processor out.

    Attributes:
        threads: processor threads in all; None lets the runtime choose.
        streams: batches that go through the network side by side, each with its share of the
            threads. One batch is done soonest in one stream; many batches are done soonest in
            many, because a thread of its own never waits for another.
    """

    threads: int | None = None
    streams: int = 1

    def __post_init__(self) -> None:
        if self.streams < 1 or (self.threads is not None and self.threads < self.streams):
            raise ValueError(f"{self.threads} threads cannot be shared by {self.streams} streams")
        if self.threads is None and self.streams > 1:
            raise ValueError("to share threads between streams, say how many there are")


class Session(Protocol):
    """A loaded graph."""

    def run(self, batch: Batch) -> dict[str, Batch]:
        """Outputs by name for one float32 ``(N, C, H, W)`` batch.

        May be called by several threads at once; more than the session has streams wait.
        """
        ...


class OnnxRuntimeSession:
    """ONNX Runtime on the CPU."""

    def __init__(self, graph: bytes, sharing: Sharing) -> None:
        import onnxruntime as ort  # noqa: PLC0415  loaded only where it is the runtime in use

        ort.disable_telemetry_events()
        options = ort.SessionOptions()
        # Every stream is the thread that calls, and one pool helps them all: a pool of n has
        # n - 1 threads of its own.
        threads = sharing.threads
        options.intra_op_num_threads = 0 if threads is None else threads - sharing.streams + 1
        options.inter_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        # Waiting threads that spin cost a third more processor time and, beside the reading and
        # writing of images, gain nothing. The memory arena stays on: asking the system for each
        # buffer anew is slower and, measured, peaks higher.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Processors without integer dot products (AVX2 alone) add two products of unsigned and
        # signed bytes in 16 bits, which overflow: there the weights of an 8-bit graph become
        # unsigned too, for kernels that are exact. Elsewhere the entry would only cost: 2.6
        # times the time of a U-Net.
        if not this_processor().integer_dot_products:
            options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no public base class
            raise BundleError(f"ONNX Runtime cannot load the graph ({error})") from error
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._slots = BoundedSemaphore(sharing.streams)

    def run(self, batch: Batch) -> dict[str, Batch]:
        """See :class:`Session`."""
        with self._slots:
            arrays = self._session.run(self._outputs, {self._input: batch})
        return dict(zip(self._outputs, arrays, strict=True))


class OpenVinoSession:
    """OpenVINO on the CPU, in float32 unless the graph itself is quantized."""

    _precision = "f32"

    def __init__(self, graph: bytes, sharing: Sharing) -> None:
        core = openvino_core()
        self._check(core)
        settings: dict[str, object] = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": sharing.streams,
            # On newer processors OpenVINO would round to bfloat16 without being asked.
            "INFERENCE_PRECISION_HINT": self._precision,
            # Threads tied to a core wait there for whoever else has it: the reading of the next
            # image, or another program.
            "ENABLE_CPU_PINNING": False,
        }
        if sharing.threads:
            settings["INFERENCE_NUM_THREADS"] = sharing.threads
        try:
            network = core.read_model(model=graph)
            without_rounding_in_activations(network)
            model = core.compile_model(network, "CPU", settings)
        except RuntimeError as error:
            raise BundleError(f"OpenVINO cannot load the graph ({error})") from error
        self._names = [output.any_name for output in model.outputs]
        # A request holds buffers of its own and serves one caller at a time.
        self._requests: LifoQueue[Any] = LifoQueue()
        for _ in range(sharing.streams):
            self._requests.put(model.create_infer_request())

    def run(self, batch: Batch) -> dict[str, Batch]:
        """See :class:`Session`."""
        request = self._requests.get()
        try:
            results = request.infer([batch], share_inputs=True)
            return {name: np.array(results[i]) for i, name in enumerate(self._names)}
        finally:
            self._requests.put(request)

    def _check(self, core: Any) -> None:
        """Raise if this processor cannot do what the row promises."""


class OpenVinoBf16Session(OpenVinoSession):
    """OpenVINO on a CPU that multiplies in bfloat16: faster, its boxes a little different.

    bfloat16 keeps the range of float32 and 8 bits of its mantissa.
    """

    _precision = "bf16"

    def _check(self, core: Any) -> None:
        if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise BundleError(
                "this processor has no bfloat16 arithmetic",
                remedy="choose the runtime openvino or onnxruntime",
            )


RUNTIMES: dict[str, Callable[[bytes, Sharing], Session]] = {
    "onnxruntime": OnnxRuntimeSession,
    "openvino": OpenVinoSession,
}
"""Runtimes that give the numbers of the trained network, to rounding of float32."""

ROUNDED_RUNTIMES: dict[str, Callable[[bytes, Sharing], Session]] = {
    "openvino-bf16": OpenVinoBf16Session,
}
"""Runtimes that trade some of those digits for speed; used only where asked for by name."""


@dataclass(frozen=True)
class RuntimeChoice:
    """Which runtime runs a graph, and why."""

    runtime: str
    why: str


def runtime_choice(
    name: str, precision: Precision, *, processor: Processor | None = None
) -> RuntimeChoice:
    """The runtime that ``name`` stands for; ``auto`` depends on the graph and the processor.

    Args:
        name: ``auto`` or a row of :data:`RUNTIMES` or :data:`ROUNDED_RUNTIMES`.
        precision: of the graph.
        processor: that will run it; None is this one.

    Raises:
        UnknownNameError: no such runtime.
    """
    if name != "auto":
        _row(name)
        return RuntimeChoice(name, "asked for by name")
    if precision != "int8":
        return RuntimeChoice("onnxruntime", "it starts fastest, for a graph in float")
    exact = (processor or this_processor()).integer_dot_products
    if exact:
        why = "fastest for 8 bits, and exact: this processor has integer dot products"
        return RuntimeChoice("openvino", why)
    known = "has none" if exact is False else "does not say whether it has any"
    why = f"exact in 8 bits without integer dot products, and this processor {known}"
    return RuntimeChoice("onnxruntime", why)


def choose_runtime(name: str, precision: Precision) -> str:
    """The name alone of :func:`runtime_choice` on this processor; the log says why.

    Raises:
        UnknownNameError: no such runtime.
    """
    choice = runtime_choice(name, precision)
    _log.info("runtime %s: %s", choice.runtime, choice.why)
    return choice.runtime


def open_session(
    graph: bytes, *, runtime: str, threads: int | None = None, streams: int = 1
) -> Session:
    """Load ``graph`` into a row of :data:`RUNTIMES` or :data:`ROUNDED_RUNTIMES`.

    Args:
        graph: ONNX bytes.
        runtime: the row.
        threads: processor threads in all; None lets the runtime choose.
        streams: callers that are served side by side; see :class:`Sharing`.

    Raises:
        BundleError: the runtime refuses the graph or the processor, or is not installed.
        UnknownNameError: no such runtime.
    """
    return _row(runtime)(graph, Sharing(threads, streams))


def open_model(
    bundle: Bundle, *, runtime: str = "auto", threads: int | None = None, streams: int = 1
) -> tuple[str, Session]:
    """The name of the runtime that suits a bundle's first graph, and the graph loaded into it.

    Raises:
        BundleError: the bundle is damaged, or the runtime refuses it or is not installed.
        UnknownNameError: no such runtime.
    """
    entry = bundle.card.graphs[0]
    chosen = choose_runtime(runtime, entry.precision)
    if chosen != "onnxruntime":
        bundle.require_pixels(f"the runtime {chosen}")
    graph = bundle.graph(entry)
    return chosen, open_session(graph, runtime=chosen, threads=threads, streams=streams)


def _row(name: str) -> Callable[[bytes, Sharing], Session]:
    rows = RUNTIMES | ROUNDED_RUNTIMES
    if name not in rows:
        raise UnknownNameError("runtime", name, ["auto", *rows])
    return rows[name]
