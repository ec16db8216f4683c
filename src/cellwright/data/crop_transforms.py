"""What may happen to a single-cell crop in training: presets by name, one row each.

A cell in a flow has no up and no left, so all eight turns and mirror images are as good as the
crop itself. ``cells`` also moves it by up to two pixels, since cells are never cut out exactly,
and brightens or darkens each channel a little; not more, because the amount of a DNA stain is
what tells phases apart.
``moved`` leaves brightness as it is: where classes are gates on the amount of a stain, five per
cent are the difference between two of them. ``stain`` is for colour pictures whose staining
differs by laboratory.

``smear`` is for fields of stained blood. In public sets colour gives the class away, since each
class came from other slides; hue, saturation and brightness therefore vary here by more than any
two laboratories differ, so that nothing can be learned from them. ``laboratory`` draws the stains,
the lamp and the camera's curve too; a model that learned with it has met every shift of
:mod:`.stain_shift`, and none is left to test it by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cellwright.data.stain import LUMA, brightened, saturated, turned_hue
from cellwright.data.stain_shift import gamma, stain_matrix, white_balance

Crop: TypeAlias = NDArray[np.float32]
"""``(C, H, W)`` in [0, 1]."""

SHIFT_PX = 2
GAIN = 0.05
STAIN_GAIN = 0.2
STAIN_MIX = 0.1


@dataclass(frozen=True)
class Jitter:
    """How far each may be moved, to either side.

    Attributes:
        hue: of the colour circle's circumference.
        saturation: factors within 1 ± this.
        brightness: factors within 1 ± this.
    """

    hue: float
    saturation: float
    brightness: float


SMEAR = Jitter(hue=0.15, saturation=0.4, brightness=0.35)


def none(crop: Crop, rng: np.random.Generator) -> Crop:  # noqa: ARG001 - one shape for all rows
    """The crop as it is."""
    return crop


def turned(crop: Crop, rng: np.random.Generator) -> Crop:
    """One of the eight orientations of a square, or of the four of an oblong crop."""
    _, height, width = crop.shape
    quarter = int(rng.integers(4)) if height == width else 2 * int(rng.integers(2))
    out = np.rot90(crop, quarter, axes=(1, 2))
    return out[:, :, ::-1] if rng.integers(2) else out


def shifted(crop: Crop, rng: np.random.Generator) -> Crop:
    """Moved by up to two pixels each way; the border's pixels fill the gap."""
    _, height, width = crop.shape
    down, right = (int(one) for one in rng.integers(-SHIFT_PX, SHIFT_PX + 1, 2))
    rows = np.clip(np.arange(height) + down, 0, height - 1)
    columns = np.clip(np.arange(width) + right, 0, width - 1)
    return crop[:, rows[:, None], columns]


def gained(crop: Crop, rng: np.random.Generator, *, most: float) -> Crop:
    """Each channel multiplied by a factor of its own within 1 ± ``most``."""
    factors = rng.uniform(1 - most, 1 + most, (len(crop), 1, 1)).astype(np.float32)
    brighter: Crop = np.clip(crop * factors, 0, 1)
    return brighter


def cells(crop: Crop, rng: np.random.Generator) -> Crop:
    """Turned, moved, each channel a little brighter or darker."""
    return gained(shifted(turned(crop, rng), rng), rng, most=GAIN)


def moved(crop: Crop, rng: np.random.Generator) -> Crop:
    """Turned and moved; every pixel keeps its brightness."""
    return shifted(turned(crop, rng), rng)


def stain(crop: Crop, rng: np.random.Generator) -> Crop:
    """Turned, channels scaled and mixed with one another, as stain and white balance differ."""
    out = gained(turned(crop, rng), rng, most=STAIN_GAIN)
    mix = np.eye(len(crop)) + rng.uniform(-STAIN_MIX, STAIN_MIX, (len(crop), len(crop)))
    mix /= mix.sum(axis=1, keepdims=True)
    mixed = np.tensordot(mix.astype(np.float32), out, axes=1)
    return np.clip(mixed, 0, 1).astype(np.float32)


def jittered(crop: Crop, rng: np.random.Generator, reach: Jitter) -> Crop:
    """Hue, saturation and brightness of a colour crop moved; brightness alone of others."""
    out = brightened(crop, rng.uniform(1 - reach.brightness, 1 + reach.brightness))
    if len(crop) != len(LUMA):
        return out
    out = saturated(out, rng.uniform(1 - reach.saturation, 1 + reach.saturation))
    return turned_hue(out, rng.uniform(-reach.hue, reach.hue))


def smear(crop: Crop, rng: np.random.Generator) -> Crop:
    """Turned, with the colours of another slide, lamp and camera."""
    return jittered(turned(crop, rng), rng, SMEAR)


def laboratory(crop: Crop, rng: np.random.Generator) -> Crop:
    """As ``smear``; then other amounts and colours of the stains, another lamp, another curve."""
    out = smear(crop, rng)
    if len(crop) != len(LUMA):
        return out
    for shift in (stain_matrix, white_balance, gamma):
        out = shift(out, rng)
    return out


CROP_PRESETS: dict[str, Callable[[Crop, np.random.Generator], Crop]] = {
    "cells": cells,
    "gentle": turned,
    "laboratory": laboratory,
    "moved": moved,
    "none": none,
    "smear": smear,
    "stain": stain,
}
"""Crop and generator to a crop of the same shape."""
