"""What the module costs in use: both graphs over the same picture, by turns."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from cellwright.inference.segmenter import Segmenter
from cellwright.studies.feature_enhancement.training import Setting, trained_bundle
from cellwright.studies.study import Figure, Outcome

TABLE = "speed"
ROW = "module over baseline"
METRIC = "inference time (ratio)"
TURNS = 15


def measure(setting: Setting, folder: Path, *, seed: int) -> Outcome:  # noqa: ARG001
    """Ratio of the times of each turn: its median, with the middle 95 % of the turns.

    Raises:
        NotAttempted: one of the two networks was not trained.
    """
    networks = [
        Segmenter(trained_bundle(setting, f"{variant}-seed{seed}"), threads=1)
        for variant in ("enhanced", "baseline")
    ]
    sample = setting.parts().val.records[0].load()
    ratios = []
    for turn in range(TURNS + 1):
        seconds = []
        for network in networks:
            start = time.perf_counter()
            network.probabilities(sample.image)
            seconds.append(time.perf_counter() - start)
        if turn:  # the first turn warms up
            ratios.append(seconds[0] / seconds[1])
    low, middle, high = np.percentile(ratios, [2.5, 50, 97.5]).tolist()
    return Outcome((Figure(TABLE, ROW, METRIC, middle, low, high, TURNS),), seed, "one picture")
