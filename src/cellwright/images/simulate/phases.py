"""Single cells in seven phases of the cell cycle, as an imaging flow cytometer sees them.

Three raw channels a cell, as in the public set ``jurkat_cell_cycle``: brightfield, the stain of
DNA, darkfield. A cell in suspension is a ball, in telophase two. Its DNA lies in bodies:

    G1         one round nucleus          content 1
    S          the same, larger           content between 1 and 2
    G2         the same, larger still     content 2
    Prophase   condensed, lumpy nucleus   content 2
    Metaphase  one plate                  content 2
    Anaphase   two plates in one cell     content 2, a half each
    Telophase  two daughter nuclei        content 2, a half each

The stain gives light in proportion to the content. Brightfield follows the curvature of the
cell's thickness (transport of intensity), so an outline is a dark ring with a bright one inside,
wide out of focus. Darkfield shows light that small bodies scatter; the instrument takes the
stain's spill off it, which leaves the nucleus black. A series is one sample: its phases are drawn
by the shares asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError, UnknownNameError
from cellwright.types import Image

Plane = NDArray[np.float64]

PHASES = ("G1", "S", "G2", "Prophase", "Metaphase", "Anaphase", "Telophase")
CHANNELS = ("brightfield_Ch3", "PI_DNA_Ch4", "darkfield_Ch6")

S_CONTENT = (1.25, 1.6)
VOLUME = {"G1": 1.0, "S": 1.35, "G2": 1.7}
"""Of a cell over that in G1; cells in mitosis have doubled it."""
"""Of cells counted as S; nearer to 1 and 2 no stain tells them from G1 and G2."""
NUCLEUS_SHARE = 0.90
"""Radius of a nucleus over that of its cell."""
PROPHASE_SHARE = 0.80
"""The same in prophase."""
PLATE_SHARE = (0.90, 0.55)
"""Half length and half width of a metaphase plate over the radius of the cell."""
HALF_PLATE_SHARE = (0.8, 0.36)
"""Of each plate in anaphase."""
PLATES_APART_SHARE = 0.5
"""Distance of a plate in anaphase from the middle of its cell over the radius of the cell."""
DAUGHTER_SHARE = 0.82
"""Radius of a daughter cell over that of its mother."""
DAUGHTER_NUCLEUS_SHARE = (0.85, 0.55)
"""Half length and half width of a daughter's nucleus over the radius of the daughter."""
LOOSE = (2.5, 0.15)
PACKING = {
    "Prophase": (1.2, 0.25),
    "Metaphase": (1.5, 0.3),
    "Anaphase": (1.5, 0.25),
    "Telophase": (1.5, 0.25),
}
"""Size of the grains of chromatin in pixels, and how strong they are."""
GLOW, GLOW_PX = 0.3, 5.0
"""Share of the stain's light that spreads far, and how far."""
CURVATURE = 0.13
"""Brightfield a unit of curvature and pixel of blur."""
CYTOPLASM = 0.8
"""Roughness of the cell's thickness, pixels."""
GRAIN_PATH, BRIGHT = 0.1, 400.0
"""Path of a granule a count that it scatters, up to this many counts."""
SCATTERED, SCATTER_PX = 160.0, 0.7
"""Mean light of a granule in darkfield, counts, and its blur."""
SPILL = 0.06
"""Share of the stain's light that the instrument takes off darkfield."""
WHITE = 65535


