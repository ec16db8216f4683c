"""Stained blood smears: red cells with pale centres, white cells, platelets.

Stains absorb: a pixel is ``white * 10^-(c_e E + c_a A)`` in each colour (Lambert and Beer), with
the amounts of eosin ``c_e`` and azure ``c_a`` and their absorbances ``E`` and ``A`` in red, green
and blue. Red cells hold eosin; nuclei much azure and some eosin, which makes them purple; plasma a
little of both. White cells are of two classes: ``normal`` (lymphocyte-like with a round nucleus,
or neutrophil-like with lobes; coarse chromatin) and ``blast`` (a nucleus that nearly fills the
cell, fine chromatin, blue plasma). A series is one slide: its cells differ from field to field,
its stain and light are its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError
from cellwright.images.simulate.camera import Camera, expose, smooth_field
from cellwright.images.simulate.nuclei import Nuclei, draw, place
from cellwright.images.simulate.scene import check_frame, check_shares
from cellwright.types import Image, Instances

CLASSES = ("normal", "blast")
EOSIN = (0.08, 0.95, 0.55)
AZURE = (0.85, 0.75, 0.18)
WHITE_LIGHT = 2.05
"""Light of empty glass, near the top of the camera's range."""
BLAST_NUCLEUS = (0.86, 0.93)
"""Radius of a blast's nucleus over that of its cell."""
ROUND_NUCLEUS = (0.62, 0.76)
LOBED_SHARE = 0.6
"""Of the normal white cells."""


@dataclass(frozen=True)
class SmearScene:
    """What one field looks like; all chance comes from ``seed``.

    Attributes:
        height: pixels.
        width: pixels.
        n_red: red cells with their centre inside the frame.
        n_white: white cells, likewise.
        blast_share: share of the white cells that are blasts, exactly (rounded).
        n_platelets: platelets.
        radius_px: mean radius of a red cell; white cells are 1.3 to 1.8 times as large.
        clump_fraction: share of cells that touch others.
        eosin: strength of the red stain, 1 is usual.
        azure: strength of the blue stain.
        unevenness: how far the light falls across the frame, 0 to 1.
        tint: light of red, green and blue, relative.
        camera: optics and noise.
        pixel_size_um: edge length of a pixel in the sample, micrometres.
        seed: the same seed gives the same pixels.
    """

    height: int = 384
    width: int = 512
    n_red: int = 60
    n_white: int = 5
    blast_share: float = 0.0
    n_platelets: int = 6
    radius_px: float = 18.0
    clump_fraction: float = 0.3
    eosin: float = 1.0
    azure: float = 1.0
    unevenness: float = 0.06
    tint: tuple[float, float, float] = (1.0, 0.98, 0.95)
    camera: Camera = field(
        default_factory=lambda: Camera(psf_sigma_px=0.9, photons=2500.0, bit_depth=8)
    )
    pixel_size_um: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        check_frame(self.height, self.width, self.n_red, self.n_white, self.n_platelets)
        if not 4 <= self.radius_px <= 100:
            raise ConfigError(f"the radius must lie in 4..100 pixels, not {self.radius_px}")
        check_shares(
            blast_share=self.blast_share,
            clump_fraction=self.clump_fraction,
            unevenness=self.unevenness,
        )
        if min(self.eosin, self.azure, self.pixel_size_um, *self.tint) <= 0:
            raise ConfigError("stains, light and pixel size must be > 0")

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width


@dataclass(frozen=True, eq=False)
class SmearField:
    """A simulated field with its truth.

    Attributes:
        name: unique in its series.
        group: the series.
        image: uint8 ``(3, H, W)`` red, green, blue.
        white: white cells with their class (an index into :data:`CLASSES`).
        nuclei: int32 ``(H, W)``, the numbers of ``white`` where the nucleus is.
        red: red cells; a pixel under a white cell belongs to that.
        pixel_size_um: micrometres.
    """

    name: str
    group: str
    image: Image
    white: Instances
    nuclei: NDArray[np.int32]
    red: Instances
    pixel_size_um: float

    @property
    def n_blasts(self) -> int:
        """White cells of the class ``blast``."""
        return 0 if self.white.class_ids is None else int((self.white.class_ids == 1).sum())


