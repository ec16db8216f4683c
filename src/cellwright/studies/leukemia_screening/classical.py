"""The classical rows: an SVM, a forest or a tree on hand-made features of the white cells.

Everything that is fitted (what stands for a missing number, scales, the synthetic fields of SMOTE:
Chawla et al., Journal of Artificial Intelligence Research 16, 2002) sees the training part alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import class_counts
from cellwright.errors import MissingExtraError
from cellwright.features import measure_field
from cellwright.images.resize import resize
from cellwright.images.write import atomic_path
from cellwright.types import Image

Describe = Callable[[Image], NDArray[np.float64]]
Probabilities = Callable[[LabelledSet], NDArray[np.float64]]
"""``(N, K)`` of any set of the same classes."""

TREES = 300
CLASSIFIERS = {
    "forest": "random forest on features",
    "svm": "SVM on features",
    "tree": "decision tree on features",
}
WITH_SMOTE = "-smote"
CLASSICAL = {
    **CLASSIFIERS,
    **{name + WITH_SMOTE: f"{row}, SMOTE" for name, row in CLASSIFIERS.items()},
}
"""Name to the row's name in the tables."""


def make_classifier(name: str, *, seed: int) -> Any:
    """A scikit-learn pipeline of a name in :data:`CLASSICAL`.

    Raises:
        MissingExtraError: scikit-learn or imbalanced-learn is not installed.
    """
    try:
        # Seconds to import, and only these rows need them.
        from imblearn.over_sampling import SMOTE  # noqa: PLC0415
        from imblearn.pipeline import make_pipeline  # noqa: PLC0415
        from sklearn.calibration import CalibratedClassifierCV  # noqa: PLC0415
        from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415
        from sklearn.impute import SimpleImputer  # noqa: PLC0415
        from sklearn.preprocessing import StandardScaler  # noqa: PLC0415
        from sklearn.svm import SVC  # noqa: PLC0415
        from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("scikit-learn and imbalanced-learn", "train") from error

    last = {
        "forest": partial(RandomForestClassifier, TREES, n_jobs=1),
        "svm": SVC,
        "tree": partial(DecisionTreeClassifier, min_samples_leaf=5),
    }[name.removesuffix(WITH_SMOTE)](random_state=seed)
    if name.startswith("svm"):
        # Margins become probabilities by Platt's sigmoid, on folds of the training part.
        last = CalibratedClassifierCV(last, ensemble=False)
    # A column that no training field has is kept, so that columns keep their meaning.
    steps = [SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()]
    if name.endswith(WITH_SMOTE):
        steps.append(SMOTE(random_state=seed))
    return make_pipeline(*steps, last)


def learned(
    train: LabelledSet, describe: Callable[[LabelledSet], NDArray[np.float64]], estimator: Any
) -> Probabilities:
    """``estimator`` fitted on ``train``, as seen by ``describe``: ``(N, F)`` of a set."""
    estimator.fit(describe(train), true_ids(train))

    def probabilities(labelled: LabelledSet) -> NDArray[np.float64]:
        found: NDArray[np.float64] = estimator.predict_proba(describe(labelled))
        return found

    return probabilities


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
