"""A narrower U-Net: equal where only dead channels go, consistent, ready to be trained again."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cellwright.errors import ConfigError
from cellwright.learning.structured_pruning import narrowed
from cellwright.models.unet import UNet
from disc_unet import learned_unet, teach


def with_dead_channels(widths):
    """A U-Net of which every other filter is zero, batch norm and all."""
    torch.manual_seed(1)
    network = UNet(2, 1, widths=widths)
    generator = torch.Generator().manual_seed(2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.uniform_(-0.2, 0.2, generator=generator)
                for value in (module.weight, module.bias, module.running_mean):
                    value[1::2] = 0
        if isinstance(module, nn.Conv2d) and module is not network.head:
            with torch.no_grad():
                module.weight[1::2] = 0
                if module.bias is not None:
                    module.bias[1::2] = 0
    return network.eval()


def test_dead_channels_go_and_nothing_else_changes():
    network = with_dead_channels((4, 8, 12))
    small = narrowed(network, 0.5).eval()
    assert small.widths == (2, 4, 6)
    picture = torch.rand((2, 1, 16, 24), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(small(picture), network(picture), atol=1e-5)


def test_a_narrow_network_is_an_ordinary_one():
    small = narrowed(learned_unet("semantic", steps=3), 0.5)
    twin = UNet(1, 1, widths=small.widths)
    twin.load_state_dict(small.state_dict())
    assert twin.widths == (4, 8, 16)


def test_the_norm_decides_with_the_filter():
    """A large filter that its norm makes small goes before a small one that it makes large."""
    network = UNet(1, 1, widths=(4, 4)).eval()
    convolution, norm = network.down[0][0], network.down[0][1]
    with torch.no_grad():
        convolution.weight.copy_(
            torch.tensor([4.0, 3, 2, 1]).reshape(4, 1, 1, 1).expand(4, 1, 3, 3)
        )
        norm.weight.copy_(torch.tensor([0.1, 0.1, 1.0, 1.0]))
    kept = narrowed(network, 0.5).down[0][0].weight[:, 0, 0, 0]
    assert kept.tolist() == [2.0, 1.0]


def test_what_was_learned_survives_and_comes_back():
    network = learned_unet("semantic")
    small = narrowed(network, 0.5)
    chance = UNet(1, 1, widths=small.widths)
    again, anew = (teach(one, "semantic", steps=6) for one in (small, chance))
    assert again[-1] < 0.8 * anew[-1]


def test_other_networks_are_refused():
    with pytest.raises(ConfigError, match=r"Linear cannot be pruned yet.*magnitude"):
        narrowed(nn.Linear(3, 3), 0.5)