@dataclass(frozen=True)
class PhaseScene:
    """What the cells of a sample and the instrument are like; all chance comes from ``seed``.

    Attributes:
        edge_px: edge of the square crop around a cell.
        radius_px: mean radius of a cell in G1; the volume doubles up to mitosis.
        size_spread: standard deviation of the radius, relative.
        dna_signal: light of the stain of a cell in G1, all pixels together, counts.
        stain_spread: standard deviation of that light between cells, relative.
        focus_px: smallest and largest blur, pixels; which one a cell gets is chance.
        granules: mean number of granules that scatter light in a cell.
        light: brightfield without a cell, counts.
        offset: of DNA stain and darkfield, counts.
        noise: standard deviation of the noise of the three channels without a cell, counts.
        counts_a_photon: of the DNA stain; sets its shot noise.
        pixel_size_um: edge length of a pixel in the sample, micrometres.
        seed: the same seed gives the same pixels.
    """

    edge_px: int = 40
    radius_px: float = 10.2
    size_spread: float = 0.06
    dna_signal: float = 126_000.0
    stain_spread: float = 0.05
    focus_px: tuple[float, float] = (1.2, 3.4)
    granules: float = 20.0
    light: float = 677.0
    offset: tuple[float, float] = (42.0, 27.0)
    noise: tuple[float, float, float] = (5.4, 2.6, 1.9)
    counts_a_photon: float = 1.0
    pixel_size_um: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 4 <= self.radius_px <= self.edge_px / 3:
            raise ConfigError(
                f"the radius must lie in 4..{self.edge_px / 3:.1f} pixels, not {self.radius_px}",
                remedy="cells must fit into the crop: take smaller cells or a larger edge",
            )
        if not 0 < self.focus_px[0] <= self.focus_px[1]:
            raise ConfigError(f"blur must satisfy 0 < smallest <= largest: {self.focus_px}")
        spreads = (self.size_spread, self.stain_spread, self.granules, *self.offset, *self.noise)
        if min(spreads) < 0:
            raise ConfigError("spreads, granules, offsets and noise must be >= 0")
        if min(self.dna_signal, self.light, self.counts_a_photon, self.pixel_size_um) <= 0:
            raise ConfigError("stain, light, gain and pixel size must be > 0")


@dataclass(frozen=True, eq=False)
class PhasedCell:
    """A simulated cell with its truth.

    Attributes:
        name: unique in its series.
        group: the series.
        image: uint16 ``(3, edge, edge)``, channels as in :data:`CHANNELS`.
        phase: one of :data:`PHASES`.
        dna_content: 1 in G1 to 2 in G2.
        dna_light: float32 ``(edge, edge)``, the stain's light in focus and without noise, counts;
            its sum is ``dna_content`` times the scene's signal times the cell's own uptake.
        pixel_size_um: micrometres.
    """

    name: str
    group: str
    image: Image
    phase: str
    dna_content: float
    dna_light: NDArray[np.float32]
    pixel_size_um: float


@dataclass(frozen=True)
class _Body:
    """An ellipsoid: centre from the middle of the crop, half axes, turn of the first axis."""

    centre_xy: tuple[float, float]
    half_axes_px: tuple[float, float]
    turn: float = 0.0


def simulate_cell(
    phase: str, scene: PhaseScene | None = None, *, name: str = "cell", group: str = "sample"
) -> PhasedCell:
    """One cell of ``scene`` in ``phase``.

    Raises:
        UnknownNameError: no such phase.
    """
    if phase not in PHASES:
        raise UnknownNameError("phase", phase, PHASES)
    scene = scene or PhaseScene()
    rng = np.random.default_rng(scene.seed)
    content = _content(phase, rng)
    cell, chromatin = _bodies(phase, scene, rng)
    stain = _stain(chromatin, phase, scene, rng)
    uptake = max(0.5, 1 + scene.stain_spread * rng.standard_normal())
    stain *= content * uptake * scene.dna_signal / stain.sum()
    blur_px = float(rng.triangular(scene.focus_px[0], scene.focus_px[0], scene.focus_px[1]))
    planes = _photograph(cell, stain, blur_px, scene, rng)
    return PhasedCell(
        name=name,
        group=group,
        image=np.clip(np.rint(planes), 0, WHITE).astype(np.uint16),
        phase=phase,
        dna_content=content,
        dna_light=stain.astype(np.float32),
        pixel_size_um=scene.pixel_size_um,
    )


