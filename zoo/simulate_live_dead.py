"""Simulated live/dead experiments, the training set of the zoo's live-dead-fluo bundle.

    python zoo/simulate_live_dead.py runs/simulated-live-dead

Forty-five experiments (series) of two pairs each; every experiment draws its own density,
viability, background, focus, noise and nuclear size, so that a split by group tests on
conditions that were never trained on. Seeded: the same command gives the same pixels.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cellwright.images.simulate.camera import Camera
from cellwright.images.simulate.live_dead import LiveDeadPair, LiveDeadScene, simulate_series
from cellwright.images.simulate.storage import write_series

N_SERIES = 45
PAIRS_A_SERIES = 2
SEED = 2025
HEIGHT, WIDTH = 960, 1280
COVERED = 0.38
"""Share of the frame that nuclei cover at most; denser fields leave no room to place the last."""


def experiment(rng: np.random.Generator) -> LiveDeadScene:
    """Conditions of one experiment, over the range that paper 1 shows and somewhat beyond."""
    smallest = rng.uniform(9, 14)
    largest = smallest * rng.uniform(1.5, 2.3)
    fitting = COVERED * HEIGHT * WIDTH / (np.pi * ((smallest + largest) / 2) ** 2)
    return LiveDeadScene(
        height=HEIGHT,
        width=WIDTH,
        n_cells=int(np.exp(rng.uniform(np.log(15), np.log(min(450, fitting))))),
        viability=rng.uniform(0.05, 0.98),
        radius_px=(smallest, largest),
        clump_fraction=rng.uniform(0.1, 0.6),
        weak_fraction=rng.uniform(0.05, 0.3),
        background=rng.uniform(0.02, 0.3),
        unevenness=rng.uniform(0.1, 0.9),
        registration_px=(rng.normal(0, 1.5), rng.normal(0, 1.5)),
        camera=Camera(
            psf_sigma_px=rng.uniform(1.0, 2.6),
            photons=float(np.exp(rng.uniform(np.log(60), np.log(1500)))),
            read_noise=rng.uniform(2, 9),
            bit_depth=int(rng.choice([8, 12, 16])),
        ),
    )


def experiments() -> Iterator[LiveDeadPair]:
    """The pairs of every experiment, one at a time."""
    rng = np.random.default_rng(SEED)
    for number in range(N_SERIES):
        name = f"experiment{number:02d}"
        yield from simulate_series(PAIRS_A_SERIES, experiment(rng), name=name, seed=SEED + number)


def main() -> None:
    """Write the set into the folder named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    # One class: a grey picture does not show which dye it is of.
    print(write_series(Path(sys.argv[1]), experiments(), classes=("nucleus", "nucleus")))


if __name__ == "__main__":
    main()
