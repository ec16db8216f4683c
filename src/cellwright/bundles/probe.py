"""The picture that an int8 bundle carries as its test input: discs, seeded, of any colour.

Noise, the test input of a float bundle, says little here: a network answers it with nearly
the same everywhere, and what 8 bits do to that drowns in their own rounding. Discs of many
sizes wake the whole network up. Values are those of an 8-bit picture, so that it packs well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import InputSpec

SEED = 20
PIXELS_A_DISC = 600

PROBE_PX = (128, 160)
"""(height, width), for networks that take any size."""


def disc_picture(spec: InputSpec, *, size: tuple[int, int] = PROBE_PX) -> NDArray[np.float32]:
    """float32 ``(1, C, H, W)`` in [0, 1]: ``size``, rounded up to what the network takes."""
    height, width = (-(-edge // spec.multiple) * spec.multiple for edge in size)
    rng = np.random.default_rng(SEED)
    picture = np.broadcast_to(
        rng.uniform(0.1, 0.9, (spec.channels, 1, 1)), (spec.channels, height, width)
    ).copy()
    rows, columns = np.mgrid[:height, :width] + 0.5
    for _ in range(height * width // PIXELS_A_DISC):
        distance = np.hypot(rows - rng.uniform(0, height), columns - rng.uniform(0, width))
        # A soft edge, two pixels wide, as a lens draws it.
        cover = np.clip((rng.uniform(3, 20) - distance) / 2 + 0.5, 0, 0.7)
        colour = rng.uniform(0, 1, (spec.channels, 1, 1))
        picture += cover * (colour - picture)
    rounded: NDArray[np.float32] = (np.round(picture * 255) / 255).astype(np.float32)
    return rounded[None]
