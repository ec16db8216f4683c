"""Test-time mirror images: a picture and its reflections, answered as one.

Cells have no left and no up, so a network that was trained on reflections should say the
same of a picture and of its mirror image. What differs is error, and the mean of the answers
has less of it (Krizhevsky et al., NeurIPS 2012, section 4.1, there for ten crops). What a
network says of a mirrored picture is mirrored back and averaged place by place before
anything is decoded: one network pass more a view, and nothing else. A segmenter's logits say
the same of a place whatever the direction; a dense detector's maps hold distances to the four
sides, so there left also changes places with right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import DenseBoxes

Batch = NDArray[np.float32]
Maps = Mapping[str, NDArray[np.float32]]
Run = Callable[[Batch], Maps]
Views = Literal[1, 2, 4]

ROWS, COLUMNS = 2, 3
MIRRORED: dict[Views, tuple[tuple[int, ...], ...]] = {
    1: ((),),
    2: ((), (COLUMNS,)),
    4: ((), (COLUMNS,), (ROWS,), (ROWS, COLUMNS)),
}
"""Axes of ``(N, C, H, W)`` that each view reverses."""

OPPOSITE = {COLUMNS: (0, 2), ROWS: (1, 3)}
"""Channels of the sides (left, top, right, bottom) that change places."""


def mean_logits(run: Callable[[Batch], Batch], batch: Batch, *, views: Views) -> Batch:
    """Mean over ``views`` of a map as large as its batch; the very output of ``run`` for one.

    The mean is that of logits: of two classes it is the geometric mean of the odds.

    Args:
        run: the network: ``(N, C, H, W)`` to logits ``(N, K, H, W)``.
        batch: float32 ``(N, C, H, W)``, H and W multiples of the network's stride.
        views: as for :func:`averaged`.
    """
    total, *others = (
        np.flip(run(np.ascontiguousarray(np.flip(batch, axes))), axes) for axes in MIRRORED[views]
    )
    for other in others:
        total = total + other
    return total / np.float32(views) if others else total


def averaged(run: Run, batch: NDArray[np.float32], spec: DenseBoxes, *, views: Views) -> Maps:
    """Mean maps over ``views``; the very output of ``run`` for one view.

    Args:
        run: the network: a batch to maps by name.
        batch: float32 ``(N, C, H, W)``, H and W multiples of every stride.
        spec: which maps there are.
        views: 1: as it is; 2: and mirrored left to right; 4: and both upside down.
    """
    if views == 1:
        return run(batch)
    answers = list(_answers(run, batch, spec, views))
    return {name: np.mean([answer[name] for answer in answers], axis=0) for name in answers[0]}


def _answers(
    run: Run, batch: NDArray[np.float32], spec: DenseBoxes, views: Views
) -> Iterator[dict[str, NDArray[np.float32]]]:
    names = [f"level_{stride}" for stride in spec.strides]
    for axes in MIRRORED[views]:
        maps = run(np.ascontiguousarray(np.flip(batch, axes)))
        yield {name: _mirrored_back(maps[name], axes) for name in names}


def _mirrored_back(level: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float32]:
    channels = np.arange(level.shape[1])
    for axis in axes:
        one, other = OPPOSITE[axis]
        channels[[one, other]] = channels[[other, one]]
    return np.flip(level, axes)[:, channels]
