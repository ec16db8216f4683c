"""Optimizers and schedules: paper 2's figures, what is refused, one step against PyTorch."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from cellwright.errors import ConfigError, UnknownNameError
from cellwright.learning.optimizers import OPTIMIZERS, check_rule, make_optimizer, make_rule
from cellwright.learning.schedules import SCHEDULES, Plan, paper2

PLAN = Plan(steps=100, warmup=5, final_fraction=0.01)


def test_paper_2s_rate_is_held_40_epochs_and_ends_at_its_last_value():
    rates = [1e-4 * paper2(epoch, 100) for epoch in range(101)]
    assert rates[:41] == pytest.approx([1e-4] * 41)
    assert rates[100] == pytest.approx(1e-7)
    falls = [after / before for before, after in pairwise(rates[40:])]
    assert falls == pytest.approx([10 ** (-3 / 60)] * 60)


def test_other_schedules_begin_and_end_where_they_say():
    cosine = [SCHEDULES["warmup-cosine"](step, PLAN) for step in range(101)]
    assert cosine[0] == pytest.approx(1 / 6)
    assert max(cosine) == cosine[5] == 1
    assert cosine[100] == pytest.approx(0.01)
    assert all(a >= b for a, b in pairwise(cosine[5:]))
    constant = [SCHEDULES["constant"](step, PLAN) for step in range(101)]
    assert constant[0] == pytest.approx(1 / 6)
    assert constant[5:] == [1.0] * 96


def test_one_step_of_each_paper_optimizer_by_hand():
    """From zero state, gradient 2, rate 0.1: what the papers' first step is."""
    gradient, rate = 2.0, 0.1
    expected = {
        "adam": rate,  # the corrected moments are g and g squared
        "adamw": rate,
        "adagrad": rate,  # the sum holds g squared
        "rmsprop": rate * gradient / (0.1 * gradient**2) ** 0.5,  # mean square 0.1 g squared
    }
    for name, step in expected.items():
        layer = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(layer.weight, 1.0)
        optimizer = make_optimizer(name, layer, learning_rate=rate, weight_decay=0.0)
        (layer.weight * gradient).sum().backward()
        optimizer.step()
        assert layer.weight.item() == pytest.approx(1 - step, abs=1e-5), name


def test_only_convolutions_decay():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    optimizer = make_optimizer("adamw", network, learning_rate=1e-3, weight_decay=0.02)
    decays = {group["weight_decay"]: len(group["params"]) for group in optimizer.param_groups}
    assert decays == {0.02: 1, 0.0: 3}


def test_a_rule_moves_the_rate():
    optimizer = make_optimizer("adam", nn.Conv2d(1, 1, 1), learning_rate=1e-4, weight_decay=0)
    rule = make_rule("paper2", optimizer, PLAN)
    for _ in range(100):
        optimizer.step()
        rule.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([1e-7] * 2)


def test_what_cannot_train_is_refused():
    with pytest.raises(UnknownNameError, match="rmsprop"):
        check_rule("rmspro", "constant", weight_decay=0)
    with pytest.raises(UnknownNameError, match="paper2"):
        check_rule("adam", "paper", weight_decay=0)
    with pytest.raises(ConfigError, match="weight_decay to 0"):
        check_rule("adam", "paper2", weight_decay=0.02)
    for name in OPTIMIZERS:
        check_rule(name, "paper2", weight_decay=0)
    check_rule("adamw", "paper2", weight_decay=0.02)
    with pytest.raises(UnknownNameError):
        make_optimizer("sgdd", nn.Conv2d(1, 1, 1), learning_rate=1, weight_decay=0)
    with pytest.raises(UnknownNameError):
        make_rule("cosine", torch.optim.SGD(nn.Conv2d(1, 1, 1).parameters(), lr=1), PLAN)
