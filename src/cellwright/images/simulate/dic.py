"""Unstained HeLa-like cells under a strong objective and differential interference contrast (DIC).

Flat cells touch along sharp seams. The optical path through them is that of a plateau which
falls off at the border, with a nucleus and its nucleoli, grainy cytoplasm and vesicles. Light
follows the slope of the path ``p`` along the shear, and, out of focus, its curvature (transport
of intensity: Teague, J. Opt. Soc. Am. 73, 1983):

    light = 1 + strength * (dp/ds - focus * laplacian(p))

so that one side of every edge is bright and the other dark, and seams are bright lines. A series
is one movie: shear and optics stay, cells, light and focus differ from field to field.
:mod:`cellwright.images.simulate.unstained` draws smaller, simpler cells under a weak objective.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError
from cellwright.images.simulate.camera import Camera, expose, smooth_field
from cellwright.images.simulate.nuclei import Nuclei, draw, draw_lobes, draw_radii, place
from cellwright.images.simulate.scene import (
    check_frame,
    check_pixel_size,
    check_radii,
    check_shares,
)
from cellwright.images.simulate.series import wandering
from cellwright.images.simulate.unstained import UnstainedField
from cellwright.types import Instances

Plane = NDArray[np.float32]

RIM_SHARE = 0.08
"""Width over which a cell rises from its border, over its radius."""
NUCLEUS_SHARE = (0.42, 0.52)
"""Radius of the nucleus over that of its cell."""
NUCLEOLI = (2, 4)
VESICLES = (4, 40)
VESICLE_RADIUS_PX = (1.3, 3.2)
GRAIN_PX = (1.3, 3.5)
"""Fine and coarse scale between which the cytoplasm's grain lies."""
OUTLINE_WAVE_PX = 9.0
"""How far slow waves push the outlines."""


@dataclass(frozen=True)
class DicScene:
    """What one field looks like; all chance comes from ``seed``.

    Attributes:
        height: pixels.
        width: pixels.
        n_cells: cells with their centre inside the frame, exactly.
        radius_px: smallest and largest mean radius of a cell.
        clump_fraction: share of cells that touch others.
        shear_degrees: direction in which a rising path is bright, clockwise from the x axis.
        strength: contrast, as light over background a unit of slope.
        focus: weight of the curvature, pixels; 0 is in focus, below it borders are dark inside.
        grain: strength of the cytoplasm's texture.
        unevenness: how far the light falls across the frame, 0 to 1.
        camera: optics and noise.
        pixel_size_um: edge length of a pixel in the sample, micrometres.
        seed: the same seed gives the same pixels.
    """

    height: int = 512
    width: int = 512
    n_cells: int = 10
    radius_px: tuple[float, float] = (42.0, 62.0)
    clump_fraction: float = 0.85
    shear_degrees: float = 130.0
    strength: float = 0.45
    focus: float = -1.2
    grain: float = 0.9
    unevenness: float = 0.06
    camera: Camera = field(
        default_factory=lambda: Camera(psf_sigma_px=0.9, photons=600.0, bit_depth=8)
    )
    pixel_size_um: float = 0.19
    seed: int = 0

    def __post_init__(self) -> None:
        check_radii(self.radius_px, least_px=10, most_px=200)
        check_frame(self.height, self.width, self.n_cells, least_px=64)
        check_shares(clump_fraction=self.clump_fraction, unevenness=self.unevenness)
        check_pixel_size(self.pixel_size_um)
        if min(self.strength, self.grain) < 0:
            raise ConfigError("contrast and grain must be >= 0")

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width


def simulate_dic(scene: DicScene, *, name: str = "field", group: str = "movie") -> UnstainedField:
    """One field of ``scene``.

    Raises:
        ConfigError: the cells do not fit into the frame.
    """
    rng = np.random.default_rng(scene.seed)
    cells = _cells(scene, rng)
    labels = _outlines(cells, scene, rng)
    path = _plateaus(labels, cells, rng) + _insides(labels, cells, scene, rng)
    light = (1 - scene.unevenness * smooth_field(scene.frame, rng)) * (1 + _contrast(path, scene))
    return UnstainedField(
        name=name,
        group=group,
        image=expose(np.maximum(light, 0).astype(np.float32), scene.camera, rng),
        instances=Instances.from_labels(labels),
        pixel_size_um=scene.pixel_size_um,
    )