def simulate_sample(
    counts: Mapping[str, int],
    scene: PhaseScene | None = None,
    *,
    name: str = "sample",
    seed: int = 0,
) -> Iterator[PhasedCell]:
    """Cells ``name_0001`` … of one sample in an order drawn by chance, made one at a time.

    Args:
        counts: cells a phase, exactly.
        scene: what they are like (its own seed is not used).
        name: of the sample.
        seed: the same seed gives the same pixels.

    >>> [cell.name for cell in simulate_sample({"G1": 1, "G2": 1}, name="a")]
    ['a_0001', 'a_0002']

    Raises:
        UnknownNameError: no such phase.
    """
    scene = scene or PhaseScene()
    rng = np.random.default_rng(seed)
    phases = [phase for phase, count in counts.items() for _ in range(count)]
    for number, place in enumerate(rng.permutation(len(phases)), start=1):
        one = replace(scene, seed=int(rng.integers(2**31)))
        yield simulate_cell(phases[place], one, name=f"{name}_{number:04d}", group=name)


def _content(phase: str, rng: np.random.Generator) -> float:
    """DNA over that of a cell in G1."""
    if phase == "S":
        return float(rng.uniform(*S_CONTENT))
    return 1.0 if phase == "G1" else 2.0


def _bodies(
    phase: str, scene: PhaseScene, rng: np.random.Generator
) -> tuple[list[_Body], list[_Body]]:
    """The ball or balls of the cell, and the bodies that hold its DNA."""
    spread = 1 + scene.size_spread * float(np.clip(rng.standard_normal(), -2, 2))
    radius = scene.radius_px * VOLUME.get(phase, 2.0) ** (1 / 3) * spread
    x, y = rng.normal(0, 0.5, 2).tolist()
    turn = float(rng.uniform(0, np.pi))
    if phase == "Telophase":
        return _daughters(radius, (x, y), rng)
    if phase == "Anaphase":
        return _parting(radius, (x, y), turn, rng)
    oval = float(rng.uniform(0.0, 0.07))
    ball = _Body((x, y), (radius * (1 + oval), radius * (1 - oval)), turn)
    off = rng.normal(0, 0.06 * radius, 2)
    middle = (x + float(off[0]), y + float(off[1]))
    if phase == "Metaphase":
        long, short = (radius * share * rng.uniform(0.9, 1.1) for share in PLATE_SHARE)
        return [ball], [_Body(middle, (long, short), turn)]
    share = PROPHASE_SHARE if phase == "Prophase" else NUCLEUS_SHARE
    reach = radius * share * rng.uniform(0.94, 1.06)
    flat = float(rng.uniform(0.0, 0.08))
    return [ball], [_Body(middle, (reach * (1 + flat), reach * (1 - flat)), turn + 1.0)]


def _parting(
    radius: float, centre: tuple[float, float], turn: float, rng: np.random.Generator
) -> tuple[list[_Body], list[_Body]]:
    """A cell that grows longer, a plate on each side of its middle, across its long axis."""
    apart = radius * PLATES_APART_SHARE * float(rng.uniform(0.9, 1.15))
    axis = np.array([np.cos(turn), np.sin(turn)])
    ends = [tuple((np.array(centre) + side * apart * axis).tolist()) for side in (-1, 1)]
    ball_apart = 0.2 * radius
    balls = [
        _Body(tuple((np.array(centre) + side * ball_apart * axis).tolist()), (radius * 0.9,) * 2)
        for side in (-1, 1)
    ]
    long, short = (radius * share for share in HALF_PLATE_SHARE)
    plates = [
        _Body(end, (long * rng.uniform(0.9, 1.1), short), turn + np.pi / 2 + rng.normal(0, 0.15))
        for end in ends
    ]
    return balls, plates


def _daughters(
    radius: float, centre: tuple[float, float], rng: np.random.Generator
) -> tuple[list[_Body], list[_Body]]:
    """Two cells one above the other, as the stream of the instrument turns what is long."""
    small = radius * DAUGHTER_SHARE
    tilt = np.pi / 2 + float(rng.normal(0, 0.08))
    axis = np.array([np.cos(tilt), np.sin(tilt)]) * small * float(rng.uniform(0.92, 1.0))
    balls, nuclei = [], []
    for side in (-1, 1):
        place = np.array(centre) + side * axis
        oval = float(rng.uniform(0, 0.08))
        balls.append(_Body(tuple(place.tolist()), (small * (1 + oval), small * (1 - oval)), 0.0))
        long, short = (small * share * rng.uniform(0.9, 1.1) for share in DAUGHTER_NUCLEUS_SHARE)
        off = rng.normal(0, 0.06 * small, 2) + side * 0.05 * axis
        turn = float(rng.normal(0, 0.25))
        nuclei.append(_Body(tuple((place + off).tolist()), (long, short), turn))
    return balls, nuclei


