"""Is the smaller model worth having? Every figure of it beside those of the model it came from.

Size, parameters, multiply-accumulates; how many times faster in each runtime; how much
accuracy it lost in each runtime, with the interval of the paired difference. It is accepted
where the loss is within the limit in every runtime: a bundle does not choose who runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cellwright.compression.cost import GraphCost
from cellwright.compression.latency import Latency
from cellwright.errors import CellwrightError
from cellwright.metrics.intervals import Interval
from cellwright.metrics.report import Report


class CompressionRefusedError(CellwrightError):
    """The smaller model lost more accuracy than was allowed."""


@dataclass(frozen=True)
class InRuntime:
    """The smaller model in one runtime.

    Attributes:
        runtime: row of :data:`cellwright.bundles.sessions.RUNTIMES`.
        report: its figures on the judging images.
        drop: points of the deciding metric lost against the model it came from.
        latency: both graphs timed side by side.
    """

    runtime: str
    report: Report
    drop: Interval
    latency: Latency


@dataclass(frozen=True)
class Reported:
    """Both models on images that nothing was chosen by.

    Attributes:
        data: the images in words.
        runtime: of the smaller model.
        before: figures of the model it came from.
        after: figures of the smaller model.
        drop: points of the deciding metric lost.
    """

    data: str
    runtime: str
    before: Report
    after: Report
    drop: Interval


@dataclass(frozen=True)
class Verdict:
    """Before and after.

    Attributes:
        method: row of :data:`cellwright.compression.METHODS`.
        settings: what was chosen within the method.
        parent: name of the model it came from.
        data: the images it was judged on, in words.
        metric: the figure that decides.
        max_drop: points of it that may be lost.
        cost_before: of the graph it came from.
        cost_after: of the smaller graph.
        before: figures of the model it came from, in ONNX Runtime.
        runtimes: the smaller model in each runtime.
        threads: processor threads of every measurement; None where the runtime chose.
        reported: the same comparison on other images, after it was accepted.
    """

    method: str
    settings: Mapping[str, str]
    parent: str
    data: str
    metric: str
    max_drop: float
    cost_before: GraphCost
    cost_after: GraphCost
    before: Report
    runtimes: tuple[InRuntime, ...]
    threads: int | None
    reported: tuple[Reported, ...] = ()

    @property
    def worst(self) -> InRuntime:
        """The runtime in which most accuracy was lost; that one decides."""
        return max(self.runtimes, key=lambda one: one.drop.value or 0.0)

    @property
    def accepted(self) -> bool:
        """Whether the loss stays within :attr:`max_drop` in every runtime."""
        return (self.worst.drop.value or 0.0) <= self.max_drop

    @property
    def size_ratio(self) -> float:
        """How many times smaller the graph has become."""
        return self.cost_before.bytes / self.cost_after.bytes

    def require_accepted(self) -> None:
        """Do nothing, or say what was lost.

        Raises:
            CompressionRefusedError: the loss is beyond :attr:`max_drop`; with figure and remedy.
        """
        if self.accepted:
            return
        drop, runtime = self.worst.drop, self.worst.runtime
        interval = "" if drop.low is None else f" ({drop.low:.2f} to {drop.high:.2f})"
        raise CompressionRefusedError(
            f"{self.method} lost {drop.value:.2f}{interval} points of {self.metric} in {runtime}, "
            f"more than the {self.max_drop:g} allowed, so no bundle was written",
            where=self.parent,
            remedy=f"{_REMEDIES.get(self.method, _REMEDY)}, or allow more with --max-drop",
        )

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries with every figure."""
        return {
            "method": self.method,
            "settings": dict(self.settings),
            "parent": self.parent,
            "data": self.data,
            "n_images": self.before.n_images,
            "metric": self.metric,
            "max_drop": self.max_drop,
            "accepted": self.accepted,
            "size_ratio": self.size_ratio,
            "threads": self.threads,
            "cost": {"before": _cost(self.cost_before), "after": _cost(self.cost_after)},
            "before": self.before.to_json(),
            "runtimes": {
                one.runtime: {
                    "drop": one.drop.to_json(),
                    "before_ms": one.latency.before_ms,
                    "after_ms": one.latency.after_ms,
                    "speedup": one.latency.speedup,
                    "after": one.report.to_json(),
                }
                for one in self.runtimes
            },
            "reported": [
                {
                    "data": one.data,
                    "runtime": one.runtime,
                    "drop": one.drop.to_json(),
                    "before": one.before.to_json(),
                    "after": one.after.to_json(),
                }
                for one in self.reported
            ],
        }


_REMEDY = "try another --method"

_REMEDIES = {
    "ptq": "try more calibration images (--images), others (--calibrate-on), other --ranges, "
    "another --method",
    "prune": "keep more (--keep) or train longer (--epochs)",
    "magnitude": "train longer (--epochs), or leave more weights (--set pruning.final=0.8)",
    "qat": "train longer (--epochs)",
}
"""What may help, by row of :data:`cellwright.compression.METHODS`."""


def _cost(cost: GraphCost) -> dict[str, Any]:
    return {**asdict(cost), "gflops": cost.gflops, "sparsity": cost.sparsity}
