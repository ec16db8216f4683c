"""The same images in the colours of another laboratory: named shifts, to test a model under.

A model that reads a class from the colour of a slide looks perfect until the next laboratory
stains its smears. ``stain`` moves hue, saturation and brightness together, within what training
may have seen; the causes stand beside it one by one; ``stain-matrix``, ``white-balance`` and
``gamma`` are of another kind, so a model trained on jitter has not met them.

What happens to an image depends on the shift, the seed and the image's id alone: two models are
tested on the very same pixels, in any order.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from cellwright.data.altered import altered
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.stain import (
    GIEMSA,
    Colour,
    brightened,
    in_other_light,
    restained,
    saturated,
    turned_hue,
    with_gamma,
)
from cellwright.errors import ImageError, UnknownNameError
from cellwright.images.normalise import full_scale
from cellwright.types import Image

Shift: TypeAlias = Callable[[Colour, np.random.Generator], Colour]

HUE = 0.1
SATURATION = (0.7, 1.3)
BRIGHTNESS = (0.8, 1.2)
GAIN = 0.15
"""Red and blue beside green, as between lamps of 4000 and 6500 K."""
GAMMA = (0.7, 1.4)
AMOUNT = 0.25
OFFSET = 0.05
VECTOR = 0.05
"""Standard deviation of what is added to each of a stain's three densities."""


def hue(colour: Colour, rng: np.random.Generator) -> Colour:
    """The colour circle turned by up to a tenth."""
    return turned_hue(colour, rng.uniform(-HUE, HUE))


def saturation(colour: Colour, rng: np.random.Generator) -> Colour:
    """Paler or stronger colours."""
    return saturated(colour, rng.uniform(*SATURATION))


def brightness(colour: Colour, rng: np.random.Generator) -> Colour:
    """Darker or brighter."""
    return brightened(colour, rng.uniform(*BRIGHTNESS))


def stain(colour: Colour, rng: np.random.Generator) -> Colour:
    """Brightness, saturation and hue, each drawn by itself."""
    return hue(saturation(brightness(colour, rng), rng), rng)


def dark(colour: Colour, rng: np.random.Generator) -> Colour:  # noqa: ARG001 - one shape for all
    """A fifth of the light taken away."""
    return brightened(colour, BRIGHTNESS[0])


def stain_matrix(colour: Colour, rng: np.random.Generator) -> Colour:
    """More or less of either stain, and stains of a slightly other colour."""
    stains = np.maximum(GIEMSA + rng.normal(0, VECTOR, GIEMSA.shape), 0)
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    amounts = rng.uniform(1 - AMOUNT, 1 + AMOUNT, 3)
    return restained(colour, amounts, rng.uniform(-OFFSET, OFFSET, 3), stains)


def white_balance(colour: Colour, rng: np.random.Generator) -> Colour:
    """A lamp of another colour: red and blue move, green stays."""
    red, blue = rng.uniform(1 - GAIN, 1 + GAIN, 2)
    return in_other_light(colour, np.array([red, 1.0, blue]))


def gamma(colour: Colour, rng: np.random.Generator) -> Colour:
    """A camera with another curve."""
    low, high = np.log(GAMMA)
    return with_gamma(colour, float(np.exp(rng.uniform(low, high))))


SHIFTS: dict[str, Shift] = {
    "brightness": brightness,
    "dark": dark,
    "gamma": gamma,
    "hue": hue,
    "saturation": saturation,
    "stain": stain,
    "stain-matrix": stain_matrix,
    "white-balance": white_balance,
}
"""Colours and generator to the same picture elsewhere."""

UNSEEN = ("stain-matrix", "white-balance", "gamma")
"""Shifts that the augmentation ``smear`` does not draw."""


def shifted_image(image: Image, image_id: str, *, name: str, seed: int = 0) -> Image:
    """The image ``(3, H, W)`` under the shift ``name``, of the same type and range.

    Raises:
        UnknownNameError: no such shift.
        ImageError: not a colour image.
    """
    check_shift(name)
    if image.shape[0] != 3:
        raise ImageError(
            f"a stain shift needs red, green and blue, but the image has {image.shape[0]} channels",
            where=image_id,
            remedy="leave the shift out, or use colour images",
        )
    top = full_scale(image)
    rng = np.random.default_rng((seed, zlib.crc32(name.encode()), zlib.crc32(image_id.encode())))
    moved = SHIFTS[name]((image / np.float32(top)).astype(np.float32), rng) * np.float32(top)
    if image.dtype == np.float32:
        return moved
    whole: Image = np.rint(moved).astype(image.dtype)
    return whole


def check_shift(name: str) -> None:
    """Refuse a name that no shift has.

    Raises:
        UnknownNameError: no such shift.
    """
    if name not in SHIFTS:
        raise UnknownNameError("stain shift", name, SHIFTS)


def shifted(labelled: LabelledSet, name: str, *, seed: int = 0) -> LabelledSet:
    """The set with every image under the shift ``name``; ids, groups and labels stay.

    Raises:
        UnknownNameError: no such shift.
    """
    check_shift(name)
    return altered(labelled, partial(shifted_image, name=name, seed=seed), called=name)
