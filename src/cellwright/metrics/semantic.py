"""How good a pixel-wise segmentation is: one confusion matrix an image, then rates.

Figures pool the pixels of all images; those that end in ``_per_image`` are computed for each
image and then averaged, so that an image with few cells weighs as much as one full of them.
An image for which a figure is undefined (no cell in truth and prediction) is left out of its
mean, and ``n`` says how many are in it. ``accuracy`` is the share of pixels with the
right class. ``precision``, ``recall``, ``f1`` and ``jaccard`` (tp / (tp + fp + fn)) are the
mean over the classes other than background, ``miou`` is the mean Jaccard index over all
classes, background included; ``dice`` is ``f1`` under its other name. A class that neither
truth nor prediction holds is left out of a mean; one that only one of them holds counts as 0 in
every mean, also where its own precision (never predicted) or recall (never true) is undefined.
For one class, ``accuracy`` counts a pixel as right when truth and prediction agree on whether it
belongs to the class. Intervals resample whole images: neighbouring pixels are no independent
observations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError, ConfigError
from cellwright.metrics.intervals import (
    BY_IMAGE,
    Interval,
    Resampling,
    Weights,
    bootstrap_by_image,
    intervals_by_class,
    intervals_of,
    mean_defined,
    ratio,
    with_resamples,
)
from cellwright.metrics.report import Report, check_paired, interval_settings
from cellwright.types import SemanticMask

METRICS = ("accuracy", "f1", "jaccard", "dice", "precision", "recall", "miou")
PER_IMAGE = tuple(f"{name}_per_image" for name in METRICS)


def confusion_matrix(
    truth: SemanticMask, predicted: SemanticMask, n_classes: int
) -> NDArray[np.int64]:
    """Pixels by true class (row) and predicted class (column), int64 ``(K, K)``.

    Raises:
        AnnotationError: masks of different shape, or a class id without a name.
    """
    true, guess = truth.mask, predicted.mask
    if true.shape != guess.shape:
        raise AnnotationError(f"the true mask is {true.shape} but the predicted {guess.shape}")
    highest = max(int(true.max(initial=0)), int(guess.max(initial=0)))
    if highest >= n_classes:
        raise AnnotationError(f"class id {highest} but only {n_classes} class names")
    pairs = true.astype(np.int64).ravel() * n_classes + guess.ravel()
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def evaluate_semantic(
    truth: Sequence[SemanticMask],
    predicted: Sequence[SemanticMask],
    classes: Sequence[str],
    *,
    background: int | None = 0,
    resampling: Resampling = BY_IMAGE,
) -> Report:
    """Every semantic metric with a 95 % bootstrap interval; ``n`` is the number of images.

    Args:
        truth: annotated masks, one an image.
        predicted: predicted masks, one an image.
        classes: class names that the masks index into.
        background: class left out of the means, None where every class is of interest.
        resampling: how images, or groups of them, are drawn for the intervals.

    Raises:
        AnnotationError: numbers or shapes of masks differ, or a class id has no name.
        ConfigError: a background that is no class, or that leaves no class to average.
    """
    check_paired(truth, predicted, classes)
    _averaged_classes(len(classes), background)
    matrices = [
        confusion_matrix(true, guess, len(classes))
        for true, guess in zip(truth, predicted, strict=True)
    ]
    return report_semantic(
        matrices,
        classes,
        background=background,
        resampling=resampling,
    )


def report_semantic(
    matrices: Sequence[NDArray[np.int64]],
    classes: Sequence[str],
    *,
    background: int | None = 0,
    resampling: Resampling = BY_IMAGE,
) -> Report:
    """What :func:`evaluate_semantic` reports, of confusion matrices that were counted already.

    Args:
        matrices: one :func:`confusion_matrix` an image.
        classes: as for :func:`evaluate_semantic`, and so are the other arguments.
        background: class left out of the means.
        resampling: how images, or groups of them, are drawn for the intervals.

    Raises:
        ConfigError: a background that is no class, or that leaves no class to average.
    """
    averaged = _averaged_classes(len(classes), background)
    stacked = np.zeros((len(matrices), len(classes), len(classes)))
    stacked[:] = list(matrices) or stacked
    weights = with_resamples(len(matrices), resampling)
    summed = _Sums.weighted(stacked, weights)
    per_class = summed.rates()
    pooled = summed.means(averaged)
    each = _Sums.of_each(stacked).means(averaged)
    observations = dict.fromkeys(METRICS, len(matrices))
    for name, values in each.items():
        defined = ~np.isnan(values)
        total = weights @ np.where(defined, values, 0)
        pooled[f"{name}_per_image"] = ratio(total, weights @ defined.astype(np.float64))
        observations[f"{name}_per_image"] = int(defined.sum())
    return Report(
        task="semantic",
        n_images=len(matrices),
        metrics=intervals_of(pooled, observations),
        per_class=intervals_by_class(per_class, classes, n=len(matrices)),
        settings={
            "background": None if background is None else classes[background],
            **interval_settings(resampling),
        },
    )


def jaccard_difference(
    before: Sequence[NDArray[np.int64]],
    after: Sequence[NDArray[np.int64]],
    *,
    resampling: Resampling = BY_IMAGE,
) -> Interval:
    """Pooled ``jaccard`` of one model minus that of another on the same images, with interval.

    Both are resampled together, so that images hard for both do not widen the interval. The
    background is class 0, as in :func:`report_semantic`.

    Args:
        before: one :func:`confusion_matrix` an image.
        after: the other model's, in the same order.
        resampling: how images, or groups of them, are drawn for the intervals.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (before, after)]
    averaged = _averaged_classes(sides[0].shape[1], 0)

    def difference(weights: Weights) -> NDArray[np.float64]:
        a, b = (_Sums.weighted(one, weights) for one in sides)
        # Both averaged over the classes there are: a stray pixel of another one would else bring a
        # class more, of Jaccard 0, to the one side.
        there = a.true[averaged] > 0
        one, other = (
            mean_defined(np.where(there, side.rates()["jaccard"][averaged], np.nan))
            for side in (a, b)
        )
        return np.asarray(one - other)

    n = len(before)
    return bootstrap_by_image(difference, n, n=n, resampling=resampling)


