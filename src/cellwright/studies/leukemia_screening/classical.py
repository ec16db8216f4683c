"""The classical rows: an SVM, a forest or a tree on hand-made features of the white cells.

Models, SMOTE and logits are those of :mod:`cellwright.learning.classical`; only measurements are
made apart from them, since six rows and nine sets of colours share them. What is fitted
sees the training part alone; one temperature comes from the validation part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.feature_graph import RowStatistics, model_logits
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import class_counts
from cellwright.features import measure_field
from cellwright.images.resize import resize
from cellwright.images.write import atomic_path
from cellwright.inference.classifier import softmax
from cellwright.learning.class_config import ClassificationConfig
from cellwright.learning.classical import fit_model
from cellwright.learning.classical_models import CLASSICAL as MODELS
from cellwright.learning.feature_balancing import FEATURE_SAMPLERS
from cellwright.learning.training_data import Parts
from cellwright.metrics.temperature import fit_temperature
from cellwright.types import Image

Describe = Callable[[Image], NDArray[np.float64]]
See = Callable[[LabelledSet], NDArray[np.float64]]
"""A set to ``(N, F)``."""
Probabilities = Callable[[LabelledSet], NDArray[np.float64]]
"""``(N, K)`` of any set of the same classes."""

WITH_SMOTE = "-smote"
_MODELS = {"decision-tree": "decision tree", "random-forest": "random forest", "svm": "SVM"}
CLASSICAL = {
    **{name: f"{words} on features" for name, words in _MODELS.items()},
    **{name + WITH_SMOTE: f"{words} on features, SMOTE" for name, words in _MODELS.items()},
}
"""Name to the row's name in the tables."""


def learned(parts: Parts, see: See, name: str, *, seed: int) -> Probabilities:
    """A model of a name in :data:`CLASSICAL`, fitted on what ``see`` gives of the training part.

    Raises:
        DatasetError: a class with a single image, where SMOTE is asked for.
    """
    model = name.removesuffix(WITH_SMOTE)
    sampling = "smote" if name.endswith(WITH_SMOTE) else "natural"
    rows = see(parts.train).astype(np.float32)
    statistics = RowStatistics.of(rows)
    balanced, class_ids = FEATURE_SAMPLERS[sampling](
        statistics.filled(rows), true_ids(parts.train), seed
    )
    fitted = fit_model(ClassificationConfig(model=model), balanced, class_ids, seed=seed)

    def logits(labelled: LabelledSet) -> NDArray[np.float64]:
        seen = see(labelled).astype(np.float32)
        return model_logits(fitted, statistics, seen, answers=MODELS[model].answers)

    temperature = fit_temperature(logits(parts.val), true_ids(parts.val))
    return lambda labelled: softmax(logits(labelled) / temperature)


def described(labelled: LabelledSet, describe: Describe) -> NDArray[np.float64]:
    """``(N, F)`` of every image."""
    return np.stack([describe(record.load().image) for record in labelled])


def true_ids(labelled: LabelledSet) -> NDArray[np.int64]:
    """``(N,)`` class ids."""
    rows = [class_counts(record, len(labelled.classes)).argmax() for record in labelled]
    return np.array(rows, np.int64)


def field_features(labelled: LabelledSet, *, edge_px: int, store: Path) -> NDArray[np.float64]:
    """``(N, F)``: :func:`~cellwright.features.measure_field` of fields of ``edge_px``.

    All rows need the same ones, so they are kept in ``store``, a file a set.
    """
    ids = "\n".join([labelled.name, str(edge_px), *(record.id for record in labelled)])
    path = store / f"{hashlib.sha256(ids.encode()).hexdigest()[:16]}.npy"
    if path.exists():
        kept: NDArray[np.float64] = np.load(path, allow_pickle=False)
        return kept
    found = described(labelled, lambda image: measure_field(resize(image, edge_px, edge_px)))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, found, allow_pickle=False)
    return found
