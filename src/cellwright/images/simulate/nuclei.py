"""Round nuclei on a plane: where they lie, how they touch, what light they give.

Nuclei are nearly round, differ in size and lie alone or in clumps with overlap.
Fluorescence is transparent, so light adds up where nuclei overlap, and the label
image gives a shared pixel to the nucleus whose centre is nearest in units of its
radius; so every nucleus inside the frame keeps pixels of its own. Each nucleus is
computed on a patch just large enough for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError

CANDIDATES = 12
ROUNDS = 80
CLUMP_SIZE = (2, 8)
CLUMP_OVERLAP = (0.05, 0.35)
CLOSEST = 0.6
APART = 1.1
CHROMATIN_TILE_PX = 256
OUTLINE_POINTS = 720


@dataclass(frozen=True, eq=False)
class Nuclei:
    """Nuclei before any light: one row each.

    Attributes:
        centres_xy: float64 ``(n, 2)``, pixel-edge coordinates.
        radii_px: float64 ``(n,)`` mean radius.
        brightness: float64 ``(n,)``, 1 is a bright nucleus.
        softness: float64 ``(n,)`` width of the border as a fraction of the radius.
        lobes: float64 ``(n, 4)``: amplitude and phase of the second and third harmonic
            of the outline, which make it slightly oval and slightly uneven.
    """

    centres_xy: NDArray[np.float64]
    radii_px: NDArray[np.float64]
    brightness: NDArray[np.float64]
    softness: NDArray[np.float64]
    lobes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.radii_px)


@dataclass(frozen=True, eq=False)
class Drawing:
    """Nuclei on the frame, before optics.

    Attributes:
        light: float32 ``(H, W)``; 1 is the middle of a bright nucleus.
        labels: int32 ``(H, W)``; nucleus ``i`` is ``i + 1``, background 0.
        xyxy: float32 ``(n, 4)`` boxes of the whole outlines, cut at the frame.
    """

    light: NDArray[np.float32]
    labels: NDArray[np.int32]
    xyxy: NDArray[np.float32]


def draw_radii(
    radius_px: tuple[float, float], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """``(count,)`` radii between the smallest and the largest, more of them small."""
    smallest, largest = radius_px
    return np.asarray(smallest + (largest - smallest) * rng.beta(2.0, 2.5, count))


def draw_lobes(
    stretch: tuple[float, float],
    dent: tuple[float, float],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """``Nuclei.lobes`` ``(count, 4)`` at any angle, amplitudes of both waves within ranges."""
    return np.stack(
        [
            rng.uniform(*stretch, count),
            rng.uniform(0, 2 * np.pi, count),
            rng.uniform(*dent, count),
            rng.uniform(0, 2 * np.pi, count),
        ],
        axis=1,
    )


def place(
    radii_px: NDArray[np.float64],
    *,
    frame: tuple[int, int],
    clump_fraction: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Centres ``(n, 2)`` such that a share of the nuclei touches and the rest lies apart.

    Args:
        radii_px: ``(n,)`` radii; the first ``clump_fraction`` of them go into clumps.
        frame: height and width in pixels; all centres lie inside.
        clump_fraction: share of nuclei that lie in clumps of 2 to 8.
        rng: source of chance.

    Raises:
        ConfigError: the nuclei do not fit into the frame.
    """
    count = len(radii_px)
    centres = np.zeros((count, 2))
    in_clumps = round(clump_fraction * count)
    clump_start, clump_end = 0, 0
    for index in range(count):
        if index == clump_end:
            size = int(rng.integers(*CLUMP_SIZE, endpoint=True)) if index < in_clumps else 1
            clump_start, clump_end = index, min(count, index + size)
        placed = _place_one(index, (centres, radii_px), clump_start, frame, rng)
        if placed is None:
            raise ConfigError(
                f"only {index} of {count} nuclei fit into {frame[1]} x {frame[0]} pixels",
                remedy="simulate fewer or smaller cells, or a larger image",
            )
        centres[index] = placed
    return centres


def _place_one(
    index: int,
    nuclei: tuple[NDArray[np.float64], NDArray[np.float64]],
    clump_start: int,
    frame: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.float64] | None:
    """A free place for one nucleus: anywhere, or against a member of its clump."""
    centres, radii = nuclei
    height, width = frame
    sums = radii[:index] + radii[index]
    nearest = np.where(np.arange(index) < clump_start, APART, CLOSEST) * sums
    for _ in range(ROUNDS):
        if index == clump_start:
            found = rng.uniform(0, 1, (CANDIDATES, 2)) * (width, height)
        else:
            partner = rng.integers(clump_start, index, CANDIDATES)
            reach = sums[partner] * (1 - rng.uniform(*CLUMP_OVERLAP, CANDIDATES))
            angle = rng.uniform(0, 2 * np.pi, CANDIDATES)
            step = np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach[:, None]
            found = centres[partner] + step
        inside = ((found > 1) & (found < (width - 1, height - 1))).all(axis=1)
        across = found[:, :1] - centres[None, :index, 0]
        down = found[:, 1:] - centres[None, :index, 1]
        free = inside & (across**2 + down**2 >= nearest**2).all(axis=1)
        if free.any():
            return np.asarray(found[np.argmax(free)], dtype=np.float64)
    return None


