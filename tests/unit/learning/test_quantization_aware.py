"""Training in 8 bits: what is simulated is what the integer graph computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cellwright.bundles.onnx_graph import OnnxGraph, constant_values
from cellwright.bundles.sessions import open_session
from cellwright.errors import BundleError, ConfigError
from cellwright.learning.graph_input import GraphInput
from cellwright.learning.quantization_aware import (
    AwareNetwork,
    OnGrid,
    Rounding,
    int8_graph,
    together,
)
from cellwright.models.crop_resnet import CropResNet
from cellwright.models.unet import UNet
from disc_unet import SETTINGS, disc_batch, teach
from processor import exact_int8_runtimes

FED = GraphInput(1, multiple=4)


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    network = AwareNetwork(UNet(1, 1, **SETTINGS), FED)
    losses = teach(network, "semantic", steps=40)
    assert losses[-1] < 0.5 * losses[0]
    return network.eval()


@pytest.fixture(scope="module")
def graph(trained):
    return int8_graph(trained, "logits")


def test_weights_keep_at_most_255_values_a_channel_and_rounding_twice_is_rounding_once():
    weight = torch.randn((3, 8, 5, 5), generator=torch.Generator().manual_seed(0))
    rounded = OnGrid()(weight)
    step = weight.abs().amax(dim=(1, 2, 3), keepdim=True) / 127
    assert ((rounded - weight).abs() <= step / 2 + 1e-7).all()
    assert torch.allclose(rounded / step, (rounded / step).round(), atol=1e-4)
    assert torch.allclose(OnGrid()(rounded), rounded, atol=1e-6)


def test_the_gradient_passes_through():
    weight = torch.randn((2, 3, 3, 3), requires_grad=True)
    OnGrid()(weight).sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))


def test_a_range_follows_the_training_and_then_stays():
    rounding = Rounding().train()
    rounding(torch.tensor([-1.0, 3.0]))
    assert rounding.span.tolist() == [-1.0, 3.0]
    rounding(torch.tensor([0.5, 5.0]))
    assert rounding.span.tolist() == pytest.approx([-0.9, 3.2])
    rounding.follows = False
    clipped = rounding(torch.tensor([100.0, -100.0]))
    assert rounding.span.tolist() == pytest.approx([-0.9, 3.2])
    step = 4.1 / 255
    assert clipped.tolist() == pytest.approx([3.2, -0.9], abs=step)
    rounding.eval()
    rounding.follows = True
    rounding(torch.tensor([50.0]))
    assert rounding.span.tolist() == pytest.approx([-0.9, 3.2])


def test_the_integer_graph_says_what_the_training_saw(trained, graph):
    images = disc_batch("semantic").images
    with torch.no_grad():
        expected = trained(images).numpy()
    for runtime in exact_int8_runtimes():
        found = open_session(graph, runtime=runtime, threads=1).run(images.numpy())["logits"]
        # A value in the middle between two steps may fall to either side; nothing else differs.
        assert np.abs(found - expected).mean() < 0.01 * expected.std(), runtime
        assert ((found > 0) == (expected > 0)).mean() > 0.999, runtime


def test_the_integers_are_those_of_the_training(trained, graph):
    """Folding the batch norm changes a channel's scale, and none of its integers but the sign."""
    parsed = OnnxGraph(graph)
    stored = sorted(
        (
            np.abs(constant_values(parsed.weight(node.input[1])).astype(int))
            for node in parsed.nodes
            if node.op_type == "Conv" and node.output[0] != "logits"
        ),
        key=lambda array: (array.shape, array.sum()),
    )
    plain = trained.plain()
    weights = [
        module.weight.detach()
        for name, module in plain.named_modules()
        if isinstance(module, nn.Conv2d) and name != "head"
    ]
    steps = (weight.abs().amax(dim=(1, 2, 3), keepdim=True) / 127 for weight in weights)
    learned = sorted(
        (
            (weight / step).round().abs().int().numpy()
            for weight, step in zip(weights, steps, strict=True)
        ),
        key=lambda array: (array.shape, array.sum()),
    )
    assert len(stored) == len(learned)
    for ours, theirs in zip(stored, learned, strict=True):
        assert np.array_equal(ours, theirs)


def test_a_network_that_saw_nothing_is_not_exported():
    with pytest.raises(BundleError, match="never seen in training"):
        int8_graph(AwareNetwork(UNet(1, 1, **SETTINGS), FED).eval(), "logits")


def test_roundings_stand_where_the_integer_graph_has_them(trained, graph):
    """At the input, behind each rectification, before each enlargement, where a skip joins."""
    names = set(trained.ranges())
    assert ":sub:0" in names
    assert {"down.0.2:relu:0", "up.0.halve:conv2d:0", "up.0:cat:0"} <= names
    assert not any("batch_norm" in name or name.startswith("head") for name in names)


def test_a_committee_keeps_the_integers_of_its_members():
    torch.manual_seed(0)
    fed = GraphInput(1, size=(32, 32))
    members = [AwareNetwork(CropResNet(2, 1, width=8), fed).train() for _ in range(2)]
    crops = torch.rand(4, 1, 32, 32)
    for member in members:
        member(crops)
    whole = together([member.eval() for member in members])
    for number, member in enumerate(members):
        state = whole.plain().members[number].state_dict()
        for name, value in member.plain().state_dict().items():
            assert torch.allclose(state[name], value, atol=1e-6), name
        ranges = member.ranges()
        assert ranges["features.2:relu:0"] == whole.ranges()[f"members.{number}.features.2:relu:0"]
    with torch.no_grad():
        mean = sum(member(crops) for member in members) / 2
        # The picture itself is rounded once for all, by the range of the first.
        assert (whole(crops) - mean).abs().mean() < 0.05 * mean.abs().mean()


def test_what_a_training_cannot_round_is_refused():
    silu = nn.Sequential(nn.Conv2d(1, 8, 3), nn.SiLU(), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 1, 3))
    with pytest.raises(ConfigError, match=r"rounds within functions of PyTorch.*ptq"):
        AwareNetwork(silu, GraphInput(1, size=(32, 32)))
    with pytest.raises(ConfigError, match="no layer that could run in 8 bits"):
        AwareNetwork(nn.Conv2d(1, 1, 3), GraphInput(1, size=(32, 32)))
