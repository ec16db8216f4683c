"""Small pictures that are kept with the figures of a cell, in its record in the run folder."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage


def as_text(picture: NDArray[np.uint8]) -> str:
    """uint8 ``(H, W)`` or ``(H, W, 3)`` to a PNG in base64."""
    buffer = io.BytesIO()
    PillowImage.fromarray(picture).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def from_text(text: str) -> NDArray[np.uint8]:
    """The picture as uint8 ``(H, W, 3)``."""
    with PillowImage.open(io.BytesIO(base64.b64decode(text))) as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)
