"""How good generated crops are: how far from the real ones, and whether they are copies of them.

**Distance.** The Fréchet distance between two Gaussians fitted to features of a network
(Heusel et al., GANs trained by a two time-scale update rule, NeurIPS 2017, equation 6):

    d² = |m_1 - m_2|² + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)).

Its authors take features of a network of photographs; cells are no photographs, so the features
are what our own classifier feeds its last layer. The figure of few crops is too large, and so
is its yardstick, the distance between two halves of the real crops: read both. Distances of two
networks cannot be compared.

**Copies.** :func:`cellwright.learning.generation.memorised_share`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cellwright.errors import ConfigError
from cellwright.learning.class_crops import CropSet
from cellwright.learning.generation import memorised_share
from cellwright.learning.last_layer import what_it_is_fed

BATCH = 128
LOOKED_AT = 400
"""Crops of each kind, at most: the search for copies compares every pair."""


@dataclass(frozen=True)
class Quality:
    """What is known of the generated crops of one class.

    Attributes:
        name: the class.
        n_real: real crops that the GAN has seen.
        n_generated: generated crops.
        distance: Fréchet distance of generated to real crops; None of a single one.
        yardstick: the same of one half of the real crops to the other; None below four.
        memorised: share of generated crops that are copies of real ones.
    """

    name: str
    n_real: int
    n_generated: int
    distance: float | None
    yardstick: float | None
    memorised: float

    def to_json(self) -> dict[str, Any]:
        """The fields as a plain dictionary."""
        return asdict(self)


def quality_of(
    network: nn.Module, real: CropSet, generated: CropSet, classes: Sequence[str], *, seed: int = 0
) -> list[Quality]:
    """A row for each class that has generated crops.

    Args:
        network: gives features; see :func:`penultimate`.
        real: the training part.
        generated: what was added to it.
        classes: class names.
        seed: of which crops are looked at, and of the halves.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for class_id in np.unique(generated.class_ids).tolist():
        originals, made = (_some(one, class_id, rng) for one in (real, generated))
        ours, theirs = penultimate(network, originals), penultimate(network, made)
        half = len(ours) // 2
        rows.append(
            Quality(
                name=classes[class_id],
                n_real=int((real.class_ids == class_id).sum()),
                n_generated=int((generated.class_ids == class_id).sum()),
                distance=frechet_distance(ours, theirs) if len(theirs) > 1 else None,
                yardstick=frechet_distance(ours[:half], ours[half:]) if half > 1 else None,
                memorised=memorised_share(made, originals),
            )
        )
    return rows


def frechet_distance(some: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Squared Fréchet distance between the Gaussians of two clouds of features.

    Args:
        some: ``(N, D)``, N >= 2.
        others: ``(M, D)``, M >= 2.

    Raises:
        ConfigError: clouds of one point, or of other features.
    """
    if some.ndim != 2 or others.ndim != 2 or some.shape[1] != others.shape[1]:
        raise ConfigError(f"features of shape {some.shape} and {others.shape} do not compare")
    if min(len(some), len(others)) < 2:
        raise ConfigError("a Gaussian is fitted to at least two crops")
    first, second = (np.atleast_2d(np.cov(one, rowvar=False)) for one in (some, others))
    # The root of a product of two covariances has the trace of this symmetric one, which needs
    # no complex numbers where few crops leave a covariance singular.
    root = _root(first)
    crossed = np.trace(_root(root @ second @ root))
    shift = some.mean(axis=0) - others.mean(axis=0)
    return float(max(0.0, shift @ shift + np.trace(first) + np.trace(second) - 2 * crossed))


def penultimate(network: nn.Module, crops: NDArray[np.float32]) -> NDArray[np.float64]:
    """``(N, D)``: what the network's last dense layer is fed for crops ``(N, C, H, W)``.

    Raises:
        ConfigError: it has no dense layer.
    """
    with torch.no_grad(), what_it_is_fed(network) as seen:
        for start in range(0, len(crops), BATCH):
            network(torch.from_numpy(crops[start : start + BATCH]))
    features: NDArray[np.float64] = torch.cat(seen).double().numpy()
    return features


def _some(crops: CropSet, class_id: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Up to :data:`LOOKED_AT` crops of a class in a random order, float32 ``(N, C, H, W)``."""
    members = rng.permutation(np.flatnonzero(crops.class_ids == class_id))[:LOOKED_AT]
    return np.stack([crops.crop(one) for one in members])


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric square root of a symmetric matrix without negative directions."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    root: NDArray[np.float64] = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root
