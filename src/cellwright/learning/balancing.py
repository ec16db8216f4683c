"""Rare classes: what an epoch draws, how much a mistake weighs, which crops are mixed.

All of it acts on the training part alone: an epoch's draw, the weights and the partners of a
mixture are taken from the class ids of the images that are learned from, so no generated or
repeated cell can stand on both sides of a split.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError

Ids = NDArray[np.int64]


def natural(class_ids: Ids, rng: np.random.Generator) -> Ids:
    """Every image once, in an order of its own each epoch."""
    order: Ids = rng.permutation(len(class_ids))
    return order


def balanced(class_ids: Ids, rng: np.random.Generator) -> Ids:
    """As many draws as images, every class equally often; rare ones are repeated."""
    return _drawn(class_ids, rng, power=0.0)


def square_root(class_ids: Ids, rng: np.random.Generator) -> Ids:
    """As many draws as images, classes by the square root of their number.

    Half way between ``natural`` and ``balanced``: a class of nine images that would be shown a
    hundred times as often as it occurs is learned by heart.
    """
    return _drawn(class_ids, rng, power=0.5)


def undersampled(class_ids: Ids, rng: np.random.Generator) -> Ids:
    """The largest class cut to the size of the second largest, other images each epoch.

    Paper 4 (section 2.4, after Jin et al.) removes cells in G1; which ones is drawn anew here.
    """
    counts = np.bincount(class_ids)
    largest = int(counts.argmax())
    allowed = int(np.sort(counts)[-2]) if (counts > 0).sum() > 1 else int(counts[largest])
    members = rng.permutation(np.flatnonzero(class_ids == largest))[:allowed]
    kept: Ids = rng.permutation(np.concatenate([np.flatnonzero(class_ids != largest), members]))
    return kept


SAMPLERS: dict[str, Callable[[Ids, np.random.Generator], Ids]] = {
    "balanced": balanced,
    "natural": natural,
    "square-root": square_root,
    "undersampled": undersampled,
}
"""Class ids ``(N,)`` of the training part and a generator to the indices of one epoch."""


def class_weights(class_ids: Ids, n_classes: int, *, power: float) -> NDArray[np.float64]:
    """``(n_classes,)`` weight of a mistake: the class's frequency to the power ``-power``.

    0 weighs all alike, 1 gives every class the same total. Over the images the weights have mean
    1, so that the learning rate keeps its meaning. A class without images weighs nothing.

    >>> class_weights(np.array([0, 0, 0, 1]), 2, power=1.0).round(3).tolist()
    [0.667, 2.0]

    Raises:
        ConfigError: no images, or an id beyond the classes.
    """
    if not len(class_ids) or class_ids.max() >= n_classes:
        raise ConfigError(f"there is no weight for {len(class_ids)} images of {n_classes} classes")
    counts = np.bincount(class_ids, minlength=n_classes).astype(np.float64)
    raw = np.where(counts > 0, np.maximum(counts, 1) ** -power, 0.0)
    weights: NDArray[np.float64] = raw * len(class_ids) / (raw @ counts)
    return weights


def mixing_share(alpha: float, rng: np.random.Generator) -> float:
    """How much of itself a crop keeps in a mixture: Beta(alpha, alpha); 1 without mixing.

    Mixup: Zhang, Cisse, Dauphin and Lopez-Paz, ICLR 2018, equation 1.
    """
    return float(rng.beta(alpha, alpha)) if alpha > 0 else 1.0


def _drawn(class_ids: Ids, rng: np.random.Generator, *, power: float) -> Ids:
    """``len(class_ids)`` indices; a class is drawn by its count to ``power``.

    Within a class every image comes once before any comes twice.
    """
    present, counts = np.unique(class_ids, return_counts=True)
    shares = counts.astype(np.float64) ** power
    wanted = rng.multinomial(len(class_ids), shares / shares.sum())
    picked = []
    for class_id, number in zip(present, wanted.tolist(), strict=True):
        members = np.flatnonzero(class_ids == class_id)
        rounds = -(-number // len(members))
        orders = [rng.permutation(members) for _ in range(rounds)]
        picked.append(np.concatenate([*orders, members[:0]])[:number])
    drawn: Ids = rng.permutation(np.concatenate(picked))
    return drawn
