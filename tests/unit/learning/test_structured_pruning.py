"""A narrower network: equal where only dead channels go, consistent, ready to be trained again."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cellwright.errors import ConfigError
from cellwright.learning.graph_input import GraphInput
from cellwright.learning.structured_pruning import narrowed, narrowed_like
from cellwright.models.crop_resnet import CropResNet
from cellwright.models.se_unet import SupervisedSEUNet
from cellwright.models.unet import UNet
from disc_unet import teach


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


def unet_input(channels: int = 1) -> torch.Tensor:
    return GraphInput(channels, multiple=8).example()


def test_dead_channels_go_and_nothing_else_changes():
    network = with_dead_channels((16, 32, 48))
    small = narrowed(network, unet_input(), keep=0.5).eval()
    assert [block[3].out_channels for block in small.down] == [8, 16, 24]
    picture = torch.rand((2, 1, 16, 24), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(small(picture), network(picture), atol=1e-5)


def test_a_narrow_unet_is_an_ordinary_one():
    small = narrowed(UNet(1, 1, base_width=16, levels=3), unet_input(), keep=0.5)
    twin = UNet(1, 1, widths=(8, 16, 32))
    twin.load_state_dict(small.state_dict())


def test_shapes_alone_rebuild_a_narrow_network():
    torch.manual_seed(0)
    small = narrowed(CropResNet(3, 2, width=32), torch.rand(2, 2, 32, 32), keep=0.5).eval()
    shapes = {name: tuple(value.shape) for name, value in small.state_dict().items()}
    twin = narrowed_like(CropResNet(3, 2, width=32), torch.rand(2, 2, 32, 32), shapes).eval()
    twin.load_state_dict(small.state_dict())
    crop = torch.rand(1, 2, 24, 24)
    with torch.no_grad():
        assert torch.equal(twin(crop), small(crop))
    with pytest.raises(ConfigError, match=r"pruned bundle has .* channels in layer"):
        narrowed_like(CropResNet(3, 2, width=8), torch.rand(2, 2, 32, 32), shapes)


def test_layers_that_are_added_up_lose_the_same_channels():
    """Both ways of a block write into the sum; what counts is what they bring together."""
    network = CropResNet(2, 1, width=16, blocks=(1,)).eval()
    block = network.features[3]
    with torch.no_grad():
        for weight in (network.features[0].weight, block.body[3].weight):
            weight.zero_()
        network.features[0].weight[:8] = 1.0  # strong on the way around: channels 0 to 7
        block.body[3].weight[8:] = 0.01  # weak in the block: channels 8 to 15
    small = narrowed(network, torch.rand(2, 1, 16, 16), keep=0.5)
    assert bool((small.features[0].weight == 1.0).all())
    assert small.features[3].body[3].weight.shape[:2] == (8, 8)


def test_what_only_training_asks_is_narrowed_too():
    network = SupervisedSEUNet(2, 1, base_width=16, levels=2)
    small = narrowed(network, unet_input(), keep=0.5).train()
    assert small.deep_head.in_channels == 16
    assert small(unet_input()).deep.shape == (2, 2, 16, 16)


def test_narrow_layers_stay():
    small = narrowed(UNet(1, 1, widths=(8, 32)), unet_input(), keep=0.1)
    assert [block[3].out_channels for block in small.down] == [8, 8]
    with pytest.raises(ConfigError, match="no channels that could go"):
        narrowed(UNet(1, 1, widths=(4, 8)), unet_input(), keep=0.5)


def test_the_norm_decides_with_the_filter():
    """A large filter that its norm makes small goes before a small one that it makes large."""
    network = UNet(1, 1, widths=(16, 16)).eval()
    convolution, norm = network.down[0][0], network.down[0][1]
    with torch.no_grad():
        sizes = torch.arange(16, 0, -1.0).reshape(16, 1, 1, 1)
        convolution.weight.copy_(sizes.expand(16, 1, 3, 3))
        norm.weight.copy_(torch.tensor([0.01] * 8 + [1.0] * 8))
    small = narrowed(network, unet_input(), keep=0.5)
    assert small.down[0][0].weight[:, 0, 0, 0].tolist() == [8.0, 7, 6, 5, 4, 3, 2, 1]


def test_what_was_learned_survives_and_comes_back():
    torch.manual_seed(0)
    network = UNet(1, 1, base_width=16, levels=3)
    teach(network, "semantic", steps=40)
    small = narrowed(network, unet_input(), keep=0.5)
    chance = UNet(1, 1, widths=(8, 16, 32))
    again, anew = (teach(one, "semantic", steps=6) for one in (small, chance))
    assert again[-1] < 0.8 * anew[-1]


def test_a_network_without_channels_inside_is_refused():
    with pytest.raises(ConfigError, match="no channels that could go"):
        narrowed(nn.Conv2d(3, 32, 3), torch.rand(1, 3, 8, 8), keep=0.5)


def test_a_network_that_cannot_be_followed_is_refused():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(1, 32, 1), nn.Conv2d(32, 1, 1)

        def forward(self, x):
            maps = self.first(x)
            return self.last(maps * torch.ones(32, 1, 1))[:, :, : maps.shape[1]]

    with pytest.raises(ConfigError, match=r"share their channels cannot be found out.*magnitude"):
        narrowed(Odd(), torch.rand(1, 1, 40, 8), keep=0.5)
