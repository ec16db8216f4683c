"""Results have the same names in every pass, whatever a training does beside."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cellwright.learning.function_calls import INPUT, run_named


class Adds(nn.Module):
    """Two layers, an addition in place, a dropout, and something that only training does."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1)
        self.act, self.drop = nn.ReLU(inplace=True), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.act(self.first(x))
        if self.training:
            maps = maps * 2.0
        out = self.second(maps)
        out += maps
        return self.drop(out) + 1.0


def names_of(network: nn.Module, x: Tensor) -> list[str]:
    names: list[str] = []

    def note(name: str, result: Tensor) -> Tensor:
        names.append(name)
        return result

    run_named(network, x, note)
    return names


def test_names_say_who_called_what_and_training_moves_none():
    network = Adds()
    used = names_of(network.eval(), torch.rand(1, 1, 4, 4))
    assert used[:4] == [INPUT, "first:conv2d:0", "act:relu:0", "second:conv2d:0"]
    assert len(used) == 6  # the dropout gives back what it was given, so it has no result
    assert used[4].startswith(":")
    assert used == names_of(network, torch.rand(1, 1, 4, 4))
    assert set(used) < set(names_of(network.train(), torch.rand(1, 1, 4, 4)))


def test_a_result_is_replaced_for_all_that_follows():
    network = Adds().eval()
    x = torch.rand(1, 1, 4, 4)

    def silence(name: str, result: Tensor) -> Tensor:
        return torch.zeros_like(result) if name == "second:conv2d:0" else result

    with torch.no_grad():
        expected = network.act(network.first(x)) + 1.0
        assert torch.equal(run_named(network, x, silence), expected)
        assert not torch.equal(network(x), expected)
