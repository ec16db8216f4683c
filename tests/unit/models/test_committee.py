from __future__ import annotations

import pytest
import torch
from torch import nn

from cellwright.errors import ConfigError
from cellwright.models.committee import Committee


def test_it_answers_with_the_mean_of_its_members():
    torch.manual_seed(0)
    members = [nn.Sequential(nn.Flatten(), nn.Linear(4, 3)) for _ in range(3)]
    crops = torch.rand(2, 1, 2, 2)
    wanted = sum(member(crops) for member in members) / 3
    torch.testing.assert_close(Committee(members)(crops), wanted)


def test_it_has_members():
    with pytest.raises(ConfigError):
        Committee([])
