from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from cellwright.errors import ConfigError
from cellwright.models.vgg import VGG


@pytest.mark.parametrize("architecture", ["vgg16", "vgg16_bn"])
def test_the_maps_are_those_of_torchvision(architecture):
    torch.manual_seed(0)
    with torch.device("meta"):
        theirs = torchvision.models.get_model(architecture).features
    theirs = theirs.to_empty(device="cpu")
    ours = VGG(3, architecture=architecture).eval()
    theirs.load_state_dict(ours.features.state_dict())
    crops = torch.rand(1, 3, 64, 48)
    with torch.no_grad():
        assert torch.equal(ours.features(crops), theirs.eval()(crops))


def test_thirteen_convolutions_and_two_dense_layers():
    kinds = [type(layer) for layer in VGG(4, crop_px=(64, 64)).modules()]
    assert (kinds.count(nn.Conv2d), kinds.count(nn.Linear)) == (13, 2)


def test_what_cannot_be_built_is_said():
    with pytest.raises(ConfigError, match="vgg16, vgg16_bn"):
        VGG(4, architecture="vgg19000")
    with pytest.raises(ConfigError, match="too small"):
        VGG(4, crop_px=(31, 224))
