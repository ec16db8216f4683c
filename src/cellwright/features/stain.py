"""The colours of a stained smear: L*a*b* of a picture, and which cluster is what.

In L*a*b* (CIE 1976) equal distances are seen as about equally different, so that one distance
serves dark nuclei and pale plasma alike. Romanowsky stains (Giemsa, Wright, Leishman) turn
nuclei purple: high in a* and low in b*, also where the whole picture is pale or yellow.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.features.fuzzy import fuzzy_centres
from cellwright.types import Image, check_image

WHITE_PERCENTILE = 99.9
"""Of 16-bit and float pictures: what is taken for white, since cameras differ in bits."""
GREY_SPREAD = 3.0
"""Standard deviation of a* and b* below which a picture has no colour to speak of."""
LEAST_CONTRAST = 11.0
"""In b*. Smears with white cells have 11.6 and more in the sets we looked at (170 pictures)."""
RARITY = 0.75
SMALLEST_PX = 16
SMOOTHING_PX = 1.0

Lab = NDArray[np.float32]
"""float32 ``(H, W, 3)``: L* 0..100, a* and b* about -128..127."""


@dataclass(frozen=True)
class StainColours:
    """The three colours of a smear as L*, a*, b*.

    Attributes:
        background: empty glass and plasma, the brightest.
        pale: red cells and the plasma of white ones.
        nucleus: the most purple.
    """

    background: tuple[float, float, float]
    pale: tuple[float, float, float]
    nucleus: tuple[float, float, float]

    @property
    def contrast(self) -> float:
        """How much bluer nuclei are than red cells: the difference in b*.

        Two clusters of the same stain, thick and thin red cells, differ in a* and L* alone.
        """
        return self.pale[2] - self.nucleus[2]

    @property
    def holds_nuclei(self) -> bool:
        """Whether the most purple cluster is more than the thicker red cells."""
        return self.contrast >= LEAST_CONTRAST

    def centres(self) -> NDArray[np.float64]:
        """``(3, 3)``: background, pale, nucleus."""
        return np.array([self.background, self.pale, self.nucleus])


class OneColourError(ImageError):
    """A picture in which no cell can be told by its colour: grey, blank, or of one colour."""


def purple(lab: NDArray[np.float64]) -> float:
    """How purple a colour is: towards red and blue at once, and dark.

    >>> purple(np.array([25.0, 40.0, -25.0])) > purple(np.array([55.0, 25.0, 15.0]))
    True
    """
    lightness, a, b = lab
    return float(a - 0.5 * b - 0.5 * lightness)


def lab_of(image: Image, *, where: object = None) -> Lab:
    """The picture in L*a*b*, smoothed by about a pixel against grain.

    Args:
        image: ``(3, H, W)`` red, green, blue; 16-bit and float pictures are scaled to their own
            white (the 99.9th percentile of all channels).
        where: named in errors.

    Raises:
        OneColourError: grey, or the same colour everywhere.
        ImageError: not three channels, or too small to hold a cell.
    """
    check_image(image, where=where)
    if image.shape[0] != 3:
        raise ImageError(
            f"a stained smear has three colour channels, this picture has {image.shape[0]}",
            where=where,
            remedy="give the colour picture of the microscope's camera",
        )
    if min(image.shape[1:]) < SMALLEST_PX:
        raise ImageError(
            f"{image.shape[2]} x {image.shape[1]} pixels are too few to hold a cell",
            where=where,
            remedy=f"give pictures of at least {SMALLEST_PX} pixels an edge",
        )
    white = 255.0
    if image.dtype != np.uint8:
        white = max(float(np.percentile(image, WHITE_PERCENTILE)), 1e-6)
    rgb = np.minimum(np.moveaxis(image, 0, 2).astype(np.float32) / np.float32(white), 1)
    lab = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB), np.float32)
    if lab[..., 1:].reshape(-1, 2).std(axis=0).max() < GREY_SPREAD:
        raise OneColourError(
            "the picture is grey or of one colour, and cells are told apart by their colours",
            where=where,
            remedy="give the colour picture, stained with Giemsa, Wright or Leishman",
        )
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), SMOOTHING_PX), np.float32)


def stain_colours(lab: Lab, *, seed: int = 0) -> StainColours:
    """Three clusters of the picture's colours: the brightest, the most purple, and the other.

    Few white cells among many red ones are no cluster of their own. Where none is found, rare
    colours are drawn more often and it is looked again.
    """
    found = _three(lab, rarity=0.0, seed=seed)
    return found if found.holds_nuclei else _three(lab, rarity=RARITY, seed=seed)


def _three(lab: Lab, *, rarity: float, seed: int) -> StainColours:
    centres = fuzzy_centres(lab.reshape(-1, 3), 3, rarity=rarity, seed=seed)
    background = int(centres[:, 0].argmax())
    others = sorted({0, 1, 2} - {background}, key=lambda index: purple(centres[index]))
    named = [tuple(float(value) for value in centres[index]) for index in (background, *others)]
    return StainColours(*named)  # type: ignore[arg-type]
