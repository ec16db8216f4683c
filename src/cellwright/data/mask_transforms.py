"""Augmentation for segmentation: one warp for picture and labels, then light, noise and blur.

Albumentations resamples masks of 8 bit, and a field holds more cells than that; so the warp
is done here, once from the picture to the window: crop, scale, turn and mirror in a single
resampling. Labels take the nearest pixel and are never mixed. What lies outside the picture
is its mirror image, as in inference, and marked :data:`~cellwright.data.targets.IGNORED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.data.targets import IGNORED, Labels
from cellwright.errors import UnknownNameError

Picture8 = NDArray[np.uint8]

_WARPED_TOGETHER = 4
"""Channels that OpenCV warps in one call."""


@dataclass(frozen=True)
class MaskPreset:
    """How far pictures are changed; every range is drawn from anew for each window.

    Attributes:
        scale: smallest and largest magnification, drawn evenly on a logarithmic scale.
        turns: ``flips`` mirrors, ``quarter`` adds quarter turns, ``any`` any angle; ``none``
            for pictures with an up and a left.
        gamma: largest exponent on the pixel values, its inverse the smallest.
        contrast: largest relative change of contrast about the mean.
        brightness: largest shift, as a share of the full range.
        noise: largest standard deviation of Gaussian noise, as a share of the full range.
        blur_px: largest standard deviation of a Gaussian blur.
        light_share: share of windows whose light is changed at all; noise and blur come to half
            as many each.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    turns: Literal["none", "flips", "quarter", "any"] = "none"
    gamma: float = 1.0
    contrast: float = 0.0
    brightness: float = 0.0
    noise: float = 0.0
    blur_px: float = 0.0
    light_share: float = 0.0


MASK_PRESETS: dict[str, MaskPreset] = {
    "none": MaskPreset(),
    "flips": MaskPreset(turns="flips"),
    "gentle": MaskPreset(
        scale=(0.9, 1.1), turns="quarter", gamma=1.2, contrast=0.1, brightness=0.05, light_share=0.5
    ),
    "cells": MaskPreset(
        scale=(0.7, 1.4), turns="any", gamma=1.4, contrast=0.2, brightness=0.1,
        noise=0.04, blur_px=1.0, light_share=0.6,
    ),
    # Nuclei of one set range from 70 to 1,950 px in area, and from black to bright.
    "nuclei": MaskPreset(
        scale=(0.5, 2.0), turns="any", gamma=1.8, contrast=0.3, brightness=0.1,
        noise=0.06, blur_px=1.5, light_share=0.8,
    ),
    # Differential interference contrast has a direction of light: mirrored, relief inverts.
    "dic": MaskPreset(
        scale=(0.75, 1.33), turns="flips", gamma=1.3, contrast=0.3, brightness=0.1,
        noise=0.04, blur_px=1.0, light_share=0.7,
    ),
    "gentle-dic": MaskPreset(
        scale=(0.9, 1.1), turns="flips", gamma=1.2, contrast=0.1, brightness=0.05, light_share=0.5
    ),
}  # fmt: skip


@dataclass(frozen=True)
class _Draw:
    """The geometry of one window: magnification, angle, mirror."""

    scale: float
    degrees: float
    mirrored: bool


