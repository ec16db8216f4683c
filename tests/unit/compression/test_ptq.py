"""Quantized graphs against the float ones they came from, in every runtime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from blob_model import blob_graph, write_blob_model
from cellwright.bundles.bundle import Bundle, graph_entry, open_bundle, write_bundle
from cellwright.bundles.export import export_network
from cellwright.bundles.onnx_graph import OnnxGraph, with_names
from cellwright.bundles.placement import float_nodes
from cellwright.bundles.qdq import RANGES, ActivationRanges, quantized
from cellwright.bundles.sessions import RUNTIMES, open_session
from cellwright.compression.cost import graph_cost
from cellwright.compression.method import Material
from cellwright.compression.ptq import quantize
from cellwright.errors import BundleError, UnknownNameError
from cellwright.models.cell_detector import CellDetector, DenseBoxesGraph

LEVELS = ("level_8", "level_16")


@pytest.fixture(scope="module")
def detector() -> bytes:
    """Our own network with weights drawn by chance, as it is exported."""
    torch.manual_seed(0)
    network = CellDetector(2, 1, width=16, n_bins=8)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.3)
    graph = DenseBoxesGraph(network).eval()
    return with_names(export_network(graph, channels=1, output_names=LEVELS))


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    """Smooth pictures of two sizes, as network inputs."""
    rng = np.random.default_rng(0)
    sizes = [(64, 96), (64, 96), (96, 64), (64, 96)]
    coarse = [rng.random((1, 1, height // 8, width // 8)) for height, width in sizes]
    return [np.kron(one, np.ones((1, 1, 8, 8))).astype(np.float32) for one in coarse]


@pytest.fixture(scope="module")
def int8(detector, images) -> bytes:
    return quantized(detector, ActivationRanges(images))


@pytest.mark.parametrize("runtime", sorted(RUNTIMES))
def test_it_answers_as_the_float_graph_does(runtime, detector, int8, images):
    truth = open_session(detector, runtime="onnxruntime").run(images[0])
    found = open_session(int8, runtime=runtime).run(images[0])
    assert set(found) == set(LEVELS)
    for name in LEVELS:
        error = np.sqrt(np.mean((found[name] - truth[name]) ** 2))
        spread = truth[name].std(axis=(0, 2, 3)).mean()
        assert error < 0.25 * spread
        assert error > 0


def test_inner_layers_hold_integers_with_a_scale_a_channel(detector, int8):
    graph = OnnxGraph(int8)
    kept = float_nodes(OnnxGraph(detector))
    inner = [n for n in graph.nodes if n.op_type == "Conv" and n.name not in kept]
    assert len(inner) > 40
    for node in inner:
        dequantize = graph.makers[node.input[1]]
        weight = graph.weight(node.input[1])
        assert weight.data_type == onnx.TensorProto.INT8
        scale = graph.weight(dequantize.input[1])
        assert list(scale.dims) == [weight.dims[0]]
        # Integer arithmetic needs the output rounded too.
        assert {user.op_type for user in graph.users[node.output[0]]} == {"QuantizeLinear"}


def test_the_head_and_its_decoding_stay_in_float(detector, int8):
    graph = OnnxGraph(int8)
    kept = float_nodes(OnnxGraph(detector))
    last = [n for n in graph.nodes if n.op_type == "Conv" and n.name in kept]
    assert len(last) == 2 * len(LEVELS)
    for node in last:
        assert graph.weight(node.input[1]).data_type == onnx.TensorProto.FLOAT
    rounded = {
        graph.makers[n.input[0]].name
        for n in graph.nodes
        if n.op_type == "QuantizeLinear" and n.input[0] in graph.makers
    }
    assert not rounded & kept


def test_size_shrinks_and_the_work_stays(detector, int8):
    shape = (1, 1, 64, 96)
    before, after = graph_cost(detector, shape), graph_cost(int8, shape)
    assert after.bytes < before.bytes / 2
    assert (after.macs, after.parameters) == (before.macs, before.parameters)


def test_nothing_is_printed(images, capfd):
    quantized(with_names(blob_graph()), ActivationRanges(images[:1], "percentile"))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_what_never_varies_has_no_histogram_and_that_is_said(images):
    one = np.nextafter(np.float32(1), np.float32(2))
    flat = [np.where(images[0] > 0.5, np.float32(1), one)]
    with pytest.raises(
        BundleError, match=r"ranges by percentile cannot be learned.*--ranges minmax"
    ):
        quantized(with_names(blob_graph()), ActivationRanges(flat, "percentile"))
    assert quantized(with_names(blob_graph()), ActivationRanges(flat))


@pytest.fixture
def bundle(tmp_path) -> Bundle:
    return open_bundle(write_blob_model(tmp_path / "blobs.cellwright"))


def test_a_candidate_for_each_way_to_choose_ranges(bundle, images):
    candidates = list(quantize(bundle, Material(images, {})))
    assert [one.settings["ranges"] for one in candidates] == list(RANGES)
    assert {one.precision for one in candidates} == {"int8"}
    (only,) = quantize(bundle, Material(images, {"ranges": "entropy"}))
    assert only.settings == {"ranges": "entropy"}
    truth = open_session(bundle.graph(), runtime="onnxruntime").run(images[0])["level_4"]
    for one in candidates:
        found = open_session(one.graph, runtime="onnxruntime").run(images[0])["level_4"]
        assert np.abs(found - truth).max() < 0.05 * np.abs(truth).max()


def test_what_its_maker_wrote_into_the_file_is_kept(tmp_path, bundle, images):
    model = onnx.load_from_string(bundle.graph())
    note = model.metadata_props.add()
    note.key, note.value = "license", "AGPL-3.0"
    graph = model.SerializeToString()
    card = bundle.card.model_copy(update={"graphs": (graph_entry("graphs/g.onnx", graph),)})
    path = write_bundle(tmp_path / "n.cellwright", card, {"graphs/g.onnx": graph}, bundle.tests)
    (only,) = quantize(open_bundle(path), Material(images, {"ranges": "minmax"}))
    props = {one.key: one.value for one in OnnxGraph(only.graph).model.metadata_props}
    assert props["license"] == "AGPL-3.0"


def test_what_cannot_be_quantized_is_said(tmp_path, bundle, images, int8):
    def with_graph(graph: bytes) -> Bundle:
        card = bundle.card.model_copy(update={"graphs": (graph_entry("graphs/g.onnx", graph),)})
        path = tmp_path / "n.cellwright"
        write_bundle(path, card, {"graphs/g.onnx": graph}, bundle.tests)
        return open_bundle(path)

    material = Material(images, {})
    with pytest.raises(BundleError, match="quantized already"):
        quantize(with_graph(int8), material)
    model = onnx.load_from_string(blob_graph())
    del model.graph.node[:2]
    model.graph.node[0].input[0] = "image"
    with pytest.raises(BundleError, match="no layer that could run in 8 bits"):
        quantize(with_graph(model.SerializeToString()), material)
    with pytest.raises(UnknownNameError, match=r"'best'.*entropy, minmax, percentile"):
        quantize(bundle, Material(images, {"ranges": "best"}))
