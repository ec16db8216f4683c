"""How the images of each class look: a few numbers an image, their map, and what falls out of it.

For sets whose images each have one class. An image becomes mean, spread, dark and bright end of
each channel and its sharpness; principal components make a map of it (Jolliffe, Principal
Component Analysis, 2002). An image far from all of its class is an outlier; one whose neighbours
all have another class may be mislabelled. How often the nearest image *of another group*, by mean
colours alone, has the same class says how much a model could read from the stain without seeing a
cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from cellwright.data.inspection.findings import Finding
from cellwright.images.normalise import full_scale
from cellwright.metrics.intervals import (
    FINE,
    Interval,
    Resampling,
    bootstrap_ratio,
    units_to_resample,
)
from cellwright.types import Image

PARTS = ("mean", "spread", "dark end", "bright end")
"""Of each channel: mean, standard deviation, 5th and 95th percentile."""

FEWEST = 20
"""Images below which there is no map, and nothing is called odd."""

FARTHEST = 8.0
"""Robust standard deviations from the median of its class beyond which an image is an outlier."""

NARROWEST = 0.25
"""Of the set's own standard deviation: a class that is saturated has none of its own."""

NEIGHBOURS = 10
"""All of these are of one other class: the image may be mislabelled."""


_BLOCK = 64
"""Images compared with all others at once: of 32,000, the distances take 16 MB."""


@dataclass(frozen=True, eq=False)
class Look:
    """One image in numbers.

    Attributes:
        image_id: of the image.
        group: of the image.
        class_id: its label.
        values: float64 ``(4 C + 1,)``: :data:`PARTS` of each channel, then sharpness.
    """

    image_id: str
    group: str
    class_id: int
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Looks:
    """A class-labelled set on one map.

    Attributes:
        class_ids: int64 ``(N,)``.
        places: float64 ``(N, 2)``: the first two principal components.
        explained: shares of the variance that they hold.
        told_by_colour: how often the nearest image of another group, by mean colours alone, has the
            same class; undefined where all are of one group.
        chance: the same for a neighbour picked blindly.
    """

    class_ids: NDArray[np.int64]
    places: NDArray[np.float64]
    explained: tuple[float, float]
    told_by_colour: Interval
    chance: float


def look_at(image: Image) -> NDArray[np.float64]:
    """``(4 C + 1,)`` of :class:`Look` of an image ``(C, H, W)``, in shares of the full range."""
    pixels = image.reshape(len(image), -1).astype(np.float64) / full_scale(image)
    ends = np.percentile(pixels, [5, 95], axis=1)
    grey = pixels.mean(axis=0).reshape(image.shape[1:]).astype(np.float32)
    sharpness = float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())
    parts = [pixels.mean(axis=1), pixels.std(axis=1), *ends]
    return np.append(np.concatenate(parts), sharpness)


def map_looks(looks: Sequence[Look]) -> Looks | None:
    """The map; None with fewer than 20 images, one class, or images of different channels."""
    if not _comparable(looks):
        return None
    values, class_ids = _standardised(looks), np.array([one.class_id for one in looks], np.int64)
    _, strengths, axes = np.linalg.svd(values, full_matrices=False)
    variance = strengths**2 / max(float((strengths**2).sum()), 1e-12)
    counts = np.bincount(class_ids).astype(np.float64)
    chance = float((counts * (counts - 1)).sum() / (len(looks) * (len(looks) - 1)))
    return Looks(
        class_ids=class_ids,
        places=values @ axes[:2].T,
        explained=(float(variance[0]), float(variance[1])),
        told_by_colour=_told_by_colour(looks),
        chance=chance,
    )


def odd_ones(looks: Sequence[Look], classes: Sequence[str]) -> list[Finding]:
    """Outliers of their class, and images among neighbours that all have another class."""
    if not _comparable(looks):
        return []
    values, class_ids = _standardised(looks), np.array([one.class_id for one in looks])
    apart_of_class = {
        one: _from_median(values, class_ids == one) for one in set(class_ids.tolist())
    }
    nearest = np.concatenate(
        [block.argpartition(NEIGHBOURS)[:, :NEIGHBOURS] for _, block in _distances(values)]
    )
    findings = []
    for index, look in enumerate(looks):
        apart = apart_of_class[look.class_id][index]
        if apart.max() > FARTHEST:
            detail = (
                f"{_name(int(apart.argmax()), values.shape[1])}: {apart.max():.0f} robust standard "
                f"deviations from the median of {classes[look.class_id]}"
            )
            findings.append(Finding("outlier", look.image_id, detail))
        others = class_ids[nearest[index]]
        if len(set(others.tolist())) == 1 and others[0] != look.class_id:
            detail = (
                f"labelled {classes[look.class_id]}, but the {NEIGHBOURS} images most like it are "
                f"{classes[others[0]]}"
            )
            findings.append(Finding("looks_like_another", look.image_id, detail))
    return findings


def _from_median(values: NDArray[np.float64], own: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``(N, F)`` how many robust standard deviations of ``own`` all lie from its median."""
    middle = np.median(values[own], axis=0)
    spread = 1.4826 * np.median(np.abs(values[own] - middle), axis=0)
    apart: NDArray[np.float64] = np.abs(values - middle) / np.maximum(spread, NARROWEST)
    return apart


def _comparable(looks: Sequence[Look]) -> bool:
    sizes = {len(one.values) for one in looks}
    return len(looks) >= FEWEST and len(sizes) == 1 and len({one.class_id for one in looks}) > 1


def _standardised(looks: Sequence[Look]) -> NDArray[np.float64]:
    values = np.stack([one.values for one in looks])
    spread = values.std(axis=0)
    apart: NDArray[np.float64] = (values - values.mean(axis=0)) / np.where(
        spread > 1e-9, spread, 1.0
    )
    return apart


def _distances(values: NDArray[np.float64]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Squared distances of some rows ``(B, N)`` to all, block by block; infinite to itself."""
    for start in range(0, len(values), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block: NDArray[np.float64] = cdist(values[rows], values, "sqeuclidean")
        block[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        yield rows, block


def _told_by_colour(looks: Sequence[Look]) -> Interval:
    """See :class:`Looks`; intervals resample groups."""
    n_channels = (len(looks[0].values) - 1) // len(PARTS)
    means = np.stack([one.values[:n_channels] for one in looks])
    groups = np.array([one.group for one in looks])
    class_ids = np.array([one.class_id for one in looks])
    _, group_ids = np.unique(groups, return_inverse=True)
    right, asked = np.zeros(len(looks)), np.zeros(len(looks))
    for rows, block in _distances(means):
        block[group_ids[rows, None] == group_ids] = np.inf
        asked[rows] = np.isfinite(block.min(axis=1))
        right[rows] = asked[rows] * (class_ids[block.argmin(axis=1)] == class_ids[rows])
    return bootstrap_ratio(
        right, asked, resampling=Resampling(FINE, groups=units_to_resample(groups.tolist()))
    )


def _name(column: int, n_columns: int) -> str:
    """``mean of channel 2``, or ``sharpness``."""
    n_channels: int = (n_columns - 1) // len(PARTS)
    if column == n_columns - 1:
        return "sharpness"
    return f"{PARTS[column // n_channels]} of channel {column % n_channels + 1}"


def to_json(looks: Looks | None) -> dict[str, Any] | None:
    """What of a map goes into JSON."""
    if looks is None:
        return None
    return {
        "explained": list(looks.explained),
        "told_by_colour": looks.told_by_colour.to_json(),
        "chance": looks.chance,
    }
