"""Weights that are no numbers are refused by what they are, not by what stumbles over them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cellwright.errors import ConfigError
from cellwright.learning.divergence import refuse_diverged


@pytest.mark.parametrize("name", ["0.weight", "1.running_var"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_value_is_enough(name: str, value: float) -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    refuse_diverged(network)
    network.state_dict()[name].view(-1)[0] = value
    with pytest.raises(ConfigError, match=r"diverged: 1 of its 6 tensors.*warmup_epochs"):
        refuse_diverged(network)


def test_a_range_that_was_never_seen_is_no_weight() -> None:
    network = nn.Linear(3, 4)
    network.register_buffer("smallest", torch.tensor(float("inf")))
    refuse_diverged(network)
    assert network.smallest.isinf()
