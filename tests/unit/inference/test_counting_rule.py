from dataclasses import replace

import numpy as np
import pytest

from cellwright.images.tiles import Tile
from cellwright.inference.counting_rule import CardRule, choose_thresholds
from cellwright.inference.stitch import merge
from cellwright.metrics.detection import best_threshold, evaluate_detection
from cellwright.metrics.intervals import Resampling
from cellwright.types import Boxes

HERE, THERE = [0, 0, 10, 10], [40, 40, 50, 50]


def one_cell_twice() -> Boxes:
    """A live cell that is also held for dead, and a dead cell elsewhere."""
    return Boxes([HERE, HERE, THERE], [0, 1, 1], [0.6, 0.5, 0.4])


def test_a_cell_of_one_class_counts_once():
    rule = CardRule((0.3, 0.3), "across_classes")
    assert rule(one_cell_twice()).scores.tolist() == pytest.approx([0.6, 0.4])
    assert len(replace(rule, scope="per_class")(one_cell_twice())) == 3


def test_a_box_that_does_not_count_displaces_none():
    rule = CardRule((0.7, 0.3), "across_classes")
    assert rule(one_cell_twice()).class_ids.tolist() == [1, 1]


def test_boxes_that_barely_touch_are_two_cells():
    beside = Boxes([HERE, [9, 0, 19, 10]], [0, 1], [0.9, 0.8])
    assert len(CardRule((0.3, 0.3), "across_classes")(beside)) == 2


def scene(seed: int) -> tuple[list[Boxes], list[Boxes]]:
    """Truth and ranked lists in which each place has a guess of either class."""
    rng = np.random.default_rng(seed)
    truth, guesses = [], []
    for _ in range(6):
        places = np.arange(12)[:, None] * 20 + np.array([0, 0, 10, 10])
        true_class = rng.integers(0, 2, 12)
        is_cell = rng.random(12) < 0.7
        truth.append(Boxes(places[is_cell], true_class[is_cell]))
        right = np.where(is_cell, rng.beta(4, 2, 12), rng.beta(2, 4, 12))
        wrong = rng.beta(2, 4, 12)
        classes = np.concatenate([true_class, 1 - true_class])
        guesses.append(Boxes(np.tile(places, (2, 1)), classes, np.concatenate([right, wrong])))
    return truth, guesses


@pytest.mark.parametrize("seed", range(3))
def test_no_other_threshold_of_a_class_gives_a_better_f1(seed):
    truth, guesses = scene(seed)
    rule = CardRule((0.0, 0.0), "across_classes")
    chosen = choose_thresholds(truth, guesses, "ab", rule)

    def f1(thresholds: tuple[float, ...]) -> list[float]:
        report = evaluate_detection(
            truth,
            guesses,
            "ab",
            score_threshold=replace(rule, thresholds=thresholds),
            resampling=Resampling(n=0),
        )
        return [report.counts[name].f1 for name in "ab"]

    best = f1(chosen)
    for other in np.linspace(0.02, 0.98, 49):
        assert f1((other, chosen[1]))[0] <= best[0] + 1e-12
        assert f1((chosen[0], other))[1] <= best[1] + 1e-12


def test_classes_that_may_share_a_cell_are_chosen_apart():
    truth, guesses = scene(0)
    assert choose_thresholds(truth, guesses, "ab", CardRule((), "per_class")) == best_threshold(
        truth, guesses, "ab"
    )


def test_the_ranking_is_judged_whole_and_the_count_by_the_rule():
    truth = [Boxes([HERE], [1])]
    predicted = [Boxes([HERE, HERE], [0, 1], [0.6, 0.5])]
    rule = CardRule((0.3, 0.3), "across_classes")
    report = evaluate_detection(
        truth, predicted, "ab", score_threshold=rule, resampling=Resampling(n=0)
    )
    assert report.per_class["b"]["ap50"].value == pytest.approx(1.0)
    assert (report.counts["b"].tp, report.counts["b"].fn, report.counts["a"].fp) == (0, 1, 1)
    assert report.metrics["count_bias"].value == 0
    assert report.settings["score_threshold"] == {"a": 0.3, "b": 0.3}


def tiles() -> tuple[Tile, Tile]:
    """Two tiles of 100 pixels that share 40; the cores meet at 80."""
    return (
        Tile(y0=0, x0=0, y1=100, x1=100, core_y0=0, core_x0=0, core_y1=100, core_x1=80),
        Tile(y0=0, x0=60, y1=100, x1=160, core_y0=0, core_x0=80, core_y1=100, core_x1=160),
    )


@pytest.mark.parametrize(("whole_score", "n_left"), [(0.4, 1), (0.2, 2)])
def test_a_piece_goes_for_a_whole_cell_of_another_class_if_that_counts(
    dot_decoding, whole_score, n_left
):
    left, right = tiles()
    piece = Boxes([[78, 20, 100, 60]], [1], [0.9])
    whole = Boxes([[78, 20, 118, 60]], [0], [whole_score])
    parts = [(left, piece), (right, whole)]
    scope = {"nms_scope": "across_classes", "class_thresholds": (0.3, 0.3)}
    one_class = dot_decoding.model_copy(update=scope)
    assert len(merge(parts, one_class, margin=5.0)) == n_left
    assert len(merge(parts, dot_decoding, margin=5.0)) == 2


def test_a_tile_seam_keeps_the_hypotheses_of_every_class(dot_decoding):
    left, right = tiles()
    seen = Boxes([[75, 20, 85, 30], [75, 20, 85, 30]], [0, 1], [0.8, 0.3])
    decoding = dot_decoding.model_copy(update={"nms_scope": "across_classes"})
    found = merge([(left, seen), (right, seen)], decoding, margin=5.0)
    assert sorted(zip(found.class_ids.tolist(), found.scores.round(2).tolist(), strict=True)) == [
        (0, pytest.approx(0.8)),
        (1, pytest.approx(0.3)),
    ]
