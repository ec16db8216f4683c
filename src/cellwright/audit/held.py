"""Masks and cells of many images, kept small between two looks at them."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.inference.segmenter import Segmented
from cellwright.types import Instances, SemanticMask


class _Array(NamedTuple):
    """An integer array, deflated: labels shrink a hundredfold."""

    content: bytes
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def open(self) -> NDArray[Any]:
        return np.frombuffer(zlib.decompress(self.content), self.dtype).reshape(self.shape)


def _deflate(array: NDArray[Any]) -> _Array:
    return _Array(zlib.compress(np.ascontiguousarray(array).tobytes(), 1), array.shape, array.dtype)


class HeldSegmented:
    """A :class:`~cellwright.inference.segmenter.Segmented` that takes little memory."""

    def __init__(self, segmented: Segmented) -> None:
        cells = segmented.cells
        self._mask, self._labels = _deflate(segmented.mask.mask), _deflate(cells.labels)
        self._class_ids, self._scores = cells.class_ids, cells.scores

    def open(self) -> Segmented:
        """What was put in."""
        cells = Instances(self._labels.open(), self._class_ids, self._scores)
        return Segmented(SemanticMask(self._mask.open()), cells)
