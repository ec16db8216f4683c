"""What colour alone gives away: classifiers that see no cell.

A forest of the histogram of colours, and one of the colour of the empty background alone. Whatever
they reach, a network may have reached without looking at a nucleus; how far they fall under a
stain shift says how little of it would hold in another laboratory.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.data.stain import luma
from cellwright.studies.leukemia_screening.classical import Describe
from cellwright.types import Image

BINS = 32
EMPTY_SHARE = 0.2
"""The brightest fifth of a smear's pixels is background: cells cover less than four fifths."""


def colour_histogram(image: Image) -> NDArray[np.float64]:
    """``(128,)`` shares of pixels by red, green, blue and hue, 32 bins each."""
    rgb = np.ascontiguousarray(image.transpose(1, 2, 0))
    hue = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[..., 0]
    counts = [np.histogram(channel, BINS, (0, 256))[0] for channel in image]
    counts.append(np.histogram(hue, BINS, (0, 180))[0])
    shares: NDArray[np.float64] = np.concatenate(counts) / hue.size
    return shares


def background_colour(image: Image) -> NDArray[np.float64]:
    """``(3,)`` mean red, green and blue of the brightest fifth of the pixels."""
    bright = luma(image.astype(np.float32))
    empty = bright >= np.quantile(bright, 1 - EMPTY_SHARE)
    mean: NDArray[np.float64] = image[:, empty].mean(axis=1, dtype=np.float64)
    return mean


CONTROLS: dict[str, tuple[str, Describe]] = {
    "background": ("colour of the background alone, random forest", background_colour),
    "histogram": ("colour histogram, random forest", colour_histogram),
}
"""Name to the row's name and what it sees of a picture."""
