from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cellwright.bundles.export import export_network
from cellwright.bundles.sessions import open_session
from cellwright.errors import ConfigError
from cellwright.models import CLASSIFIERS
from cellwright.models.crop_resnet import CropResNet
from cellwright.models.phase_cnn import PhaseCNN


def test_the_papers_net_has_the_papers_layers():
    """66 px: 57 after 10 x 10, 28 pooled, 24 after 5 x 5, 12 pooled; counted by hand."""
    network = PhaseCNN(7, 3)
    assert network.grid == (12, 12)
    convolutions = 64 * (3 * 100 + 1) + 32 * (64 * 25 + 1)
    dense = (32 * 144 + 1) * 32 + (32 + 1) * 16 + (16 + 1) * 7
    assert sum(weight.numel() for weight in network.parameters()) == convolutions + dense
    kinds = [type(layer) for layer in (*network.features, *network.dense)]
    assert kinds.count(nn.MaxPool2d) == 2
    assert kinds.index(nn.Dropout) == 8


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
@pytest.mark.parametrize("crop_px", [(40, 40), (33, 48)])
def test_a_classifier_ships_at_its_own_size(name, crop_px):
    torch.manual_seed(0)
    network = CLASSIFIERS[name](5, 2, crop_px=crop_px).eval()
    graph = export_network(network, channels=2, output_names=["logits"], size=crop_px)
    crops = torch.rand(3, 2, *crop_px)
    found = open_session(graph, runtime="openvino").run(crops.numpy())["logits"]
    with torch.no_grad():
        np.testing.assert_allclose(found, network(crops).numpy(), atol=1e-4)


def test_what_cannot_be_built_is_said():
    with pytest.raises(ConfigError, match="too small"):
        PhaseCNN(7, 3, crop_px=(19, 40))
    with pytest.raises(ConfigError, match="residual"):
        CropResNet(7, 3, blocks=())
    with pytest.raises(ConfigError, match="a width of 8"):
        CropResNet(7, 3, width=4)
    with pytest.raises(ConfigError, match="no ResNet"):
        CLASSIFIERS["timm-resnet"](7, 3, architecture="resnet_of_mine")
    with pytest.raises(ConfigError, match="no such file"):
        CLASSIFIERS["timm-resnet"](7, 3, weights="/nowhere/a.safetensors")


def test_a_standardised_crop_is_the_same_under_another_lamp():
    torch.manual_seed(0)
    network = CropResNet(3, 3, width=8, entry="standardised").eval()
    crops = torch.rand(2, 3, 24, 24)
    gains = torch.tensor([0.5, 0.8, 0.3]).reshape(3, 1, 1)
    plain = CropResNet(3, 3, width=8).eval()
    plain.load_state_dict(network.state_dict())
    with torch.no_grad():
        moved, by_lamp = (
            (one(crops * gains + 0.1) - one(crops)).abs().max() for one in (network, plain)
        )
        assert moved < 2e-3
        assert by_lamp > 10 * moved
        assert torch.isfinite(network(torch.zeros(1, 3, 24, 24))).all()


def test_an_unknown_entry_is_refused():
    with pytest.raises(ConfigError, match="centred, standardised"):
        CropResNet(3, 3, entry="back door")