class MaskAugmenter:
    """One preset over pictures and labels, repeatable from a generator.

    Args:
        preset: a name in :data:`MASK_PRESETS`.
        window: (height, width) of what comes out.

    Raises:
        UnknownNameError: no such preset.
    """

    def __init__(self, preset: str, window: tuple[int, int]) -> None:
        if preset not in MASK_PRESETS:
            raise UnknownNameError("augmentation preset", preset, MASK_PRESETS)
        self.preset = MASK_PRESETS[preset]
        self.window = window

    def __call__(
        self, picture: Picture8, labels: Labels, rng: np.random.Generator
    ) -> tuple[Picture8, Labels]:
        """A window of the picture, changed, and the labels of the same pixels.

        Args:
            picture: ``(H, W, C)`` uint8.
            labels: ``(H, W)`` int32.
            rng: source of chance.
        """
        draw = self._draw(rng)
        matrix = self._matrix(labels.shape, draw, rng)
        cut, moved = warp(picture, labels, matrix, self.window)
        return self._lit(cut, rng), moved

    def _draw(self, rng: np.random.Generator) -> _Draw:
        low, high = np.log(self.preset.scale)
        turns = self.preset.turns
        degrees = 0.0
        if turns == "flips":
            degrees = 180.0 * rng.integers(2)
        elif turns == "quarter":
            degrees = 90.0 * rng.integers(4)
        elif turns == "any":
            degrees = rng.uniform(0, 360)
        mirrored = turns != "none" and rng.random() < 0.5
        return _Draw(float(np.exp(rng.uniform(low, high))), float(degrees), bool(mirrored))

    def _matrix(
        self, shape: tuple[int, ...], draw: _Draw, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """``(2, 3)`` from picture to window pixels, pixel centres at whole numbers."""
        angle = np.deg2rad(draw.degrees)
        cosine, sine = np.cos(angle), np.sin(angle)
        linear = draw.scale * np.array([[cosine, -sine], [sine, cosine]])
        if draw.mirrored:
            linear = linear * np.array([-1.0, 1.0])  # mirrors x before the turn
        rows, columns = self.window
        height, width = shape
        # The turned picture's extent; a window inside it is drawn evenly, and so is a small
        # picture inside the window, so that no place is always outside.
        extent = np.abs(linear) @ (width, height)
        spare = np.maximum(0.0, np.abs(extent - (columns, rows)) / 2)
        offset = rng.uniform(-1, 1, 2) * spare
        if draw.scale == 1 and draw.degrees % 90 == 0:
            # Nothing but a shift: by whole pixels, so that none is resampled.
            offset = (
                np.rint(offset + (extent - (columns, rows)) / 2) - (extent - (columns, rows)) / 2
            )
        from_centre = np.array([(width - 1) / 2, (height - 1) / 2])
        to_centre = np.array([(columns - 1) / 2, (rows - 1) / 2])
        shift = to_centre + offset - linear @ from_centre
        return np.hstack([linear, shift[:, None]])

    def _lit(self, picture: Picture8, rng: np.random.Generator) -> Picture8:
        """Gamma, contrast, brightness, blur and noise, in that order."""
        preset = self.preset
        if preset.light_share == 0:
            return picture
        values: NDArray[np.float32] = np.asarray(picture, np.float32) / np.float32(255)
        if rng.random() < preset.light_share:
            exponent = preset.gamma ** rng.uniform(-1, 1)
            contrast = 1 + rng.uniform(-1, 1) * preset.contrast
            shift = rng.uniform(-1, 1) * preset.brightness
            bent = values ** np.float32(exponent)
            mean = float(bent.mean())
            values = (bent - np.float32(mean)) * np.float32(contrast) + np.float32(mean + shift)
        if preset.blur_px and rng.random() < preset.light_share / 2:
            blurred = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.2, preset.blur_px))
            values = np.asarray(blurred, np.float32).reshape(picture.shape)
        if preset.noise and rng.random() < preset.light_share / 2:
            spread = np.float32(rng.uniform(0, preset.noise))
            values = values + rng.standard_normal(values.shape, np.float32) * spread
        out: Picture8 = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
        return out


def warp(
    picture: Picture8, labels: Labels, matrix: NDArray[np.float64], window: tuple[int, int]
) -> tuple[Picture8, Labels]:
    """Picture and labels seen through one affine map.

    Args:
        picture: ``(H, W, C)`` uint8, interpolated.
        labels: ``(H, W)``, nearest pixel.
        matrix: ``(2, 3)`` from picture to window pixels.
        window: (height, width) of the result.
    """
    rows, columns = window
    parts = []
    for start in range(0, picture.shape[2], _WARPED_TOGETHER):
        channels = np.ascontiguousarray(picture[:, :, start : start + _WARPED_TOGETHER])
        part = cv2.warpAffine(
            channels,
            matrix,
            (columns, rows),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        parts.append(part.reshape(rows, columns, -1))
    # OpenCV warps no 32-bit integers; float32 holds every label below 16 million exactly.
    moved = cv2.warpAffine(
        labels.astype(np.float32),
        matrix,
        (columns, rows),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float(IGNORED),
    )
    return np.concatenate(parts, axis=2), moved.astype(np.int32)
