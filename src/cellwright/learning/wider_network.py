"""A wider network that begins by answering as a narrower, trained one did.

Chen, Goodfellow and Shlens, Net2Net: Accelerating Learning via Knowledge Transfer, ICLR 2016,
section 2.2 (Net2WiderNet): a channel of the narrow network becomes one or several of the wide
one, and layers that read them share its weights out among the copies, so that sums stay what
they were. Two copies learn apart because their readers' shares differ; the paper adds noise
for that, random shares need none.

Which channel a copy is of follows from its place, ``floor(place / ratio)``, and not by chance
as in the paper: so maps that are put beside each other, added up or cut in halves stay in
order, and each tensor can be widened for itself, without following the network's graph. That
needs one ratio for all layers, which a setting such as ``base_width`` gives. Maps that are
unrolled to a vector before a dense layer do not keep their order; such a layer begins near its
narrow one, not at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARES = (0.5, 1.5)
"""Between which the shares of copies are drawn, before they are made to sum to 1."""

Shape = tuple[int, ...]


def ratio_of(shapes: Iterable[tuple[Shape, Shape]]) -> Fraction:
    """By how much most layers of the wide network are wider; 1 where they are not.

    Args:
        shapes: of each tensor that both networks have: in the narrow one, in the wide one.
    """
    ratios = Counter(
        Fraction(wide[0], narrow[0])
        for narrow, wide in shapes
        if len(narrow) == len(wide) > 0 and narrow[0]
    )
    most = ratios.most_common(1)
    return max(most[0][0], Fraction(1)) if most else Fraction(1)


def widened(
    array: NDArray[np.float32], shape: Shape, ratio: Fraction, rng: np.random.Generator
) -> NDArray[np.float32] | None:
    """One tensor of the narrow network as the wide one holds it.

    Args:
        array: weights ``(out, in, ...)``, or one value a channel ``(out,)``.
        shape: of the wide one.
        ratio: by which layers are wider, above 1.
        rng: draws the shares of copies.

    Returns:
        Float32 of ``shape``; None where an axis is neither as long nor longer by ``ratio``.
    """
    if array.ndim != len(shape) or array.shape[2:] != shape[2:]:
        return None
    grown: NDArray[np.floating[Any]] = array
    for axis, (narrow, wide) in enumerate(zip(array.shape[:2], shape[:2], strict=True)):
        if wide == narrow:
            continue
        if wide != narrow * ratio:
            return None
        source = np.arange(wide) * ratio.denominator // ratio.numerator
        grown = grown.take(source, axis=axis)
        if axis == 1:
            grown = grown * _shares(grown.shape[:2], source, rng).reshape(
                *grown.shape[:2], *(1,) * (grown.ndim - 2)
            )
    return grown.astype(np.float32)


def _shares(
    shape: Shape, source: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """``(out, in)``: parts of 1 for the copies of one channel, other ones for every reader."""
    drawn = rng.uniform(*SHARES, size=shape)
    first = np.flatnonzero(np.diff(source, prepend=-1))
    totals = np.add.reduceat(drawn, first, axis=1)
    return drawn / totals[:, source]
