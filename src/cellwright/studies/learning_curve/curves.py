"""Validation curves: what each engine logged an epoch, smoothed as in Figure 3 of the paper."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from cellwright.errors import DatasetError

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
    columns = ULTRALYTICS if engine.exists() else OURS
    # A run that was resumed logged twice what it had done after its last checkpoint.
    by_epoch: dict[int, dict[str, float]] = {}
    for log in logs:
        with log.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, skipinitialspace=True):
                if row.get(columns["ap50_95"]):
                    values = {metric: 100 * float(row[name]) for metric, name in columns.items()}
                    by_epoch[int(row["epoch"])] = values
    if not by_epoch:
        raise DatasetError("the training run logged no validation", where=run_dir)
    return {metric: [by_epoch[epoch][metric] for epoch in sorted(by_epoch)] for metric in columns}
