"""Fit a card's calibration: labelled images of the validation part in, plain numbers out.

The residuals of conformal prediction must come from images whose labels the score map has
not seen. Instead of giving half of the images away for that, each is held out in turn
together with its fold (cross-conformal prediction, Vovk 2015), and folds are whole groups
where there are groups. The map that ships is fitted on all images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.calibration import Calibration, ClassCalibration, CountSpread
from cellwright.bundles.card import Card
from cellwright.errors import BundleError
from cellwright.inference.counting_rule import CardRule, choose_thresholds
from cellwright.inference.counts import (
    HALF_A_CELL,
    Expectation,
    expectation,
    standard_deviation,
)
from cellwright.inference.evaluate import LabelledPredictions
from cellwright.metrics.calibration import fit_score_map
from cellwright.metrics.matching import match_greedy
from cellwright.metrics.score_map import ScoreMap
from cellwright.types import Boxes

FOLDS = 10

MIN_IMAGES = 10
"""With fewer labelled images nothing is said about counts; a 90 % interval needs nine."""

MIN_CELLS = 10
"""True cells of a class that must have been found to say what its scores mean."""

LOOKED_AT = 0.98
"""Share of the true cells found at any score that candidates must hold; weaker boxes, of
which there are many, cost time and tell little."""


def settle(card: Card, found: LabelledPredictions) -> Card:
    """The card with thresholds and calibration chosen on predictions of the validation part.

    Whatever changes the scores, such as another precision of the graph, calls for this anew.

    Args:
        card: of a detection bundle; its own thresholds and calibration are not looked at.
        found: ranked lists of the bundle beside the truth.

    Raises:
        BundleError: the card does not say how to decode boxes.
    """
    decoding = card.decoding
    if decoding is None:
        raise BundleError(f"this is a model for {card.task}, not one that detects cells")
    rule = CardRule(decoding.thresholds(len(card.classes)), decoding.nms_scope, decoding.nms_iou)
    thresholds = choose_thresholds(found.truth, found.predicted, card.classes, rule)
    calibration = fit_calibration(
        found.truth, found.predicted, thresholds=thresholds, groups=found.shared_groups
    )
    mean = sum(thresholds) / len(thresholds)
    update = {"class_thresholds": thresholds, "score_threshold": mean}
    return card.model_copy(
        update={"decoding": decoding.model_copy(update=update), "calibration": calibration}
    )


def fit_calibration(
    truth: Sequence[Boxes],
    predicted: Sequence[Boxes],
    *,
    thresholds: Sequence[float],
    groups: Sequence[str] | None = None,
) -> Calibration | None:
    """What scores mean and how far counts are off, on labelled images.

    Args:
        truth: annotated boxes, one item an image; ids are the model's.
        predicted: ranked lists of scored boxes, one item an image.
        thresholds: score from which a box of each class counts; candidates reach at least
            as low.
        groups: one name an image; images of a group are held out together.

    Returns:
        None with fewer than :data:`MIN_IMAGES` images.
    """
    if len(truth) < MIN_IMAGES:
        return None
    hits = [match_greedy(true, guess) >= 0 for true, guess in zip(truth, predicted, strict=True)]
    floor = _floor(predicted, hits, thresholds)
    folds = _folds(len(truth), groups)
    fitted = [
        _fit_class(_candidates(truth, predicted, hits, class_id=class_id, floor=floor), folds)
        for class_id in range(len(thresholds))
    ]
    known = [one for one in fitted if one is not None]
    total = None
    if len(known) == len(fitted):
        n_truth = np.sum([one.n_truth for one in known], axis=0)
        total = _spread(n_truth, *np.sum([(one.mean, one.variance) for one in known], axis=0))
    return Calibration(
        minimum_score=floor,
        classes=tuple(None if one is None else one.calibration() for one in fitted),
        total=total,
        n_images=len(truth),
    )


@dataclass(frozen=True, eq=False)
class _Candidates:
    """The candidates of one class in all images.

    Attributes:
        image: int64 ``(N,)``, the image of each.
        scores: float32 ``(N,)``.
        hits: bool ``(N,)``, whether each is a true cell.
        n_truth: int64 ``(I,)``, true cells of each image.
    """

    image: NDArray[np.int64]
    scores: NDArray[np.float32]
    hits: NDArray[np.bool_]
    n_truth: NDArray[np.int64]

    def of(self, images: NDArray[np.bool_]) -> _Candidates:
        """Those in the images of a mask ``(I,)``."""
        kept = images[self.image]
        n_truth = np.where(images, self.n_truth, 0)
        return _Candidates(self.image[kept], self.scores[kept], self.hits[kept], n_truth)

    def fit(self) -> tuple[ScoreMap, float]:
        """Score map, and true cells without candidate as a share of those with one."""
        found = int(self.hits.sum())
        missed = max(0, int(self.n_truth.sum()) - found) / max(1, found)
        return fit_score_map(self.scores, self.hits), missed


@dataclass(frozen=True, eq=False)
class _Fitted:
    """One class: what ships, and what was expected of each image without its labels."""

    score_map: ScoreMap
    missed: float
    n_truth: NDArray[np.int64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]

    def calibration(self) -> ClassCalibration:
        return ClassCalibration(
            scores=tuple(self.score_map.scores.round(6).tolist()),
            probabilities=tuple(self.score_map.probabilities.round(6).tolist()),
            missed=round(self.missed, 6),
            spread=_spread(self.n_truth, self.mean, self.variance),
        )


def _fit_class(candidates: _Candidates, folds: NDArray[np.int64]) -> _Fitted | None:
    if candidates.hits.sum() < MIN_CELLS:
        return None
    expected = [Expectation(0.0, 0.0)] * len(folds)
    for fold in np.unique(folds):
        held_out = folds == fold
        others = candidates.of(~held_out)
        if not others.hits.any():  # all cells of the class lie in one group
            return None
        score_map, missed = others.fit()
        for image in np.flatnonzero(held_out):
            scores = candidates.scores[candidates.image == image]
            expected[image] = expectation(score_map(scores), missed)
    mean, variance = np.array(expected).T
    score_map, missed = candidates.fit()
    return _Fitted(score_map, missed, candidates.n_truth, mean, variance)


def _spread(
    n_truth: NDArray[np.int64], mean: NDArray[np.float64], variance: NDArray[np.float64]
) -> CountSpread:
    """Moment estimate of the variance beyond chance, then the errors in units of the sd."""
    error = np.abs(n_truth - mean)
    beyond = float((error**2 - variance - HALF_A_CELL).sum())
    relative = np.sqrt(max(0.0, beyond) / max(float((mean**2).sum()), 1e-9))
    residuals = np.sort(error / standard_deviation(mean, variance, float(relative)))
    # Rounded up, so that rounding cannot cost coverage.
    upwards = np.ceil(residuals * 1e6) / 1e6
    return CountSpread(relative=round(float(relative), 6), residuals=tuple(upwards.tolist()))


def _candidates(
    truth: Sequence[Boxes],
    predicted: Sequence[Boxes],
    hits: Sequence[NDArray[np.bool_]],
    *,
    class_id: int,
    floor: float,
) -> _Candidates:
    images, scores, found = [], [], []
    for image, (guess, hit) in enumerate(zip(predicted, hits, strict=True)):
        kept = (guess.class_ids == class_id) & (_scores(guess) >= np.float32(floor))
        images.append(np.full(int(kept.sum()), image))
        scores.append(_scores(guess)[kept])
        found.append(hit[kept])
    n_truth = np.array([int((boxes.class_ids == class_id).sum()) for boxes in truth])
    return _Candidates(
        np.concatenate(images), np.concatenate(scores), np.concatenate(found), n_truth
    )


def _floor(
    predicted: Sequence[Boxes], hits: Sequence[NDArray[np.bool_]], thresholds: Sequence[float]
) -> float:
    """Score down to which boxes are candidates."""
    found = np.concatenate([_scores(g)[hit] for g, hit in zip(predicted, hits, strict=True)])
    lowest = float(np.quantile(found, 1 - LOOKED_AT)) if len(found) else 1.0
    return round(min(lowest, *thresholds), 6)


def _folds(n_images: int, groups: Sequence[str] | None) -> NDArray[np.int64]:
    """The fold of each image; neighbours in the order of the set fall into different ones."""
    names = np.arange(n_images) if groups is None else np.asarray(groups)
    units, unit = np.unique(names, return_inverse=True)
    if len(units) < 2:
        return np.arange(n_images) % FOLDS
    return np.asarray(unit % FOLDS)


def _scores(boxes: Boxes) -> NDArray[np.float32]:
    if boxes.scores is None:
        raise ValueError("calibration needs scores")
    return boxes.scores
