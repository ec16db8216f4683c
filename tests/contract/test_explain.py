"""Every classifier of the table: the torch-free Grad-CAM is that of automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cellwright.bundles.export import export_network
from cellwright.bundles.graph_cut import cut_at_last_maps
from cellwright.explain.grad_cam import channel_weights
from cellwright.models import CLASSIFIERS

CROP_PX = (66, 66)


def kept_maps(network: nn.Module, size: tuple[int, ...]) -> list[Tensor]:
    """A list that the next pass fills with all outputs of ``size``, in the order they come."""
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor | None:
        if not isinstance(output, Tensor) or tuple(output.shape) != size:
            return None
        output.retain_grad()
        kept.append(output)
        return output.clone()  # so that a later layer cannot change it in place

    for module in network.modules():
        if not isinstance(module, nn.Sequential):
            module.register_forward_hook(keep)
    return kept


def with_lively_norms(network: nn.Module) -> nn.Module:
    """Batch normalisation as after a training, not as it begins."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return network.eval()


@pytest.mark.parametrize("name", sorted(CLASSIFIERS))
def test_the_weights_are_those_of_automatic_differentiation(name: str) -> None:
    torch.manual_seed(0)
    network = with_lively_norms(CLASSIFIERS[name](3, 2, crop_px=CROP_PX))
    graph = export_network(network, channels=2, output_names=["logits"], size=CROP_PX)
    cut = cut_at_last_maps(graph, output="logits")
    image = torch.rand(1, 2, *CROP_PX)
    maps = cut.trunk(image.numpy())
    logits = network(image)
    np.testing.assert_allclose(cut.head(maps), logits.detach().numpy(), rtol=1e-4, atol=1e-4)

    kept = kept_maps(network, maps.shape)
    network(image)[0, 1].backward()
    same = [one for one in kept if np.allclose(one.detach().numpy(), maps, rtol=1e-3, atol=1e-3)]
    assert same, f"{cut.layer} is the output of no layer of {name}"
    expected = same[-1].grad.mean(dim=(0, 2, 3)).numpy()
    found = channel_weights(cut.head, maps[0], 1)
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()
    assert min(maps.shape[2:]) > 1
