"""The result of an evaluation: the same shape for every task, ready for JSON.

What every evaluation checks first and states at the end stands here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cellwright.errors import AnnotationError, ConfigError
from cellwright.metrics.intervals import CONFIDENCE, Interval, Resampling


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


def check_paired(
    truth: Sequence[object], predicted: Sequence[object], classes: Sequence[str]
) -> None:
    """Refuse an evaluation whose two sides cannot be compared.

    Raises:
        AnnotationError: another number of predicted than of annotated images.
        ConfigError: no class names.
    """
    if len(truth) != len(predicted):
        raise AnnotationError(f"{len(truth)} annotated images but {len(predicted)} predicted")
    if not classes:
        raise ConfigError("there are no class names", remedy="give at least one")


def interval_settings(resampling: Resampling) -> dict[str, Any]:
    """How the intervals of a report were made."""
    return {
        "confidence": CONFIDENCE,
        "n_resamples": resampling.n,
        "resampled": "image" if resampling.groups is None else "group",
    }


def _figures(intervals: Mapping[str, Interval]) -> dict[str, dict[str, Any]]:
    return {name: interval.to_json() for name, interval in intervals.items()}
