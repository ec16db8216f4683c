"""Every network of the table: built from classes and channels, runs on odd sizes, learns."""

import pytest
import torch

from cellwright.models import MODELS


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("name", sorted(MODELS))
def test_builds_runs_and_has_a_gradient_everywhere(name, n_channels):
    torch.manual_seed(0)
    network = MODELS[name](2, n_channels)
    outputs = network(torch.rand(2, n_channels, 64, 96))
    assert all(len(output) == 2 and torch.isfinite(output).all() for output in outputs)
    sum(output.square().sum() for output in outputs).backward()
    without = [key for key, weight in network.named_parameters() if weight.grad is None]
    assert not without
