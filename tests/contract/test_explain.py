"""Every classifier of the table: the torch-free Grad-CAM is that of automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.export import export_network
from cellwright.bundles.graph_cut import CutGraph, cut_at_last_maps
from cellwright.bundles.graph_mean import mean_graph
from cellwright.bundles.zoo import ZOO
from cellwright.explain.grad_cam import GradCam, channel_weights
from cellwright.models import CLASSIFIERS
from cellwright.models.committee import Committee
from cellwright.models.crop_resnet import CropResNet

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


def test_networks_that_answer_together_are_explained_together() -> None:
    torch.manual_seed(0)
    members = [with_lively_norms(CropResNet(3, 2, width=8)) for _ in range(3)]
    alone = [cut_of(member) for member in members]
    together = cut_of(Committee(members).eval())
    image = torch.rand(1, 2, *CROP_PX).numpy()
    maps = together.trunk(image)
    apart = [one.trunk(image) for one in alone]
    np.testing.assert_allclose(maps, np.concatenate(apart, axis=1), rtol=1e-4, atol=1e-5)
    found = channel_weights(together.head, maps[0], 1)
    each = zip(alone, apart, strict=True)
    expected = [channel_weights(one.head, own[0], 1) / 3 for one, own in each]
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-2, atol=1e-5)
    assert together.layer.endswith("in each of 3")


def test_models_that_were_joined_are_explained_as_if_trained_together() -> None:
    torch.manual_seed(0)
    members = [with_lively_norms(CropResNet(3, 2, width=8)) for _ in range(2)]
    graphs = [
        export_network(one, channels=2, output_names=["logits"], size=CROP_PX) for one in members
    ]
    joined = cut_at_last_maps(mean_graph(graphs), output="logits")
    trained = cut_of(Committee(members).eval())
    maps = trained.trunk(torch.rand(1, 2, *CROP_PX).numpy())
    found, wanted = (channel_weights(one.head, maps[0], 1) for one in (joined, trained))
    np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-5)


def cut_of(network: nn.Module) -> CutGraph:
    return cut_at_last_maps(graph_of(network), output="logits")


def graph_of(network: nn.Module) -> bytes:
    return export_network(network, channels=2, output_names=["logits"], size=CROP_PX)


@pytest.mark.parametrize("name", sorted(ZOO))
def test_every_classifier_of_the_zoo_can_be_explained(name: str) -> None:
    bundle = open_bundle(name)
    if bundle.card.task != "classification":
        return
    channels = bundle.card.input.channels
    edge = max(bundle.card.classification.crop_px)
    y, x = np.mgrid[:edge, :edge] - edge / 2
    disc = np.where(np.hypot(x, y) < edge / 4, 3000, 300).astype(np.uint16)
    found = GradCam(bundle).explain(np.repeat(disc[None], channels, axis=0))
    assert np.isfinite(found.map).all()
    assert found.heat.shape == (edge, edge)
    assert found.class_name in bundle.card.classes
