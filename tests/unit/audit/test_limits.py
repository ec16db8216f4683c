from __future__ import annotations

import pytest

from cellwright.audit.limits import learn_limits


def test_a_class_is_confident_from_the_mean_of_its_labels() -> None:
    limits = learn_limits([(0, 0.9), (0, 0.5), (1, 1.0)], [0.1, 0.3], 2)
    assert limits.cell == pytest.approx((0.7, 1.0))
    assert limits.none == pytest.approx(0.2)


def test_a_class_without_labels_takes_the_mean_of_all() -> None:
    assert learn_limits([(0, 0.9), (0, 0.5)], [], 2).cell == pytest.approx((0.7, 0.7))


def test_no_cell_is_never_surer_than_a_cell() -> None:
    assert learn_limits([(0, 0.2)], [0.6], 1).none == pytest.approx(0.2)


def test_a_given_confidence_replaces_what_was_learned() -> None:
    assert learn_limits([(0, 0.2)], [], 2, confidence=0.6).cell == (0.6, 0.6)


def test_of_nothing_only_the_card_decides() -> None:
    limits = learn_limits([], [], 1)
    assert (limits.cell, limits.none) == ((0.0,), 0.0)
