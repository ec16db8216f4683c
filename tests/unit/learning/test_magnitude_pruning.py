"""Zeros by the polynomial schedule: the shares by hand, the smallest weights, exact counts."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from cellwright.learning.compression_config import MagnitudePruning
from cellwright.learning.magnitude_pruning import (
    MagnitudePruner,
    is_cut,
    smallest_out,
    sparsity_at,
)


def test_the_schedule_by_hand():
    plan = MagnitudePruning(initial=0.5, final=0.9, every_steps=100, begin=0.1, end=0.5)
    # From step 100 to 500 of 1,000; s_t = 0.9 - 0.4 (1 - (t - 100) / 400)^3
    expected = {0: 0.5, 100: 0.5, 200: 0.73125, 300: 0.85, 400: 0.89375, 500: 0.9, 1000: 0.9}
    assert {t: sparsity_at(t, 1000, plan) for t in expected} == pytest.approx(expected)


def test_cuts_come_every_so_many_steps_and_at_the_end():
    plan = MagnitudePruning(every_steps=100, begin=0.1, end=0.45)
    assert [t for t in range(1000) if is_cut(t, 1000, plan)] == [100, 200, 300, 400, 450]
    # A training that is shorter than the gap is cut twice: at its begin and at its end.
    assert [t for t in range(9) if is_cut(t, 8, MagnitudePruning())] == [0, 6]


def test_the_smallest_go_exactly_as_many_as_asked():
    weight = torch.tensor([[-3.0, 0.5], [0.5, -0.1], [2.0, 0.5]])
    assert smallest_out(weight, 0.5).sum() == 3
    assert not smallest_out(weight, 1 / 6)[1, 1]
    assert smallest_out(weight, 0.0).all()


def test_masks_survive_a_restart():
    first, second = MagnitudePruner(MagnitudePruning()), MagnitudePruner(MagnitudePruning())
    first.load_state_dict({"masks": {"w": torch.tensor([True, False])}})
    second.load_state_dict(first.state_dict())
    assert second.state_dict()["masks"]["w"].tolist() == [True, False]


@pytest.mark.parametrize("wrong", [{"initial": 0.9, "final": 0.5}, {"begin": 0.8, "end": 0.5}])
def test_a_schedule_that_does_not_rise_is_refused(wrong):
    with pytest.raises(ValidationError, match="raise them"):
        MagnitudePruning(**wrong)