def simulate_movie(
    n_images: int, scene: DicScene | None = None, *, name: str = "movie", seed: int = 0
) -> Iterator[UnstainedField]:
    """Fields ``name_001`` … of one microscope, made one at a time.

    Every field has its own cells; their number, the contrast and the focus wander from the
    values in ``scene`` (whose own seed is not used).

    >>> small = DicScene(height=96, width=96, n_cells=2, radius_px=(16, 20))
    >>> [field.name for field in simulate_movie(2, small, name="a")]
    ['a_001', 'a_002']
    """
    scene = scene or DicScene()
    for number, (walk, own_seed) in enumerate(wandering(n_images, 3, seed=seed), start=1):
        drifted = replace(
            scene,
            n_cells=round(scene.n_cells * float(np.exp(0.08 * walk[0]))),
            strength=scene.strength * float(np.exp(0.08 * walk[1])),
            focus=scene.focus * float(np.exp(0.1 * walk[2])),
            seed=own_seed,
        )
        yield simulate_dic(drifted, name=f"{name}_{number:03d}", group=name)


def _cells(scene: DicScene, rng: np.random.Generator) -> Nuclei:
    """Places and outlines: mostly longer than wide, no two alike."""
    count = scene.n_cells
    radii = draw_radii(scene.radius_px, count, rng)
    centres = place(radii, frame=scene.frame, clump_fraction=scene.clump_fraction, rng=rng)
    lobes = draw_lobes((0.05, 0.28), (0.0, 0.10), count, rng)
    return Nuclei(centres, radii, rng.uniform(0.75, 1.15, count), np.full(count, 0.05), lobes)


def _outlines(cells: Nuclei, scene: DicScene, rng: np.random.Generator) -> NDArray[np.int32]:
    """Labels whose outlines wave as those of spread cells do; cell ``i`` is ``i + 1``."""
    labels = draw(cells, frame=scene.frame, rng=rng).labels
    rows, columns = np.mgrid[: scene.height, : scene.width].astype(np.float32)
    reach = OUTLINE_WAVE_PX * scene.radius_px[0] / 42
    knots = max(4, round(max(scene.frame) / scene.radius_px[0]))
    down, across = (reach * (2 * smooth_field(scene.frame, rng, knots=knots) - 1) for _ in "yx")
    moved = cv2.remap(labels.astype(np.float32), columns + across, rows + down, cv2.INTER_NEAREST)
    return np.asarray(moved, dtype=np.int32)


def _plateaus(labels: NDArray[np.int32], cells: Nuclei, rng: np.random.Generator) -> Plane:
    """Flat cells that fall off at their border, in pixels of optical path."""
    path = np.zeros(labels.shape, np.float32)
    for index in range(len(cells)):
        mine = (labels == index + 1).astype(np.uint8)
        depth = cv2.distanceTransform(mine, cv2.DIST_L2, 5)
        width = RIM_SHARE * cells.radii_px[index] * rng.uniform(0.7, 1.3)
        path += np.float32(3.0 * cells.brightness[index]) * (1 - np.exp(-depth / width))
    return np.asarray(cv2.GaussianBlur(path, (0, 0), 0.8), np.float32)