def _thickness(bodies: list[_Body], edge_px: int) -> Plane:
    """How much of the bodies lies behind each pixel, pixels; the thickest counts."""
    down, across = np.mgrid[:edge_px, :edge_px] - (edge_px - 1) / 2
    total: Plane = np.zeros((edge_px, edge_px))
    for body in bodies:
        x, y = across - body.centre_xy[0], down - body.centre_xy[1]
        along = np.cos(body.turn) * x + np.sin(body.turn) * y
        aside = np.cos(body.turn) * y - np.sin(body.turn) * x
        rho = (along / body.half_axes_px[0]) ** 2 + (aside / body.half_axes_px[1]) ** 2
        depth = 2 * min(body.half_axes_px) * np.sqrt(np.clip(1 - rho, 0, 1))
        total = np.maximum(total, depth)
    return total


def _stain(
    chromatin: list[_Body], phase: str, scene: PhaseScene, rng: np.random.Generator
) -> Plane:
    """Light of the DNA, one in all: the same from each body, unevenly packed within."""
    grain_px, strength = PACKING.get(phase, LOOSE)
    light: Plane = np.zeros((scene.edge_px, scene.edge_px))
    for body in chromatin:
        depth = _thickness([body], scene.edge_px)
        packed = depth * np.exp(strength * _noise(depth.shape, grain_px, rng))
        light += packed / (packed.sum() * len(chromatin))
    return light


def _noise(shape: tuple[int, ...], size_px: float, rng: np.random.Generator) -> Plane:
    """Texture of mean 0 and standard deviation 1, with grains of this size."""
    smooth = _blurred(rng.standard_normal(shape), size_px)
    return np.asarray((smooth - smooth.mean()) / max(float(smooth.std()), 1e-9), np.float64)


def _blurred(plane: Plane, sigma_px: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma_px), np.float64)


def _photograph(
    cell: list[_Body],
    stain: Plane,
    blur_px: float,
    scene: PhaseScene,
    rng: np.random.Generator,
) -> Plane:
    """The three channels with their noise, counts ``(3, edge, edge)``, before they are whole."""
    thickness = _thickness(cell, scene.edge_px)
    seen = (1 - GLOW) * _blurred(stain, blur_px) + GLOW * _blurred(stain, GLOW_PX)
    grains = _granules(thickness, scene, rng)
    planes = np.stack(
        [
            scene.light * (1 + _relief(thickness, grains, blur_px, rng)),
            scene.offset[0] + seen,
            scene.offset[1] + _blurred(grains, SCATTER_PX) - SPILL * seen,
        ]
    )
    noise = np.array(scene.noise)[:, None, None] ** 2 * np.ones_like(planes)
    noise[1] += scene.counts_a_photon * seen
    return planes + np.sqrt(noise) * rng.standard_normal(planes.shape)


def _relief(thickness: Plane, grains: Plane, blur_px: float, rng: np.random.Generator) -> Plane:
    """Brightfield over its light, less one: curvature of what lies in the light's way."""
    texture = CYTOPLASM * _noise(thickness.shape, 1.0, rng) * (thickness > 0)
    path = _blurred(thickness + texture + GRAIN_PATH * np.minimum(grains, BRIGHT), blur_px)
    return np.asarray(-CURVATURE * blur_px * cv2.Laplacian(path, cv2.CV_64F), np.float64)


def _granules(thickness: Plane, scene: PhaseScene, rng: np.random.Generator) -> Plane:
    """Light that granules scatter, counts: single pixels, most of them near the outline."""
    plane: Plane = np.zeros_like(thickness)
    inside = np.flatnonzero(thickness > 0)
    depth = thickness.ravel()[inside]
    weight = 1.2 - depth / depth.max()
    count = min(int(rng.poisson(scene.granules)), len(inside))
    places = rng.choice(inside, count, replace=False, p=weight / weight.sum())
    plane.ravel()[places] = rng.exponential(SCATTERED, count)
    return plane
