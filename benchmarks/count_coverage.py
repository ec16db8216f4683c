"""Do 90 % count intervals hold 90 % of true counts? Simulated images whose truth is known.

    python benchmarks/count_coverage.py

Prints the table of docs/methods/uncertain-counts.md. Images hold about 6 true cells among 12
candidates; a box of score s is a cell with probability s^2, one cell in ten has no candidate.
With ``trouble`` whole images are better or worse than their scores say.
"""

from __future__ import annotations

import numpy as np

from cellwright.inference.calibrate import fit_calibration
from cellwright.inference.counting_rule import CardRule
from cellwright.inference.counts import add_counts, estimate_counts
from cellwright.types import Boxes

RULE = CardRule((0.7,))
N_CALIBRATIONS, N_NEW, SUM_OF = 60, 100, 10


def simulate(n_images: int, *, seed: int, trouble: float) -> tuple[list[Boxes], list[Boxes]]:
    """Truth and ranked lists; places are 20 pixels apart, so overlaps are all or nothing."""
    rng = np.random.default_rng(seed)
    truth, ranked = [], []
    for _ in range(n_images):
        scores = rng.beta(0.7, 0.7, rng.poisson(12))
        quality = np.clip(scores**2 + trouble * rng.standard_normal(), 0, 1)
        is_cell = rng.random(len(scores)) < quality
        n_hidden = rng.poisson(0.1 * is_cell.sum())
        place = np.arange(len(scores) + n_hidden)[:, None] * 20 + np.array([0, 0, 10, 10])
        cells = np.append(is_cell, np.ones(n_hidden, bool))
        truth.append(Boxes(place[cells], np.zeros(cells.sum())))
        ranked.append(Boxes(place[: len(scores)], np.zeros(len(scores)), scores))
    return truth, ranked


def measure(n_images: int, trouble: float) -> tuple[float, float, float]:
    """Coverage and mean width of single images, and coverage of sums over ten."""
    held, widths, held_sums = [], [], []
    for seed in range(N_CALIBRATIONS):
        labelled = simulate(n_images, seed=seed, trouble=trouble)
        calibration = fit_calibration(*labelled, thresholds=RULE.thresholds)
        truth, ranked = simulate(N_NEW, seed=10_000 + seed, trouble=trouble)
        true = np.array([len(boxes) for boxes in truth])
        counted = np.array([len(RULE(boxes)) for boxes in ranked])
        totals = [estimate_counts(boxes, calibration, 1).total for boxes in ranked]
        for index, total in enumerate(totals):
            low, high = total.interval(counted=int(counted[index]))
            held.append(low <= true[index] <= high)
            widths.append(high - low)
        for start in range(0, N_NEW, SUM_OF):
            part = slice(start, start + SUM_OF)
            low, high = add_counts(totals[part]).interval(counted=int(counted[part].sum()))
            held_sums.append(low <= true[part].sum() <= high)
    return float(np.mean(held)), float(np.mean(widths)), float(np.mean(held_sums))


def main() -> None:
    """Print the table."""
    print("| validation images | images differ | coverage | mean width | coverage of sums of 10 |")
    print("|---:|---|---:|---:|---:|")
    for n_images in (10, 20, 60, 200):
        for trouble in (0.0, 0.2):
            coverage, width, of_sums = measure(n_images, trouble)
            differ = "yes" if trouble else "no"
            print(f"| {n_images} | {differ} | {coverage:.3f} | {width:.1f} | {of_sums:.3f} |")


if __name__ == "__main__":
    main()
