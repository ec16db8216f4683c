from __future__ import annotations

import pytest
import torch
from torch import nn

from cellwright.errors import ConfigError
from cellwright.learning.class_config import Transfer
from cellwright.learning.freezing import blocks, freeze
from cellwright.models import CLASSIFIERS
from cellwright.models.crop_resnet import Block, CropResNet


def test_blocks_are_convolutions_and_residual_blocks_and_no_class_layer():
    kinds = [type(block) for block in blocks(CropResNet(4, 3))]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, Block, Block, Block]
    # A ResNet50 has a stem of two and 16 residual blocks, a VGG16 thirteen convolutions.
    assert len(blocks(CLASSIFIERS["timm-resnet"](4, 3, architecture="resnet50"))) == 18
    assert len(blocks(CLASSIFIERS["vgg"](4, 3))) == 13


def test_frozen_layers_do_not_move_and_the_others_do():
    torch.manual_seed(0)
    network = CropResNet(2, 3, width=8).train()
    freeze(network, learning=1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    network(torch.rand(4, 3, 16, 16)).square().sum().backward()
    optimizer.step()
    moved = {
        name for name, value in network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert {name.split(".")[0] for name in moved} == {"features", "head"}
    assert {name.rsplit(".", 3)[0][:10] for name in moved if "features" in name} == {"features.5"}


def test_all_learn_again():
    network = CropResNet(2, 3, width=8).train()
    freeze(network, learning=0)
    assert [name for name, weight in network.named_parameters() if weight.requires_grad] == [
        "head.weight",
        "head.bias",
    ]
    network.train()
    freeze(network, learning=None)
    assert all(weight.requires_grad for weight in network.parameters())
    assert all(module.training for module in network.modules())


def test_more_blocks_than_there_are_is_refused():
    with pytest.raises(ConfigError, match="has 5"):
        freeze(CropResNet(2, 3), learning=6)


def test_first_the_class_layers_then_the_last_blocks():
    transfer = Transfer(frozen_epochs=2, last_blocks=3)
    assert [transfer.learning_in(epoch) for epoch in range(4)] == [0, 0, 3, 3]
