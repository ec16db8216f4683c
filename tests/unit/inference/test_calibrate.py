"""A calibration fitted on simulated images holds on images it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.calibration import Calibration
from cellwright.inference import calibrate
from cellwright.inference.calibrate import fit_calibration, settle
from cellwright.inference.count_metrics import measure_counts
from cellwright.inference.counting_rule import CardRule
from cellwright.inference.counts import estimate_counts
from cellwright.inference.evaluate import LabelledPredictions
from cellwright.types import Boxes

RULE = CardRule((0.5,))


def world(n_images: int, *, seed: int, trouble: float = 0.0) -> tuple[list[Boxes], list[Boxes]]:
    """Truth and ranked lists; places are 20 pixels apart, so overlaps are all or nothing.

    A place of score s holds a cell with probability s^2: scores overstate. One cell in ten
    has no candidate. ``trouble`` makes whole images better or worse than their scores say.
    """
    rng = np.random.default_rng(seed)
    truth, ranked = [], []
    for _ in range(n_images):
        scores = rng.beta(0.7, 0.7, rng.poisson(12))
        quality = np.clip(scores**2 + trouble * rng.standard_normal(), 0, 1)
        is_cell = rng.random(len(scores)) < quality
        n_hidden = rng.poisson(0.1 * is_cell.sum())
        place = np.arange(len(scores) + n_hidden)[:, None] * 20 + np.array([0, 0, 10, 10])
        cells = np.append(is_cell, np.ones(n_hidden, bool))
        truth.append(Boxes(place[cells], np.zeros(cells.sum())))
        ranked.append(Boxes(place[: len(scores)], np.zeros(len(scores)), scores))
    return truth, ranked


@pytest.mark.parametrize(("n_images", "trouble"), [(20, 0.0), (60, 0.0), (60, 0.2)])
def test_intervals_hold_on_new_images(n_images: int, trouble: float) -> None:
    covered, n_seeds, n_new = [], 12, 100
    for seed in range(n_seeds):
        calibration = fit_calibration(
            *world(n_images, seed=seed, trouble=trouble), thresholds=RULE.thresholds
        )
        new = world(n_new, seed=1000 + seed, trouble=trouble)
        figures = measure_counts(*new, calibration, rule=RULE).total
        covered.append(figures["count_coverage"].value)
    # Coverage is promised on average over calibrations; one calibration's own varies.
    error = np.std(covered) / np.sqrt(n_seeds)
    assert np.mean(covered) >= 0.9 - 3 * error
    assert np.mean(covered) < 0.99


def test_scores_become_probabilities() -> None:
    calibration = fit_calibration(*world(200, seed=0), thresholds=RULE.thresholds)
    scores = np.array([0.3, 0.5, 0.7, 0.9])
    assert calibration.classes[0].probabilities_of(scores) == pytest.approx(scores**2, abs=0.06)
    assert calibration.classes[0].missed == pytest.approx(0.1, abs=0.05)
    figures = measure_counts(*world(200, seed=1), calibration, rule=RULE).total
    assert figures["ece"].value < 0.05 < figures["score_ece"].value


def test_expected_counts_are_unbiased() -> None:
    calibration = fit_calibration(*world(200, seed=0), thresholds=RULE.thresholds)
    truth, ranked = world(200, seed=1)
    means = [estimate_counts(boxes, calibration, 1).total.mean for boxes in ranked]
    errors = np.array(means) - [len(boxes) for boxes in truth]
    assert abs(errors.mean()) < 3 * errors.std() / np.sqrt(len(errors)) + 0.1


def test_what_varies_from_image_to_image_is_seen() -> None:
    def relative(trouble: float) -> float:
        fitted = fit_calibration(*world(200, seed=0, trouble=trouble), thresholds=RULE.thresholds)
        return fitted.total.relative

    assert relative(0.0) < 0.25 < relative(0.2)


def test_images_of_a_group_are_held_out_together() -> None:
    truth, ranked = world(40, seed=0)
    groups = [str(number % 4) for number in range(40)]
    blank = [Boxes.empty() if group == "0" else t for t, group in zip(truth, groups, strict=True)]
    one, other = (means(labels, ranked, groups) for labels in (truth, blank))
    of_first = np.array(groups) == "0"
    assert one[of_first] == pytest.approx(other[of_first])
    assert (one[~of_first] != other[~of_first]).any()


def means(truth: Sequence[Boxes], ranked: Sequence[Boxes], groups: Sequence[str]) -> np.ndarray:
    hits = [
        calibrate.match_greedy(true, guess) >= 0 for true, guess in zip(truth, ranked, strict=True)
    ]
    candidates = calibrate._candidates(truth, ranked, hits, class_id=0, floor=0.0)
    return calibrate._fit_class(candidates, calibrate._folds(len(truth), groups)).mean


def test_candidates_reach_below_the_thresholds() -> None:
    calibration = fit_calibration(*world(60, seed=0), thresholds=(0.05,))
    assert calibration.minimum_score <= 0.05
    strict = fit_calibration(*world(60, seed=0), thresholds=(0.95,))
    assert strict.minimum_score < 0.5


def test_a_rare_class_is_left_open_and_so_is_the_total() -> None:
    truth, ranked = world(30, seed=0)
    calibration = fit_calibration(truth, ranked, thresholds=(0.5, 0.5))
    assert calibration.classes[0] is not None
    assert calibration.classes[1] is None
    assert calibration.total is None
    figures = measure_counts(truth, ranked, calibration, rule=CardRule((0.5, 0.5)))
    assert figures.total["count_coverage"].value is None
    assert figures.per_class[0]["count_coverage"].value is not None


def test_few_images_or_none_found_say_nothing() -> None:
    assert fit_calibration(*world(9, seed=0), thresholds=(0.5,)) is None
    truth, _ = world(20, seed=0)
    nothing = fit_calibration(truth, [Boxes.empty(scored=True)] * 20, thresholds=(0.5,))
    assert nothing.classes == (None,)
    assert nothing.total is None


def test_a_settled_card_is_plain_json(dot_bundle) -> None:
    card = open_bundle(dot_bundle).card.model_copy(update={"classes": ("cell",)})
    truth, ranked = world(30, seed=0)
    names = tuple(str(number) for number in range(30))
    found = LabelledPredictions(names, names, tuple(truth), tuple(ranked), ())
    settled = settle(card, found)
    assert 0.5 < settled.decoding.class_thresholds[0] < 0.9  # s^2 = 1/2 at 0.71
    assert len(settled.calibration.total.residuals) == 30
    again = type(card).model_validate_json(settled.model_dump_json())
    assert again == settled
    assert isinstance(again.calibration, Calibration)
