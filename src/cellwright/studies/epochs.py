"""What a training run logged after each epoch."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from cellwright.errors import DatasetError


def logged_epochs(logs: Sequence[Path], columns: Mapping[str, str]) -> dict[str, list[float]]:
    """Name -> its value after each epoch, from one run's logs in the order they were written.

    Args:
        logs: CSV files with a column ``epoch``.
        columns: the names wanted, each with its column in the files.

    Raises:
        DatasetError: no epoch was logged.
    """
    # A run that was resumed logged twice what it had done after its last checkpoint.
    by_epoch: dict[int, dict[str, float]] = {}
    for log in logs:
        with log.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, skipinitialspace=True):
                if all(row.get(column) for column in columns.values()):
                    values = {name: float(row[column]) for name, column in columns.items()}
                    by_epoch[int(row["epoch"])] = values
    if not by_epoch:
        where = logs[0].parent if logs else None
        raise DatasetError("the training run logged no validation", where=where)
    return {name: [by_epoch[epoch][name] for epoch in sorted(by_epoch)] for name in columns}
