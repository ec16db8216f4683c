from __future__ import annotations

import pytest
import torch

from cellwright.bundles.export import export_network
from cellwright.errors import ConfigError, ImageError
from cellwright.models.encoder_unet import EncoderUNet

RESIDUAL = {"encoder": "resnet10t", "encoder_settings": {"channels": (8, 8, 16, 16)}}
CONVNEXT = {
    "encoder": "convnext_atto",
    "encoder_settings": {"dims": (8, 8, 16, 16), "depths": (1, 1, 1, 1)},
}


def network(n_outputs=3, n_channels=1, **settings):
    torch.manual_seed(0)
    return EncoderUNet(n_outputs, n_channels, fine_width=4, **settings)


@pytest.mark.parametrize(("settings", "strides"), [(RESIDUAL, 2), (CONVNEXT, 4)])
def test_logits_are_as_large_as_the_image_and_the_export_agrees(settings, strides):
    built = network(**settings).eval()
    assert built.strides[0] == strides and built.multiple == 32
    with torch.no_grad():
        assert built(torch.zeros(2, 1, 64, 96)).shape == (2, 3, 64, 96)
    export_network(built, channels=1, output_names=["logits"], multiple=32)  # compares the two
    with pytest.raises(ImageError, match="multiple of 32"):
        built(torch.zeros(1, 1, 48, 64))


def test_the_image_itself_has_a_way_past_the_encoder():
    """Lines thinner than the first stride must not have to pass through it."""
    built = network(**CONVNEXT).eval()
    for weights in built.encoder.parameters():
        weights.data.zero_()
    line = torch.zeros(1, 1, 64, 64)
    line[..., 31] = 1
    with torch.no_grad():
        change = (built(line) - built(torch.zeros_like(line))).abs().amax(dim=(0, 1, 2))
    assert change[31] > 10 * change[:8].max()


@pytest.mark.parametrize("settings", [RESIDUAL, CONVNEXT])
def test_every_weight_learns(settings):
    built = network(n_channels=2, **settings)
    built(torch.rand(2, 2, 64, 64)).square().mean().backward()
    idle = [name for name, one in built.named_parameters() if one.grad is None]
    assert not idle


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"encoder": "resnet10"}, "no network called 'resnet10'"),
        ({"encoder": "vit_tiny_patch16_224"}, "strides of vit_tiny_patch16_224"),
        ({"fine_width": 0}, "0 fine channels"),
    ],
)
def test_what_is_no_encoder_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        EncoderUNet(2, 1, **settings)
