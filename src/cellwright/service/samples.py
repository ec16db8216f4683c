"""Pictures to try the page with: simulated when asked for, so that nobody needs one at hand."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cellwright.errors import UnknownNameError
from cellwright.images.simulate.camera import Camera
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_pair
from cellwright.images.write import write_png
from cellwright.types import Image


@dataclass(frozen=True)
class Sample:
    """A picture whose truth is known.

    Attributes:
        title: for a person.
        text: one sentence on what it shows.
        model: row of the zoo that was made for such pictures.
        n_cells: cells with their centre inside the frame, exactly.
        pixel_size_um: edge of a pixel, micrometres.
        draw: makes the pixels, ``(1, H, W)``.
    """

    title: str
    text: str
    model: str
    n_cells: int
    pixel_size_um: float
    draw: Callable[[], Image]


_STAINED = LiveDeadScene(
    height=768,
    width=1024,
    n_cells=90,
    radius_px=(11.0, 22.0),
    weak_fraction=0.08,
    clump_fraction=0.3,
    camera=Camera(bit_depth=8),
    seed=7,
)
_CROWDED = LiveDeadScene(
    height=768,
    width=1024,
    n_cells=240,
    radius_px=(10.0, 17.0),
    weak_fraction=0.1,
    clump_fraction=0.5,
    camera=Camera(bit_depth=8),
    seed=11,
)

SAMPLES: dict[str, Sample] = {
    "stained-nuclei": Sample(
        title="Stained nuclei",
        text="Ninety fluorescent nuclei, some of them touching.",
        model="nuclei",
        n_cells=_STAINED.n_cells,
        pixel_size_um=_STAINED.pixel_size_um,
        draw=lambda: simulate_pair(_STAINED).blue,
    ),
    "crowded-nuclei": Sample(
        title="Crowded nuclei",
        text="240 fluorescent nuclei, half of them touching.",
        model="live-dead-fluo",
        n_cells=_CROWDED.n_cells,
        pixel_size_um=_CROWDED.pixel_size_um,
        draw=lambda: simulate_pair(_CROWDED).blue,
    ),
}


@lru_cache(maxsize=len(SAMPLES))
def sample_png(name: str) -> bytes:
    """A row of :data:`SAMPLES` as a PNG file; the same bytes every time.

    Raises:
        UnknownNameError: no such sample.
    """
    if name not in SAMPLES:
        raise UnknownNameError("sample", name, SAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.png"
        write_png(path, SAMPLES[name].draw())
        return path.read_bytes()
