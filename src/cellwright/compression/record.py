"""A verdict as the card of the new bundle keeps it."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import (
    BeforeAfter,
    CompressionRecord,
    MetricValue,
    ReportedDrop,
    RuntimeFigures,
)
from cellwright.bundles.openvino_core import openvino_core
from cellwright.compression.verdict import InRuntime, Reported, Verdict
from cellwright.errors import BundleError
from cellwright.metrics.intervals import Interval


def as_record(verdict: Verdict, parent: Bundle, *, command: str) -> CompressionRecord:
    """How the bundle of ``verdict`` was made from ``parent``, and what that cost."""
    before, after = verdict.cost_before, verdict.cost_after
    return CompressionRecord(
        method=verdict.method,
        settings=dict(verdict.settings),
        parent=parent.card.name,
        parent_sha256=parent.sha256,
        data=verdict.data,
        n_images=verdict.before.n_images,
        metric=verdict.metric,
        max_drop=verdict.max_drop,
        before=_figure(verdict.before.metrics[verdict.metric]),
        graph_bytes=BeforeAfter(before=before.bytes, after=after.bytes),
        parameters=BeforeAfter(before=before.parameters, after=after.parameters),
        macs=BeforeAfter(before=before.macs, after=after.macs),
        weights=BeforeAfter(before=before.weights, after=after.weights),
        zero_weights=BeforeAfter(before=before.zero_weights, after=after.zero_weights),
        input_shape=before.input_shape,
        runtimes=tuple(map(_in_runtime, verdict.runtimes)),
        reported=tuple(_on_other_images(one, verdict.metric) for one in verdict.reported),
        threads=verdict.threads,
        machine=_machine(),
        command=command,
        date=datetime.now(timezone.utc).date().isoformat(),
    )


def _in_runtime(one: InRuntime) -> RuntimeFigures:
    return RuntimeFigures(
        runtime=one.runtime,
        before_ms=one.latency.before_ms,
        after_ms=one.latency.after_ms,
        speedup=one.latency.speedup,
        drop=_figure(one.drop),
    )


def _on_other_images(one: Reported, metric: str) -> ReportedDrop:
    return ReportedDrop(
        data=one.data,
        n_images=one.before.n_images,
        runtime=one.runtime,
        before=_figure(one.before.metrics[metric]),
        drop=_figure(one.drop),
    )


def _figure(interval: Interval) -> MetricValue:
    return MetricValue(**interval.to_json())


def _machine() -> str:
    """Processor and system in words; names no host or person."""
    return ", ".join(
        (
            _processor(),
            f"{os.cpu_count()} cores",
            f"{platform.system()}, Python {platform.python_version()}",
        )
    )


def _processor() -> str:
    try:
        return str(openvino_core().get_property("CPU", "FULL_DEVICE_NAME")).strip()
    except BundleError:  # not every installation has it
        return platform.processor() or platform.machine()
