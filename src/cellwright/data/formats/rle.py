"""COCO's run-length masks: lengths of runs off, on, off, … down the columns of an image.

The lengths come as a list, or packed into a string (COCO API, ``maskApi.c``): each is
written in groups of 5 bits with a continuation bit, from the fourth on as the difference
to the one two before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError


def encode_labels(labels: NDArray[np.int32]) -> list[list[int]]:
    """Run lengths of every object of an ``(H, W)`` label image with labels 1..n.

    >>> encode_labels(np.array([[0, 1], [2, 1]]))
    [[2, 2], [1, 1, 2]]
    """
    flat = labels.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    starts, ends = np.append(0, edges), np.append(edges, flat.size)
    order = np.argsort(flat[starts], kind="stable")
    values = flat[starts][order]
    masks = []
    for label in range(1, int(values[-1]) + 1):
        low, high = np.searchsorted(values, [label, label + 1])
        first, last = starts[order[low:high]], ends[order[low:high]]
        # Bounds alternate between the start and the end of a run: their differences are the runs.
        bounds = np.stack([first, last], axis=1).ravel()
        lengths = np.diff(bounds, prepend=0).tolist()
        rest = flat.size - int(last[-1])
        masks.append([*lengths, rest] if rest else lengths)
    return masks


def draw_runs(
    columns: NDArray[np.int32], lengths: Sequence[int], number: int, *, where: object
) -> None:
    """Give ``number`` to the pixels of a mask that are still 0.

    Args:
        columns: ``(W * H,)`` labels, column after column, drawn into.
        lengths: of the runs, off and on in turn.
        number: the object's.
        where: for errors.

    Raises:
        AnnotationError: lengths that do not fit the image.
    """
    # Summed as Python does: 64 bits would wrap round.
    covered = sum(lengths)
    if not lengths or min(lengths) < 0 or covered != columns.size:
        many = covered if abs(covered) < 2**63 else "too many"
        raise AnnotationError(
            f"the mask covers {many} pixels of an image of {columns.size}", where=where
        )
    bounds = np.cumsum(np.asarray(lengths, np.int64))
    for start, end in zip(bounds[0::2], bounds[1::2], strict=False):
        run = columns[start:end]
        run[run == 0] = number


def unpack(text: str, *, where: object) -> list[int]:
    """The run lengths in a packed string.

    >>> unpack("21P1", where=None)
    [2, 1, 32]

    Raises:
        AnnotationError: a character that has no place there.
    """
    counts: list[int] = []
    value, shift = 0, 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 60:
            raise AnnotationError("a packed mask is damaged", where=where)
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, shift = 0, 0
    if shift:
        raise AnnotationError("a packed mask ends in the middle of a number", where=where)
    return counts