@dataclass(frozen=True, eq=False)
class _Amounts:
    """Stain in each pixel, float32 ``(H, W)``."""

    eosin: NDArray[np.float32]
    azure: NDArray[np.float32]


def simulate_smear(scene: SmearScene, *, name: str = "field", group: str = "slide") -> SmearField:
    """One field of ``scene``.

    Raises:
        ConfigError: the cells do not fit into the frame.
    """
    rng = np.random.default_rng(scene.seed)
    total = scene.n_white + scene.n_red
    order = rng.permutation(total)
    is_white = order < scene.n_white
    radii = scene.radius_px * np.where(
        is_white, rng.uniform(1.3, 1.8, total), rng.normal(1, 0.06, total).clip(0.8, 1.2)
    )
    centres = place(radii, frame=scene.frame, clump_fraction=scene.clump_fraction, rng=rng)
    blasts = rng.permutation(scene.n_white) < round(scene.blast_share * scene.n_white)
    amounts = _Amounts(np.zeros(scene.frame, np.float32), np.zeros(scene.frame, np.float32))
    red = _draw_red(amounts, _cells(centres[~is_white], radii[~is_white], rng), rng)
    _draw_platelets(amounts, scene, rng)
    cells = _cells(centres[is_white], radii[is_white], rng)
    white, nuclei = _draw_white(amounts, cells, blasts, rng)
    present = np.unique(white)
    present = present[present > 0]
    return SmearField(
        name=name,
        group=group,
        image=_photograph(amounts, scene, rng),
        white=Instances(Instances.from_labels(white).labels, blasts[present - 1].astype(np.int64)),
        nuclei=np.searchsorted(present, nuclei).astype(np.int32) * (nuclei > 0) + (nuclei > 0),
        red=Instances.from_labels(np.where(white > 0, 0, red)),
        pixel_size_um=scene.pixel_size_um,
    )


def simulate_slide(
    n_images: int, scene: SmearScene | None = None, *, name: str = "slide", seed: int = 0
) -> Iterator[SmearField]:
    """Fields ``name_001`` … of one slide, made one at a time.

    The slide draws its own stain and light around those of ``scene``; every field has its own
    cells (the scene's own seed is not used).

    >>> small = SmearScene(height=96, width=96, n_red=2, n_white=1, radius_px=10, n_platelets=0)
    >>> [field.name for field in simulate_slide(2, small, name="a")]
    ['a_001', 'a_002']
    """
    scene = scene or SmearScene()
    rng = np.random.default_rng(seed)
    red, green, blue = np.multiply(scene.tint, rng.uniform(0.96, 1.0, 3))
    slide = replace(
        scene,
        eosin=scene.eosin * float(rng.uniform(0.8, 1.25)),
        azure=scene.azure * float(rng.uniform(0.8, 1.25)),
        tint=(float(red), float(green), float(blue)),
    )
    for number in range(1, n_images + 1):
        yield simulate_smear(
            replace(slide, seed=int(rng.integers(2**31))), name=f"{name}_{number:03d}", group=name
        )


def _cells(
    centres: NDArray[np.float64], radii: NDArray[np.float64], rng: np.random.Generator
) -> Nuclei:
    count = len(radii)
    lobes = np.stack(
        [
            rng.uniform(0.0, 0.08, count),
            rng.uniform(0, 2 * np.pi, count),
            rng.uniform(0.0, 0.03, count),
            rng.uniform(0, 2 * np.pi, count),
        ],
        axis=1,
    )
    return Nuclei(centres, radii, np.ones(count), np.full(count, 0.05), lobes)


def _draw_red(amounts: _Amounts, cells: Nuclei, rng: np.random.Generator) -> NDArray[np.int32]:
    """Discs of eosin that are thinner in the middle; stain adds up where they overlap."""
    frame = amounts.eosin.shape
    whole = draw(cells, frame=(frame[0], frame[1]), rng=rng)
    middle = Nuclei(
        cells.centres_xy,
        cells.radii_px * rng.uniform(0.35, 0.55, len(cells)),
        np.full(len(cells), 0.55),
        np.full(len(cells), 0.5),
        cells.lobes,
    )
    pale = draw(middle, frame=(frame[0], frame[1]), rng=rng)
    _add(amounts.eosin, 0.36 * np.maximum(whole.light - pale.light, 0))
    return whole.labels


