"""Validation curves: what each engine logged an epoch, smoothed as in Figure 3 of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellwright.studies.epochs import logged_epochs

ALPHA = 0.6
"""Weight of the newest epoch."""

OURS = {"precision": "val/precision", "recall": "val/recall", "ap50_95": "val/ap50_95"}
ULTRALYTICS = {
    "precision": "metrics/precision(B)",
    "recall": "metrics/recall(B)",
    "ap50_95": "metrics/mAP50-95(B)",
}


def smoothed(values: Sequence[float], *, alpha: float = ALPHA) -> list[float]:
    """Exponential moving average: ``s[0] = x[0]``, ``s[t] = alpha x[t] + (1 - alpha) s[t-1]``.

    >>> smoothed([1.0, 0.0], alpha=0.6)
    [1.0, 0.4]
    """
    result: list[float] = []
    for value in values:
        result.append(value if not result else alpha * value + (1 - alpha) * result[-1])
    return result


def epoch_curves(run_dir: Path) -> dict[str, list[float]]:
    """Metric -> its value after each epoch, in percent, from a training run's own log.

    Raises:
        DatasetError: the run logged no validation.
    """
    engine = run_dir / "ultralytics" / "results.csv"
    logs = [engine] if engine.exists() else sorted((run_dir / "log").glob("*/metrics.csv"))
    found = logged_epochs(logs, ULTRALYTICS if engine.exists() else OURS)
    return {metric: [100 * value for value in values] for metric, values in found.items()}
