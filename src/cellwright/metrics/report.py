"""The result of an evaluation: the same shape for every task, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cellwright.metrics.intervals import Interval


@dataclass(frozen=True)
class Report:
    """Figures with intervals, over all images and a class.

    Attributes:
        task: ``detection``, ``semantic``, ``instances`` or ``classification``.
        n_images: images that were evaluated.
        metrics: metric name -> figure over all classes.
        per_class: class name -> metric name -> figure.
        settings: what the figures depend on (thresholds, caps, confidence, resamples).
    """

    task: str
    n_images: int
    metrics: Mapping[str, Interval]
    per_class: Mapping[str, Mapping[str, Interval]]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries: ``task``, ``n_images``, ``metrics``, ``per_class``, ``settings``."""
        return {
            "task": self.task,
            "n_images": self.n_images,
            "metrics": _figures(self.metrics),
            "per_class": {name: _figures(figures) for name, figures in self.per_class.items()},
            "settings": dict(self.settings),
        }


def _figures(intervals: Mapping[str, Interval]) -> dict[str, dict[str, Any]]:
    return {name: interval.to_json() for name, interval in intervals.items()}