def _add(stain: NDArray[np.float32], more: NDArray[np.floating]) -> None:
    """Add in place."""
    np.add(stain, more.astype(np.float32), out=stain)


def _draw_platelets(amounts: _Amounts, scene: SmearScene, rng: np.random.Generator) -> None:
    count = scene.n_platelets
    places = rng.uniform(0, 1, (count, 2)) * (scene.width, scene.height)
    small = _cells(places, scene.radius_px * rng.uniform(0.15, 0.28, count), rng)
    spots = draw(small, frame=scene.frame, rng=rng)
    _add(amounts.azure, 0.3 * spots.light)
    _add(amounts.eosin, 0.2 * spots.light)


def _draw_white(
    amounts: _Amounts, cells: Nuclei, blasts: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """White cells over what was there: labels of the cells and of their nuclei."""
    frame = (amounts.eosin.shape[0], amounts.eosin.shape[1])
    plasma = draw(cells, frame=frame, rng=rng)
    covered = np.clip(1.4 * plasma.light, 0, 1)
    for stain in (amounts.eosin, amounts.azure):
        np.multiply(stain, 1 - covered, out=stain)
    is_blast = np.concatenate([[False], blasts])[plasma.labels]
    _add(amounts.eosin, plasma.light * np.where(is_blast, 0.10, 0.20))
    _add(amounts.azure, plasma.light * np.where(is_blast, 0.28, 0.10))
    parts, owner = _nucleus_parts(cells, blasts, rng)
    drawn = draw(parts, frame=frame, rng=rng)
    inside = np.minimum(drawn.light, 1.0) * (drawn.labels > 0)
    size = float(cells.radii_px.max(initial=0))
    fine, coarse = (
        _chromatin(frame, 0.04 * size, 0.07, rng),
        _chromatin(frame, 0.1 * size, 0.24, rng),
    )
    chromatin = np.where(is_blast, fine, coarse)
    _add(amounts.azure, 0.75 * inside * chromatin)
    _add(amounts.eosin, 0.32 * inside * chromatin)
    nuclei = np.concatenate([[0], owner])[drawn.labels]
    return plasma.labels, np.where(nuclei == plasma.labels, nuclei, 0).astype(np.int32)


def _nucleus_parts(
    cells: Nuclei, blasts: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Nuclei, NDArray[np.int64]]:
    """The lobes of all nuclei, and the number of the cell that each belongs to."""
    rows: list[tuple[float, float, float]] = []
    owner: list[int] = []
    for index, blast in enumerate(blasts):
        (x, y), radius = cells.centres_xy[index], cells.radii_px[index]
        if blast or rng.uniform() > LOBED_SHARE:
            share = rng.uniform(*(BLAST_NUCLEUS if blast else ROUND_NUCLEUS))
            off = rng.normal(0, 0.3 * (1 - share), 2) * radius
            rows.append((x + off[0], y + off[1], radius * share))
            owner.append(index + 1)
            continue
        turn = rng.uniform(0, 2 * np.pi)
        for angle in turn + np.arange(rng.integers(2, 4, endpoint=True)) * 1.35:
            reach = 0.42 * radius
            size = radius * rng.uniform(0.26, 0.33)
            rows.append((x + reach * np.cos(angle), y + reach * np.sin(angle), size))
            owner.append(index + 1)
    table = np.array(rows, np.float64).reshape(len(rows), 3)
    return _cells(table[:, :2], table[:, 2], rng), np.array(owner, np.int64)


def _chromatin(
    frame: tuple[int, int], grain_px: float, strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Texture around 1 with grains of this size."""
    noise = rng.standard_normal(frame).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), max(0.5, grain_px))
    return np.asarray(np.clip(1 + strength * smooth / smooth.std(), 0.3, 1.7), np.float32)


def _photograph(amounts: _Amounts, scene: SmearScene, rng: np.random.Generator) -> Image:
    """Light through the stains, channel by channel, onto the camera."""
    fall = WHITE_LIGHT * (1 - scene.unevenness * smooth_field(scene.frame, rng))
    planes = []
    for tint, eosin, azure in zip(scene.tint, EOSIN, AZURE, strict=True):
        density = scene.eosin * eosin * amounts.eosin + scene.azure * azure * amounts.azure
        light = (tint * fall * 10.0**-density).astype(np.float32)
        planes.append(expose(light, scene.camera, rng)[0])
    return np.stack(planes)
