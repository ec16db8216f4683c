"""Every network that segments or classifies becomes narrower, and learns in 8 bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from cellwright.bundles.sessions import open_session
from cellwright.bundles.weights import graph_weights
from cellwright.learning.graph_input import GraphInput
from cellwright.learning.magnitude_pruning import zero_share
from cellwright.learning.quantization_aware import AwareNetwork, int8_graph
from cellwright.learning.starting_weights import Start, begin_with
from cellwright.learning.structured_pruning import narrowed
from cellwright.models import CLASSIFIERS, SEGMENTERS
from processor import exact_int8_runtimes

SMALL_UNET = {"base_width": 16, "levels": 2}
SETTINGS = {
    "encoder-unet": {"encoder_settings": {"channels": [16, 16, 16, 16]}, "fine_width": 16},
    "resnet": {"width": 16},
    "se-unet": SMALL_UNET,
    "se-unet-dropout": SMALL_UNET,
    "se-unet-enhanced": {**SMALL_UNET, "n_chosen": 4},
    "se-unet-fixed": SMALL_UNET,
    "se-unet-supervised": SMALL_UNET,
    "unet": SMALL_UNET,
}
"""The smallest of each kind; what is not named comes in one size."""

NETWORKS = sorted([*SEGMENTERS, *CLASSIFIERS])


def built(name: str):
    """A network for two channels and three classes, and what it is fed."""
    torch.manual_seed(0)
    if name in SEGMENTERS:
        network = SEGMENTERS[name](3, 2, **SETTINGS.get(name, {}))
        return network, GraphInput(2, multiple=int(network.multiple))
    network = CLASSIFIERS[name](3, 2, crop_px=(32, 32), **SETTINGS.get(name, {}))
    return network, GraphInput(2, size=(32, 32))


def n_weights(network) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_half_the_channels_are_a_quarter_of_the_weights_and_a_bundle_rebuilds_them(name):
    network, fed = built(name)
    small = narrowed(network, fed.example(), keep=0.5).eval()
    assert n_weights(small) < 0.45 * n_weights(network)
    graph = fed.export(small, ["logits"])
    again, anew = begin_with(
        built(name)[0], Start(graph_weights(graph), "a bundle", {"keep": "0.5"}), fed.example()
    )
    assert all(key.startswith("deep_head") for key in anew)
    with torch.no_grad():
        assert torch.allclose(again.eval()(fed.example()), small(fed.example()), atol=1e-5)
    # It is trained on as any other.
    said = again.train()(fed.example())
    logits = said if isinstance(said, Tensor) else sum(said)
    logits.square().mean().backward()
    assert all(weight.grad is not None for weight in again.parameters())
    assert zero_share(again) < 0.01


@pytest.mark.parametrize("name", NETWORKS)
def test_the_integer_graph_says_what_the_training_saw(name):
    network, fed = built(name)
    aware = AwareNetwork(network, fed).train()
    optimizer = torch.optim.SGD(aware.parameters(), lr=1e-3)
    for _ in range(2):
        said = aware(fed.example())
        logits = said if isinstance(said, Tensor) else sum(said)
        optimizer.zero_grad()
        logits.square().mean().backward()
        optimizer.step()
    aware.eval()
    graph = int8_graph(aware, "logits")
    with torch.no_grad():
        expected = aware(fed.example()).numpy()
        unrounded = network.eval()(fed.example()).numpy()
    assert not np.array_equal(expected, unrounded)
    for runtime in exact_int8_runtimes():
        found = open_session(graph, runtime=runtime, threads=1).run(fed.example().numpy())["logits"]
        # A value in the middle between two steps may fall to either side; nothing else differs.
        assert np.abs(found - expected).mean() < 0.05 * expected.std(), runtime
