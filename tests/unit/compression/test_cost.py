"""Costs against values worked out by hand and against torch's own flop counter."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.utils.flop_counter import FlopCounterMode

from cellwright.bundles.export import export_network
from cellwright.compression.cost import graph_cost
from cellwright.errors import BundleError
from cellwright.models.cell_detector import CellDetector, DenseBoxesGraph


def a_graph(nodes, weights, *, input_shape, output):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def zeros(*shape):
    return np.zeros(shape, np.float32)


def test_a_convolution_by_hand():
    graph = a_graph(
        [helper.make_node("Conv", ["image", "w", "b"], ["y"], strides=[2, 2], pads=[1] * 4)],
        {"w": zeros(8, 3, 3, 3), "b": zeros(8)},
        input_shape=["N", 3, "H", "W"],
        output="y",
    )
    cost = graph_cost(graph, (1, 3, 32, 48))
    assert cost.parameters == 8 * 3 * 3 * 3 + 8
    assert cost.macs == (16 * 24) * 8 * (3 * 3 * 3)
    assert cost.bytes == len(graph)
    assert cost.gflops == pytest.approx(2 * cost.macs / 1e9)
    assert graph_cost(graph, (2, 3, 32, 48)).macs == 2 * cost.macs


def test_a_grouped_and_a_transposed_convolution_by_hand():
    graph = a_graph(
        [
            helper.make_node("Conv", ["image", "w"], ["x"], group=4),
            helper.make_node("ConvTranspose", ["x", "v"], ["y"], strides=[2, 2]),
        ],
        {"w": zeros(4, 1, 1, 1), "v": zeros(4, 5, 2, 2)},
        input_shape=["N", 4, "H", "W"],
        output="y",
    )
    cost = graph_cost(graph, (1, 4, 10, 10))
    # Each of 400 values once in the first; each goes into 5 channels of 2 x 2 in the second.
    assert cost.macs == 400 + 400 * 5 * 4
    assert cost.parameters == 4 + 4 * 5 * 4


def test_linear_layers_by_hand_in_both_forms():
    graph = a_graph(
        [
            helper.make_node("MatMul", ["image", "w"], ["x"]),
            helper.make_node("Add", ["b", "x"], ["y"]),
            helper.make_node("Gemm", ["y", "v", "c"], ["z"], transB=1),
        ],
        {"w": zeros(6, 7), "b": zeros(7), "v": zeros(2, 7), "c": zeros(2)},
        input_shape=["N", 6],
        output="z",
    )
    cost = graph_cost(graph, (3, 6))
    assert cost.macs == 3 * (6 * 7 + 7 * 2)
    assert cost.parameters == 6 * 7 + 7 + 2 * 7 + 2


def test_products_of_activations_have_a_cost_but_no_parameters():
    graph = a_graph(
        [
            helper.make_node("Transpose", ["image"], ["t"], perm=[0, 1, 3, 2]),
            helper.make_node("MatMul", ["image", "t"], ["y"]),
        ],
        {},
        input_shape=["N", 1, "H", "W"],
        output="y",
    )
    cost = graph_cost(graph, (1, 1, 4, 9))
    assert (cost.macs, cost.parameters) == (4 * 4 * 9, 0)


def test_weights_behind_a_dequantizer_are_the_same_layer_and_shared_ones_count_once():
    graph = a_graph(
        [
            helper.make_node("DequantizeLinear", ["w", "s"], ["w_float"]),
            helper.make_node("Conv", ["image", "w_float"], ["x"]),
            helper.make_node("Conv", ["x", "w_float"], ["y"]),
        ],
        {"w": np.zeros((4, 4, 1, 1), np.int8), "s": np.float32(0.1)},
        input_shape=["N", 4, "H", "W"],
        output="y",
    )
    cost = graph_cost(graph, (1, 4, 3, 3))
    assert (cost.parameters, cost.macs) == (16, 2 * 9 * 16)


def test_our_detector_as_torch_counts_it():
    strides = (4, 8, 16)
    torch.manual_seed(0)
    network = CellDetector(3, 1, strides=strides, width=16).eval()
    for parameter in network.parameters():
        # The exporter stores equal tensors once, and untrained norms are all equal.
        torch.nn.init.normal_(parameter, std=0.1)
    names = [f"level_{stride}" for stride in strides]
    graph = export_network(DenseBoxesGraph(network).eval(), channels=1, output_names=names)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, 1, 64, 96))
    cost = graph_cost(graph, (2, 1, 64, 96))
    assert 2 * cost.macs == counter.get_total_flops()
    assert cost.parameters == sum(parameter.numel() for parameter in network.parameters())


def test_what_cannot_be_counted_is_said():
    with pytest.raises(BundleError, match="no ONNX model"):
        graph_cost(b"not a graph", (1, 3, 32, 32))
    with pytest.raises(BundleError, match="no ONNX model"):
        graph_cost(b"", (1, 3, 32, 32))
    graph = a_graph(
        [helper.make_node("Conv", ["image", "w"], ["y"])],
        {"w": zeros(4, 3, 1, 1)},
        input_shape=["N", 3, "H", "W"],
        output="y",
    )
    with pytest.raises(BundleError, match=r"takes an input of any x 3 x any x any, not of \(1, 5"):
        graph_cost(graph, (1, 5, 8, 8))


def test_zeros_are_counted_in_weights_alone_and_shrink_the_zip():
    values = np.random.default_rng(0).normal(size=(16, 8, 3, 3)).astype(np.float32)
    sparse = np.where(np.arange(values.size).reshape(values.shape) % 10 == 0, values, 0)
    dense_cost, sparse_cost = (
        graph_cost(
            a_graph(
                [helper.make_node("Conv", ["image", "w", "b"], ["y"])],
                {"w": weight.astype(np.float32), "b": zeros(16)},
                input_shape=["N", 8, "H", "W"],
                output="y",
            ),
            (1, 8, 16, 16),
        )
        for weight in (values, sparse)
    )
    assert (dense_cost.zero_weights, dense_cost.weights) == (0, 16 * 8 * 9)
    assert sparse_cost.zero_weights == 16 * 8 * 9 - 116
    assert sparse_cost.sparsity == pytest.approx(1 - 116 / 1152)
    assert sparse_cost.bytes == dense_cost.bytes
    assert sparse_cost.zipped_bytes < 0.4 * dense_cost.zipped_bytes
