"""Gradient boosting on simple features: what a second of computing knows of a cell's phase.

A figure of a network means little before it is known what brightness, size and texture alone
give. ``frame`` looks at nothing but the border of the crop, two pixels wide, where no cell
should be: what it finds is how cells were cut out, not what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import MissingExtraError
from cellwright.images.read import read_image
from cellwright.learning.cross_validation import Predict, Prediction
from cellwright.learning.training_data import Parts
from cellwright.types import Category, Image

FRAME_PX = 2
RINGS = 6
MEASURED = 40_000
"""Cells whose features are remembered."""

LEAVES, BINS = 8, 63
"""Small trees on coarse steps: a few thousand cells carry no larger ones."""

PERCENTILES = (1, 10, 25, 50, 75, 90, 99)

Features = Callable[[Image], NDArray[np.float64]]


def predictor(channels: Sequence[str], features: Features, *, seed: int) -> Predict:
    """Boosting by these features of these channels, as the folds take it."""
    return partial(_predict, channels=tuple(channels), features=features, seed=seed)


def cell_features(image: Image) -> NDArray[np.float64]:
    """Brightness, its spread, rings about the middle and edges of each channel; correlations.

    Args:
        image: ``(C, H, W)``.
    """
    planes = image.astype(np.float64)
    _, height, width = planes.shape
    rows, columns = np.mgrid[:height, :width]
    away = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    ring = np.minimum((away / (min(height, width) / 2) * RINGS).astype(int), RINGS)
    found: list[float] = []
    for plane in planes:
        steep = np.hypot(*np.gradient(plane))
        bright = plane - np.median(plane)
        found += [plane.mean(), plane.std(), plane.min(), plane.max(), bright.sum()]
        found += np.percentile(plane, PERCENTILES).tolist()
        found += [float(plane[ring == one].mean()) for one in range(RINGS)]
        found += [steep.mean(), steep.std(), float(np.percentile(steep, 95))]
        found += _moments(np.clip(bright, 0, None))
    pairs = np.atleast_2d(np.corrcoef(planes.reshape(len(planes), -1)))
    features: NDArray[np.float64] = np.array([*found, *pairs[np.triu_indices(len(planes), 1)]])
    return np.nan_to_num(features)


def frame_features(image: Image) -> NDArray[np.float64]:
    """Brightness and its spread in each channel's border, each side by itself and together."""
    planes = image.astype(np.float64)
    sides = [
        planes[:, :FRAME_PX],
        planes[:, -FRAME_PX:],
        planes[:, :, :FRAME_PX],
        planes[:, :, -FRAME_PX:],
    ]
    flat = [side.reshape(len(planes), -1) for side in sides]
    whole = np.concatenate(flat, axis=1)
    found = [
        *(one.mean(axis=1) for one in flat),
        *(one.std(axis=1) for one in flat),
        *np.percentile(whole, PERCENTILES, axis=1),
        whole.std(axis=1),
    ]
    return np.concatenate(found)


FEATURES: dict[str, Features] = {"boosting": cell_features, "frame": frame_features}


def _moments(bright: NDArray[np.float64]) -> list[float]:
    """How far the brightness reaches along its long and its short axis, in pixels."""
    total = bright.sum()
    if total <= 0:
        return [0.0, 0.0]
    rows, columns = np.mgrid[: bright.shape[0], : bright.shape[1]]
    points = np.stack([rows.ravel(), columns.ravel()])
    spread = np.cov(points, aweights=bright.ravel())
    return [float(one) for one in np.sqrt(np.clip(np.linalg.eigvalsh(spread), 0, None))]


def _predict(
    parts: Parts,
    _folder: Path,
    *,
    channels: tuple[str, ...],
    features: Features,
    seed: int,
) -> list[Prediction]:
    """Learns from training and validation part: boosting has no epoch to choose."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "train") from error

    tables = [_table(part, channels, features) for part in (parts.train, parts.val)]
    x, y = (np.concatenate(side) for side in zip(*tables, strict=True))
    model = HistGradientBoostingClassifier(
        max_leaf_nodes=LEAVES, max_bins=BINS, class_weight="balanced", random_state=seed
    )
    model.fit(x, y)
    if parts.test is None:
        return []
    judged, truth = _table(parts.test, channels, features)
    shares = np.zeros((len(judged), len(parts.whole.classes)))
    shares[:, model.classes_] = model.predict_proba(judged)
    return [
        Prediction(record.id, record.group, int(true), tuple(row))
        for record, true, row in zip(parts.test, truth, shares.tolist(), strict=True)
    ]


def _table(
    labelled: LabelledSet, channels: tuple[str, ...], features: Features
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rows, truth = [], []
    for record in labelled:
        annotation = record.load_annotation()
        if isinstance(annotation, Category):
            rows.append(_measured(record.image_path, channels, features))
            truth.append(annotation.class_id)
    return np.stack(rows), np.array(truth, np.int64)


@lru_cache(maxsize=MEASURED)
def _measured(path: Path, channels: tuple[str, ...], features: Features) -> NDArray[np.float64]:
    """Features of one image file: measured once, however many folds the cell is in."""
    picture = read_image(path)
    return features(picture.pixels[[picture.channel_names.index(name) for name in channels]])
