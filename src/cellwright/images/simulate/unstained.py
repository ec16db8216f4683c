"""Unstained adherent cells as differential interference or phase contrast shows them.

Cells are domes of optical thickness with a nucleus and grainy cytoplasm, irregular in
outline, some alone, most of them touching others. No dye tells them from the background:
differential interference contrast (DIC) shows the slope of the thickness along one
direction, so one side of a cell is bright and the other dark and a flat middle looks like
background; phase contrast shows the thickness itself, dark, with a bright halo around it.
Both are low in contrast and uneven. A series is one culture: its cells differ from field to
field, and light and focus drift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.images.simulate.camera import Camera, expose, smooth_field
from cellwright.images.simulate.nuclei import Nuclei, draw, draw_lobes, draw_radii, place
from cellwright.images.simulate.scene import (
    check_frame,
    check_pixel_size,
    check_radii,
    check_shares,
)
from cellwright.images.simulate.series import wandering
from cellwright.types import Image, Instances

Contrast = Literal["dic", "phase"]

GRAIN = 0.16
NUCLEUS_SHARE = 0.45
HALO_SIGMA_SHARE = 0.45


@dataclass(frozen=True)
class UnstainedScene:
    """What one field looks like; all chance comes from ``seed``.

    Attributes:
        height: pixels.
        width: pixels.
        n_cells: cells with their centre inside the frame, exactly.
        radius_px: smallest and largest mean radius of a cell.
        clump_fraction: share of cells that touch others.
        contrast: ``dic`` or ``phase``.
        strength: how far cells stand out of the background, in shares of its brightness.
        unevenness: how far the light falls across the frame, 0 to 1.
        camera: optics and noise.
        pixel_size_um: edge length of a pixel in the sample, micrometres.
        seed: the same seed gives the same pixels.
    """

    height: int = 512
    width: int = 512
    n_cells: int = 60
    radius_px: tuple[float, float] = (13.0, 28.0)
    clump_fraction: float = 0.7
    contrast: Contrast = "dic"
    strength: float = 0.35
    unevenness: float = 0.25
    camera: Camera = field(
        default_factory=lambda: Camera(psf_sigma_px=0.8, photons=900.0, bit_depth=8)
    )
    pixel_size_um: float = 0.65
    seed: int = 0

    def __post_init__(self) -> None:
        check_radii(self.radius_px, least_px=4, most_px=100)
        check_frame(self.height, self.width, self.n_cells)
        check_shares(
            clump_fraction=self.clump_fraction, strength=self.strength, unevenness=self.unevenness
        )
        check_pixel_size(self.pixel_size_um)

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width


@dataclass(frozen=True, eq=False)
class UnstainedField:
    """A simulated field with its truth.

    Attributes:
        name: unique in its series.
        group: the series.
        image: ``(1, H, W)``.
        instances: all cells; a pixel where two overlap belongs to one of them.
        pixel_size_um: micrometres.
    """

    name: str
    group: str
    image: Image
    instances: Instances
    pixel_size_um: float

    @property
    def confluence(self) -> float:
        """Share of the field that cells cover."""
        return float((self.instances.labels > 0).mean())


def simulate_field(
    scene: UnstainedScene, *, name: str = "field", group: str = "culture"
) -> UnstainedField:
    """One field of ``scene``.

    Raises:
        ConfigError: the cells do not fit into the frame.
    """
    rng = np.random.default_rng(scene.seed)
    cells = _cells(scene, rng)
    drawing = draw(cells, frame=scene.frame, rng=rng)
    thickness = drawing.light * _grain(scene, rng)
    thickness += 0.5 * draw(_nuclei_of(cells, rng), frame=scene.frame, rng=rng).light
    relief = _dic(thickness) if scene.contrast == "dic" else _phase(thickness, scene)
    light = (1 - scene.unevenness * smooth_field(scene.frame, rng)) * (1 + scene.strength * relief)
    return UnstainedField(
        name=name,
        group=group,
        image=expose(np.maximum(light, 0).astype(np.float32), scene.camera, rng),
        instances=Instances.from_labels(drawing.labels),
        pixel_size_um=scene.pixel_size_um,
    )


def simulate_culture(
    n_images: int,
    scene: UnstainedScene | None = None,
    *,
    name: str = "culture",
    seed: int = 0,
) -> Iterator[UnstainedField]:
    """Fields ``name_001`` … of one culture, made one at a time.

    Every field has its own cells; their number, the contrast and the focus wander from the
    values in ``scene`` (whose own seed is not used).

    >>> small = UnstainedScene(height=64, width=64, n_cells=3, radius_px=(6, 9))
    >>> [field.name for field in simulate_culture(2, small, name="a")]
    ['a_001', 'a_002']
    """
    scene = scene or UnstainedScene()
    for number, (walk, own_seed) in enumerate(wandering(n_images, 3, seed=seed), start=1):
        drifted = replace(
            scene,
            n_cells=round(scene.n_cells * float(np.exp(0.08 * walk[0]))),
            strength=min(1.0, scene.strength * float(np.exp(0.08 * walk[1]))),
            camera=replace(
                scene.camera,
                psf_sigma_px=scene.camera.psf_sigma_px * float(np.exp(0.1 * walk[2])),
            ),
            seed=own_seed,
        )
        yield simulate_field(drifted, name=f"{name}_{number:03d}", group=name)


def _cells(scene: UnstainedScene, rng: np.random.Generator) -> Nuclei:
    """Outlines and places; a cell is drawn like a nucleus, larger and less round."""
    count = scene.n_cells
    radii = draw_radii(scene.radius_px, count, rng)
    centres = place(radii, frame=scene.frame, clump_fraction=scene.clump_fraction, rng=rng)
    lobes = draw_lobes((0.05, 0.25), (0.0, 0.12), count, rng)
    return Nuclei(centres, radii, rng.uniform(0.7, 1.0, count), np.full(count, 0.06), lobes)


def _nuclei_of(cells: Nuclei, rng: np.random.Generator) -> Nuclei:
    """A rounder, smaller bump in each cell, a little off its middle."""
    off = rng.normal(0, 0.08, cells.centres_xy.shape) * cells.radii_px[:, None]
    return Nuclei(
        cells.centres_xy + off,
        cells.radii_px * NUCLEUS_SHARE,
        cells.brightness,
        np.full(len(cells), 0.1),
        cells.lobes * (0.3, 1.0, 0.3, 1.0),
    )


def _grain(scene: UnstainedScene, rng: np.random.Generator) -> NDArray[np.float32]:
    """Vesicles and organelles: texture around 1, finer than a nucleus."""
    noise = cv2.GaussianBlur(rng.standard_normal(scene.frame).astype(np.float32), (0, 0), 1.5)
    return np.asarray(1 + GRAIN * noise / max(float(noise.std()), 1e-6), dtype=np.float32)


def _dic(thickness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slope of the thickness from upper left to lower right, about -1 to 1."""
    smooth = cv2.GaussianBlur(thickness, (0, 0), 1.2)
    down, across = np.gradient(smooth)
    return np.asarray(np.clip(5 * (down + across) / np.sqrt(2), -1.5, 1.5), dtype=np.float32)


def _phase(thickness: NDArray[np.float32], scene: UnstainedScene) -> NDArray[np.float32]:
    """Thickness as darkness, less its own surround, which leaves the halo."""
    sigma = HALO_SIGMA_SHARE * scene.radius_px[1]
    surround = cv2.GaussianBlur(thickness, (0, 0), sigma)
    return np.asarray(np.clip(1.4 * surround - thickness, -1.5, 1.5), dtype=np.float32)
