"""A picture at another size, region by region, with the pixels the whole would have.

Cutting first and resizing the pieces gives every piece a grid of its own, a fraction of a
pixel off its neighbour's. Here one grid is laid over the whole picture, and a region of it
is computed from the few source pixels it needs, by the rules of
:func:`cellwright.images.resize.resize`: shrinking averages areas, growing interpolates
linearly between pixel centres.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["area", "linear"]


@dataclass(frozen=True, eq=False)
class Taps:
    """Which source pixels make each of n pixels along an axis: t of them, with weights.

    Attributes:
        index: int64 ``(n, t)``, pixels of the source.
        weight: float32 ``(n, t)``, each row sums to 1.
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float32]

    @property
    def span(self) -> tuple[int, int]:
        """First and last + 1 source pixel that is needed."""
        return int(self.index.min()), int(self.index.max()) + 1

    def apply(self, pixels: NDArray[Any], *, axis: int, first: int) -> NDArray[np.float32]:
        """float32 array with ``axis`` resampled; its element 0 is source pixel ``first``."""
        shape = [1] * pixels.ndim
        shape[axis] = len(self.index)
        total = np.zeros((), np.float32)
        for index, weight in zip(self.index.T - first, self.weight.T, strict=True):
            total = total + np.take(pixels, index, axis=axis) * weight.reshape(shape)
        return np.asarray(total, np.float32)


def method_for(old: tuple[int, int], new: tuple[int, int]) -> Method:
    """``area`` where neither edge grows, as :func:`~cellwright.images.resize.resize` chooses."""
    return "area" if new[0] <= old[0] and new[1] <= old[1] else "linear"


def axis_taps(old: int, new: int, window: tuple[int, int], *, method: Method) -> Taps:
    """Taps of pixels ``window[0]`` to ``window[1]`` (excluded) of an axis of ``new`` pixels.

    Args:
        old: pixels of the source along the axis.
        new: pixels it is resampled to.
        window: first and last + 1 of the new pixels wanted.
        method: average what falls together, or interpolate between centres.
    """
    place = np.arange(*window, dtype=np.float64)
    step = old / new
    if method == "linear":
        centre = np.clip((place + 0.5) * step - 0.5, 0, old - 1)
        low = np.minimum(centre.astype(np.int64), max(0, old - 2))
        share = (centre - low).astype(np.float32)
        index = np.stack([low, np.minimum(low + 1, old - 1)], axis=1)
        return Taps(index, np.stack([1 - share, share], axis=1))
    start, stop = place * step, (place + 1) * step
    first = np.floor(start + 1e-9).astype(np.int64)
    last = np.ceil(stop - 1e-9).astype(np.int64)
    index = first[:, None] + np.arange((last - first).max(initial=1))
    weight = np.minimum(index + 1, stop[:, None]) - np.maximum(index, start[:, None])
    weight = np.clip(weight, 0, None) / step
    return Taps(np.minimum(index, old - 1), weight.astype(np.float32))


def resize_rows(
    bands: Iterable[NDArray[np.float32]], old: tuple[int, int], new: tuple[int, int]
) -> Iterator[NDArray[np.float32]]:
    """Bands ``(K, h, W)`` of a map from top to bottom, as bands of the map at another size.

    Only the rows that are still needed are held.

    Args:
        bands: whose heights add up to ``old[0]``.
        old: height and width of the map that comes.
        new: height and width of the map that goes.
    """
    if old == new:
        yield from bands
        return
    method = method_for(old, new)
    columns = axis_taps(old[1], new[1], (0, new[1]), method=method)
    rows = axis_taps(old[0], new[0], (0, new[0]), method=method)
    needed = rows.index.max(axis=1)
    held: NDArray[np.float32] | None = None
    first = done = 0
    for band in bands:
        narrow = columns.apply(band, axis=2, first=0)
        held = narrow if held is None else np.concatenate([held, narrow], axis=1)
        ready = int(np.searchsorted(needed, first + held.shape[1]))
        if ready > done:
            part = Taps(rows.index[done:ready], rows.weight[done:ready])
            yield part.apply(held, axis=1, first=first)
            done = ready
            if done < new[0]:
                # The next row may begin below what is held, where rows are passed over.
                passed = min(int(rows.index[done].min()) - first, held.shape[1])
                held = held[:, passed:]
                first += passed
