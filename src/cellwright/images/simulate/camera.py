"""From light to pixels: background, blur of the optics, shot noise, read noise, bits.

    electrons = photons * light + sqrt(photons * light + read_noise²) * Normal(0, 1)
    pixel     = round(offset + gain * electrons), clipped to the camera's bits

``light`` is relative: 1 is the middle of a bright nucleus. Shot noise is the normal
limit of the Poisson distribution: together with read noise of a few electrons the two
cannot be told apart, and five million normal numbers take a tenth of the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError
from cellwright.types import Image

BIT_DEPTHS = (8, 12, 16)
OFFSET_SHARE = 0.015
HEADROOM = 2.2
SHRINK = 8


@dataclass(frozen=True)
class Camera:
    """Optics and detector.

    Attributes:
        psf_sigma_px: standard deviation of the point spread, pixels.
        photons: photons a pixel in the middle of a bright nucleus.
        read_noise: standard deviation in electrons.
        bit_depth: 8 (uint8), 12 or 16 (both uint16).
    """

    psf_sigma_px: float = 1.6
    photons: float = 400.0
    read_noise: float = 4.0
    bit_depth: int = 12

    def __post_init__(self) -> None:
        if self.bit_depth not in BIT_DEPTHS:
            raise ConfigError(f"bit depth {self.bit_depth} is not one of {BIT_DEPTHS}")
        if self.photons <= 0 or self.read_noise < 0 or self.psf_sigma_px < 0:
            raise ConfigError("photons must be > 0, read noise and blur must be >= 0")

    @property
    def white(self) -> int:
        """Largest pixel value."""
        return int(2**self.bit_depth - 1)


def smooth_field(
    frame: tuple[int, int], rng: np.random.Generator, *, knots: int = 4
) -> NDArray[np.float32]:
    """float32 ``(H, W)`` in [0, 1] that varies slowly, with about ``knots`` bumps an edge."""
    coarse = rng.uniform(0, 1, (knots, knots + 1)).astype(np.float32)
    middle = cv2.resize(coarse, _shrunk(frame), interpolation=cv2.INTER_CUBIC)
    low, high = float(middle.min()), float(middle.max())
    middle = (middle - low) / max(high - low, 1e-6)
    return np.asarray(cv2.resize(middle, frame[::-1], interpolation=cv2.INTER_LINEAR))


def _shrunk(frame: tuple[int, ...]) -> tuple[int, int]:
    """Width and height, as OpenCV wants them, at which slow variations are computed."""
    return max(1, frame[1] // SHRINK), max(1, frame[0] // SHRINK)


def haze(light: NDArray[np.float32], *, sigma_px: float) -> NDArray[np.float32]:
    """Wide glow around bright places: light from other planes and dye that has spread."""
    height, width = light.shape
    small = cv2.resize(light, _shrunk(light.shape), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(0.5, sigma_px / SHRINK))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def expose(light: NDArray[np.float32], camera: Camera, rng: np.random.Generator) -> Image:
    """One grey picture ``(1, H, W)``, uint8 at 8 bits and uint16 above.

    Args:
        light: float32 ``(H, W)``, not negative; nuclei and background together.
        camera: blur and noise.
        rng: source of chance.
    """
    electrons = light * np.float32(camera.photons)
    if camera.psf_sigma_px > 0:
        electrons = np.asarray(cv2.GaussianBlur(electrons, (0, 0), camera.psf_sigma_px))
    spread = np.sqrt(electrons + np.float32(camera.read_noise**2))
    electrons += spread * rng.standard_normal(light.shape, dtype=np.float32)
    gain = camera.white / (camera.photons * HEADROOM)
    pixels = np.rint(camera.white * OFFSET_SHARE + gain * electrons)
    kind = np.uint8 if camera.bit_depth == 8 else np.uint16
    return np.asarray(np.clip(pixels, 0, camera.white)[None], dtype=kind)
