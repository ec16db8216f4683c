"""How a stained smear can look otherwise: hue, saturation, brightness, stains, light, gamma.

Each function changes one cause, takes ``(3, H, W)`` red, green, blue in [0, 1] and gives the
same. What is drawn at random, and how far, is the business of the tables that use them: what
training may see (:mod:`.crop_transforms`), and what a model is tested under
(:mod:`.stain_shift`).

Brightness, saturation and hue are those of the usual jitter of colour pictures: a factor on all
channels, a mixture with the pixel's luma, a turn of the colour circle. Stains are changed where
they add up, in optical density (Ruifrok and Johnston, Analytical and Quantitative Cytology and
Histology 23, 2001), as Tellez et al. (IEEE Transactions on Medical Imaging 37, 2018) do it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float32]
"""``(3, H, W)`` red, green, blue in [0, 1]."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601: how bright red, green and blue look."""

DARKEST = 1 / 255
"""Below this a pixel's optical density is not told by 8 bits."""

GIEMSA = np.array([[0.835129, 0.513789, 0.196419], [0.092831, 0.954546, 0.283240]])
"""Optical density of methylene blue and of eosin in red, green and blue, rows of length 1: the
pair for Giemsa of Landini's colour deconvolution, scaled."""


def luma(colour: Colour) -> NDArray[np.float32]:
    """``(H, W)`` in [0, 1]: the grey picture."""
    grey: NDArray[np.float32] = np.tensordot(LUMA, colour, axes=1)
    return grey


def brightened(colour: Colour, factor: float) -> Colour:
    """Every channel times ``factor``."""
    return _clipped(colour * np.float32(factor))


def saturated(colour: Colour, factor: float) -> Colour:
    """Away from the pixel's grey by ``factor``: 0 is grey, 1 the picture itself."""
    grey = luma(colour)[None]
    return _clipped(grey + np.float32(factor) * (colour - grey))


def turned_hue(colour: Colour, turn: float) -> Colour:
    """The colour circle turned by ``turn`` of its circumference: 1/3 makes red green."""
    hsv = cv2.cvtColor(np.ascontiguousarray(colour.transpose(1, 2, 0)), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + np.float32(360 * turn)) % 360
    turned = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.float32)
    return _clipped(turned.transpose(2, 0, 1))


def in_other_light(colour: Colour, gains: NDArray[np.float64]) -> Colour:
    """Each channel times its own gain ``(3,)``: another lamp or white balance."""
    return _clipped(colour * gains.astype(np.float32)[:, None, None])


def with_gamma(colour: Colour, gamma: float) -> Colour:
    """Every value to the power ``gamma``: above 1 darker, below 1 lighter in the middle."""
    return _clipped(colour ** np.float32(gamma))


def restained(
    colour: Colour,
    amounts: NDArray[np.float64],
    offsets: NDArray[np.float64],
    stains: NDArray[np.float64] = GIEMSA,
) -> Colour:
    """More or less of each stain, and stains of another colour.

    A pixel's optical density is taken apart into methylene blue, eosin and what neither explains
    (Ruifrok and Johnston, the third vector perpendicular to both). Amount ``c`` of each becomes
    ``amounts * c + offsets`` (Tellez et al., equation 2) and is put together again with ``stains``.

    Args:
        colour: the picture.
        amounts: ``(3,)`` factors.
        offsets: ``(3,)`` in units of optical density, base e.
        stains: ``(2, 3)`` what the two stains look like afterwards, rows of length 1.
    """
    density = -np.log(np.maximum(colour.astype(np.float64), DARKEST)).reshape(3, -1)
    before, after = complete(GIEMSA), complete(stains)
    # As mixtures of channels: one product, whatever the picture's size.
    change = after.T @ np.diag(amounts) @ np.linalg.inv(before.T)
    shifted = change @ density + (after.T @ offsets)[:, None]
    return _clipped(np.exp(-shifted).astype(np.float32).reshape(colour.shape))


def complete(stains: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(3, 3)``: two stains and the direction that neither explains, rows of length 1."""
    rest = np.cross(stains[0], stains[1])
    rows: NDArray[np.float64] = np.vstack([stains, rest / np.linalg.norm(rest)])
    return rows


def _clipped(colour: Colour) -> Colour:
    clipped: Colour = np.clip(colour, 0, 1)
    return clipped
