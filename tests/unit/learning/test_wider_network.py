from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from cellwright.bundles.export import export_network
from cellwright.bundles.weights import graph_weights
from cellwright.learning.starting_weights import Start, take_over
from cellwright.learning.wider_network import ratio_of, widened
from cellwright.models.se_unet import SEUNet
from cellwright.models.unet import UNet
from trained_looks import as_after_training


@pytest.mark.parametrize("network", [UNet, SEUNet])
@pytest.mark.parametrize("width", [12, 16])
def test_a_wider_u_net_answers_as_the_narrower(network, width):
    torch.manual_seed(0)
    narrow = as_after_training(network(2, 1, base_width=8, levels=3))
    graph = export_network(narrow, channels=1, output_names=("maps",))
    wide = as_after_training(network(2, 1, base_width=width, levels=3))
    assert take_over(wide, Start(graph_weights(graph), "a narrow one")) == ()
    image = torch.rand(1, 1, 32, 32)
    assert torch.allclose(wide(image), narrow(image), atol=1e-4)


def test_copies_of_a_channel_learn_apart():
    torch.manual_seed(0)
    wide = UNet(2, 1, base_width=16, levels=3)
    narrow = UNet(2, 1, base_width=8, levels=3)
    weights = {name: weight.detach().numpy() for name, weight in narrow.named_parameters()}
    take_over(wide, Start(weights, "a narrow one"))
    first = wide.down[0][0].weight
    assert torch.equal(first[::2], first[1::2])
    (wide(torch.rand(2, 1, 32, 32)) ** 2).mean().backward()
    apart = (first.grad[::2] - first.grad[1::2]).flatten(1).norm(dim=1)
    assert (apart > 0.01 * first.grad[::2].flatten(1).norm(dim=1)).all()


def test_levels_may_keep_their_width():
    torch.manual_seed(0)
    narrow = as_after_training(UNet(2, 1, widths=(8, 16, 32)))
    graph = export_network(narrow, channels=1, output_names=("maps",))
    wide = as_after_training(UNet(2, 1, widths=(16, 32, 32)))
    assert take_over(wide, Start(graph_weights(graph), "a narrow one")) == ()
    image = torch.rand(1, 1, 32, 32)
    assert torch.allclose(wide(image), narrow(image), atol=1e-4)


def test_the_ratio_is_that_of_most_layers_and_never_below_one():
    assert ratio_of([((8, 3), (12, 3)), ((8,), (12,)), ((2, 8), (5, 12))]) == Fraction(3, 2)
    assert ratio_of([((12,), (8,)), ((12,), (8,))]) == 1
    assert ratio_of([]) == 1
    assert ratio_of([((), ())]) == 1


@pytest.mark.parametrize("shape", [(5, 4), (4, 6), (8, 4, 1), (2, 4)])
def test_what_is_not_as_much_wider_is_left(shape):
    array = np.ones((4, 4), np.float32)
    assert widened(array, shape, Fraction(2), np.random.default_rng(0)) is None


def test_shares_of_copies_sum_to_what_was_there():
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    wide = widened(array, (3, 6), Fraction(3, 2), np.random.default_rng(0))
    # Places 0 to 5 are copies of channels 0 0 1 2 2 3.
    summed = np.stack([wide[:, :2].sum(1), wide[:, 2], wide[:, 3:5].sum(1), wide[:, 5]], axis=1)
    assert np.allclose(summed, array)
