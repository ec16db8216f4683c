"""A detector that sees what a tile shows: bright squares, cut where the tile cuts them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.card import Decoding, UltralyticsBoxes
from cellwright.bundles.sessions import RUNTIMES
from cellwright.types import Boxes, Image


class SquaresSession:
    """Boxes of connected bright regions, as ``output0`` of the ultralytics layout."""

    def __init__(self, jitter_px: float) -> None:
        self._jitter = jitter_px
        self._rng = np.random.default_rng(0)

    def run(self, batch):
        found = [self._boxes(image[0]) for image in batch]
        length = max(1, *(grid.shape[1] for grid in found)) if found else 1
        output = np.zeros((len(batch), 5, length), np.float32)
        for target, grid in zip(output, found, strict=True):
            target[:, : grid.shape[1]] = grid
        return {"output0": output}

    def _boxes(self, image):
        # Above the grey of padding.
        labels, _ = ndimage.label(image > 0.5)
        rows = []
        for where in ndimage.find_objects(labels):
            y, x = where
            dx, dy = self._rng.uniform(-self._jitter, self._jitter, 2)
            score = self._rng.uniform(0.8, 0.99)
            width, height = x.stop - x.start, y.stop - y.start
            rows.append((x.start + width / 2 + dx, y.start + height / 2 + dy, width, height, score))
        return np.array(rows, np.float32).reshape(-1, 5).T


@pytest.fixture
def fake_runtime(dot_bundle, monkeypatch) -> Callable[..., Bundle]:
    """Function (tile_px, overlap_px, jitter_px) -> a bundle to run with runtime ``squares``."""

    def make(*, tile_px: int, overlap_px: int, jitter_px: float = 0.0) -> Bundle:
        monkeypatch.setitem(RUNTIMES, "squares", lambda _graph, _threads: SquaresSession(jitter_px))
        bundle = open_bundle(dot_bundle)
        spec = bundle.card.input.model_copy(update={"tile_px": tile_px, "overlap_px": overlap_px})
        decoding = bundle.card.decoding.model_copy(update={"output": UltralyticsBoxes()})
        card = bundle.card.model_copy(
            update={"input": spec, "decoding": decoding, "classes": ("cell",)}
        )
        return Bundle(bundle.path, card)

    return make


@pytest.fixture
def draw_squares() -> Callable[[int, int, Boxes], Image]:
    """Function (height, width, boxes) -> uint8 ``(1, H, W)`` with each box filled."""

    def draw(height: int, width: int, boxes: Boxes) -> Image:
        image = np.zeros((1, height, width), np.uint8)
        for x0, y0, x1, y1 in boxes.xyxy.astype(int):
            image[0, y0:y1, x0:x1] = 255
        return image

    return draw


@pytest.fixture
def dot_decoding(dot_bundle) -> Decoding:
    """How the card of ``dot_bundle`` decodes."""
    decoding = open_bundle(dot_bundle).card.decoding
    assert decoding is not None
    return decoding