def _insides(
    labels: NDArray[np.int32], cells: Nuclei, scene: DicScene, rng: np.random.Generator
) -> Plane:
    """Nuclei with their nucleoli, grain, vesicles: path on the plateaus."""
    inside = (labels > 0).astype(np.float32)
    nuclei = _nuclei_of(cells, scene, rng)
    dome = draw(nuclei, frame=scene.frame, rng=rng).light
    path = (
        1.3 * dome + 0.7 * draw(_nucleoli_of(nuclei, scene, rng), frame=scene.frame, rng=rng).light
    )
    amount = np.concatenate([[0.0], rng.uniform(0.5, 1.4, len(cells))])[labels]
    fine, coarse = (_grain(scene.frame, size, rng) for size in GRAIN_PX)
    cytoplasm = np.clip(1 - 0.5 * dome, 0.4, 1)
    path += scene.grain * amount * cytoplasm * (0.22 * fine + 0.55 * coarse)
    path += _vesicles(cells, scene, rng)
    return np.asarray(path * cv2.GaussianBlur(inside, (0, 0), 1.0), np.float32)


def _nuclei_of(cells: Nuclei, scene: DicScene, rng: np.random.Generator) -> Nuclei:
    """A rounder bump in each cell, a little off its middle."""
    count = len(cells)
    off = rng.normal(0, 0.06, cells.centres_xy.shape) * cells.radii_px[:, None]
    return Nuclei(
        np.clip(cells.centres_xy + off, 0, (scene.width, scene.height)),
        cells.radii_px * rng.uniform(*NUCLEUS_SHARE, count),
        np.ones(count),
        np.full(count, 0.08),
        cells.lobes * (0.6, 1.0, 0.3, 1.0),
    )


def _nucleoli_of(nuclei: Nuclei, scene: DicScene, rng: np.random.Generator) -> Nuclei:
    """A few small bodies within each nucleus."""
    owner = np.repeat(np.arange(len(nuclei)), rng.integers(*NUCLEOLI, len(nuclei), endpoint=True))
    angle = rng.uniform(0, 2 * np.pi, len(owner))
    reach = nuclei.radii_px[owner] * rng.uniform(0.1, 0.6, len(owner))
    step = np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach[:, None]
    return Nuclei(
        np.clip(nuclei.centres_xy[owner] + step, 0, (scene.width, scene.height)),
        nuclei.radii_px[owner] * rng.uniform(0.12, 0.22, len(owner)),
        np.ones(len(owner)),
        np.full(len(owner), 0.3),
        np.zeros((len(owner), 4)),
    )


def _vesicles(cells: Nuclei, scene: DicScene, rng: np.random.Generator) -> Plane:
    """Droplets in the cytoplasm: some bend light more than water, some less."""
    owner = np.repeat(np.arange(len(cells)), rng.integers(*VESICLES, len(cells), endpoint=True))
    count = len(owner)
    side = rng.uniform(0, 2 * np.pi, len(cells))[owner]
    angle = side + rng.normal(0, 0.9, count)
    reach = cells.radii_px[owner] * rng.uniform(0.5, 0.85, count)
    step = np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach[:, None]
    drops = Nuclei(
        np.clip(cells.centres_xy[owner] + step, 0, (scene.width, scene.height)),
        rng.uniform(*VESICLE_RADIUS_PX, count),
        rng.choice([-1.0, 1.0], count) * rng.uniform(0.5, 2.0, count),
        np.full(count, 0.3),
        np.zeros((count, 4)),
    )
    return draw(drops, frame=scene.frame, rng=rng).light


def _grain(frame: tuple[int, int], size_px: float, rng: np.random.Generator) -> Plane:
    """Texture of mean 0 and standard deviation 1, with grains of this size."""
    noise = cv2.GaussianBlur(rng.standard_normal(frame).astype(np.float32), (0, 0), size_px)
    return np.asarray(noise / max(float(noise.std()), 1e-6), np.float32)


def _contrast(path: Plane, scene: DicScene) -> Plane:
    """What the optics make of the path: its slope along the shear, its curvature."""
    down, across = np.gradient(path)
    turn = np.deg2rad(scene.shear_degrees)
    slope = np.cos(turn) * across + np.sin(turn) * down
    curve = cv2.Laplacian(path, cv2.CV_32F)
    return np.asarray(scene.strength * (slope - scene.focus * curve), np.float32)