class _Sums(NamedTuple):
    """Pixels of each class, summed over images once a resample.

    Attributes:
        found: ``(K, R)`` of the class in truth and prediction.
        true: ``(K, R)`` of the class in truth.
        guessed: ``(K, R)`` of the class in the prediction.
        everything: ``(R,)`` all.
    """

    found: NDArray[np.float64]
    true: NDArray[np.float64]
    guessed: NDArray[np.float64]
    everything: NDArray[np.float64]

    @classmethod
    def of_each(cls, matrices: NDArray[np.float64]) -> _Sums:
        """Of every image of confusion matrices ``(I, K, K)`` by itself."""
        found = np.diagonal(matrices, axis1=1, axis2=2).T
        true, guessed = matrices.sum(axis=2).T, matrices.sum(axis=1).T
        return cls(found, true, guessed, matrices.sum(axis=(1, 2)))

    @classmethod
    def weighted(cls, matrices: NDArray[np.float64], weights: Weights) -> _Sums:
        """Over all images, which count by ``weights`` ``(R, I)``."""
        each = cls.of_each(matrices)
        found, true, guessed = ((weights @ part.T).T for part in each[:3])
        return cls(found, true, guessed, weights @ each.everything)

    def rates(self) -> dict[str, NDArray[np.float64]]:
        """Metric name -> ``(K, R)``."""
        found, true, guessed, everything = self
        f1 = ratio(2 * found, true + guessed)
        jaccard = ratio(found, true + guessed - found)
        return {
            "accuracy": ratio(everything - true - guessed + 2 * found, everything),
            "f1": f1,
            "jaccard": jaccard,
            "dice": f1,
            "precision": ratio(found, guessed),
            "recall": ratio(found, true),
            "miou": jaccard,
        }

    def means(self, averaged: list[int]) -> dict[str, NDArray[np.float64]]:
        """Metric name -> ``(R,)`` over the classes ``averaged``, in the order of METRICS."""
        one_sided = (self.true + self.guessed > 0) & (self.found == 0)
        per_class = {
            name: np.where(one_sided & np.isnan(values), 0, values)
            for name, values in self.rates().items()
        }
        means = {name: mean_defined(values[averaged]) for name, values in per_class.items()}
        means["miou"] = mean_defined(per_class["jaccard"])
        means["accuracy"] = ratio(self.found.sum(axis=0), self.everything)
        return means


def _averaged_classes(n_classes: int, background: int | None) -> list[int]:
    everything = list(range(n_classes))
    if background is None:
        return everything
    if background not in everything or n_classes == 1:
        raise ConfigError(
            f"background {background} of {n_classes} classes leaves no class to average",
            remedy="give the background's class id, or None if there is no background",
        )
    return [index for index in everything if index != background]
