"""Weights in 16 bits: what is kept, what is computed, what other code still finds in the graph."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper

from cellwright.bundles.export import export_network
from cellwright.bundles.qdq import ActivationRanges, prepared, quantized
from cellwright.bundles.sessions import RUNTIMES, open_session
from cellwright.bundles.weights import graph_weights
from cellwright.compression.cost import graph_cost
from cellwright.compression.half import SMALLEST, halved
from cellwright.errors import BundleError
from cellwright.models.unet import UNet

SHAPE = (1, 1, 32, 48)


@pytest.fixture(scope="module")
def graph() -> bytes:
    torch.manual_seed(0)
    return export_network(UNet(2, 1, base_width=8, levels=3), channels=1, output_names=["logits"])


@pytest.fixture(scope="module")
def half(graph) -> bytes:
    return halved(graph)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_it_computes_the_same_up_to_the_rounding_of_weights(graph, half, runtime):
    image = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    before, after = (
        open_session(one, runtime=runtime).run(image)["logits"] for one in (graph, half)
    )
    assert 0 < np.abs(after - before).max() < 2e-3 * np.abs(before).max()


def test_it_is_half_as_large_and_costs_the_same(graph, half):
    before, after = graph_cost(graph, SHAPE), graph_cost(half, SHAPE)
    assert after.bytes < 0.6 * before.bytes
    assert (after.parameters, after.macs, after.weights) == (
        before.parameters,
        before.macs,
        before.weights,
    )


def test_a_training_can_begin_with_its_weights(graph, half):
    before, after = graph_weights(graph), graph_weights(half)
    assert set(before) <= set(after)
    for name, values in before.items():
        assert after[name].dtype == np.float32
        expected = (
            values.astype(np.float16).astype(np.float32) if values.size >= SMALLEST else values
        )
        np.testing.assert_array_equal(after[name], expected)


def test_it_can_still_go_to_8_bits(graph, half):
    rng = np.random.default_rng(1)
    images = [rng.random(SHAPE).astype(np.float32) for _ in range(2)]
    sizes = [
        len(quantized(prepared(one, where="x"), ActivationRanges(images))) for one in (graph, half)
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.02)


def test_weights_beyond_the_range_of_half_stay_as_they_are(graph):
    model = onnx.load_from_string(graph)
    largest = max(model.graph.initializer, key=lambda one: int(np.prod(one.dims)))
    values = numpy_helper.to_array(largest).copy()
    values.flat[0] = 70_000.0
    largest.CopyFrom(numpy_helper.from_array(values, name=largest.name))
    kept = onnx.load_from_string(halved(model.SerializeToString())).graph.initializer
    (same,) = [one for one in kept if one.name == largest.name]
    assert same.data_type == TensorProto.FLOAT
    np.testing.assert_array_equal(numpy_helper.to_array(same), values)


def test_twice_is_refused(half):
    with pytest.raises(BundleError, match="no weights in 32 bits"):
        halved(half)