def draw(nuclei: Nuclei, *, frame: tuple[int, int], rng: np.random.Generator) -> Drawing:
    """Light, labels and boxes of ``nuclei`` on a frame of ``(height, width)`` pixels."""
    height, width = frame
    light = np.zeros(frame, np.float32)
    labels = np.zeros(frame, np.int32)
    nearest = np.ones(frame, np.float32)
    xyxy = np.zeros((len(nuclei), 4), np.float32)
    chromatin = _chromatin(rng)
    for index in range(len(nuclei)):
        x, y = nuclei.centres_xy[index]
        radius = nuclei.radii_px[index]
        reach = radius * (1.25 + 3 * nuclei.softness[index]) + 1
        y0, y1 = max(0, int(y - reach)), min(height, int(y + reach) + 1)
        x0, x1 = max(0, int(x - reach)), min(width, int(x + reach) + 1)
        patch = (slice(y0, y1), slice(x0, x1))
        rho = _relative_distance(nuclei, index, (x0, y0, x1, y1))
        oy, ox = rng.integers(0, chromatin.shape[0] // 2, 2)
        across = (ox + np.arange(x1 - x0)) % CHROMATIN_TILE_PX
        grain = chromatin[((oy + np.arange(y1 - y0)) % CHROMATIN_TILE_PX)[:, None], across]
        light[patch] += nuclei.brightness[index] * _profile(rho, nuclei.softness[index]) * grain
        mine = rho <= nearest[patch]
        labels[patch][mine] = index + 1
        nearest[patch][mine] = rho[mine]
        xyxy[index] = _outline_box(nuclei, index, frame)
    return Drawing(light, labels, xyxy)


def _outline_box(nuclei: Nuclei, index: int, frame: tuple[int, int]) -> NDArray[np.float64]:
    """x1, y1, x2, y2 of the outline itself, finer than a pixel, cut at the frame."""
    angle = np.linspace(-np.pi, np.pi, OUTLINE_POINTS, endpoint=False)
    radius = nuclei.radii_px[index] * _outline(nuclei.lobes[index], angle)
    points = nuclei.centres_xy[index] + np.stack(
        [radius * np.cos(angle), radius * np.sin(angle)], axis=1
    )
    height, width = frame
    corners = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return np.asarray(np.clip(corners, 0, (width, height, width, height)), dtype=np.float64)


def _outline(lobes: NDArray[np.floating], angle: NDArray[np.floating]) -> NDArray[np.floating]:
    """The outline's distance from the centre over the mean radius, at ``angle``."""
    oval, oval_phase, uneven, uneven_phase = lobes
    outline: NDArray[np.floating] = (
        1 + oval * np.cos(2 * angle + oval_phase) + uneven * np.cos(3 * angle + uneven_phase)
    )
    return outline


def _relative_distance(
    nuclei: Nuclei, index: int, box: tuple[int, int, int, int]
) -> NDArray[np.float32]:
    """Distance of pixel centres from the nucleus' centre; 1 on its outline."""
    x0, y0, x1, y1 = box
    x, y = nuclei.centres_xy[index]
    across = (np.arange(x0, x1, dtype=np.float32) + 0.5 - np.float32(x))[None, :]
    down = (np.arange(y0, y1, dtype=np.float32) + 0.5 - np.float32(y))[:, None]
    angle = np.arctan2(down, across)
    outline = _outline(nuclei.lobes[index].astype(np.float32), angle)
    distance = np.sqrt(across**2 + down**2) / (np.float32(nuclei.radii_px[index]) * outline)
    return np.asarray(distance, dtype=np.float32)


def _profile(rho: NDArray[np.float32], softness: float) -> NDArray[np.float32]:
    """Brightness against relative distance: a dome with a border ``softness`` wide."""
    edge = 1 / (1 + np.exp(np.clip((rho - 1) / max(softness / 2, 0.01), -30, 30)))
    dome = 0.65 + 0.35 * np.sqrt(np.clip(1 - rho**2, 0, 1))
    return np.asarray(edge * dome, dtype=np.float32)


def _chromatin(rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth texture around 1 that patches are cut from."""
    noise = rng.standard_normal((CHROMATIN_TILE_PX, CHROMATIN_TILE_PX)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3.0)
    return np.asarray(np.clip(1 + 0.12 * smooth / smooth.std(), 0.5, 1.5), dtype=np.float32)
