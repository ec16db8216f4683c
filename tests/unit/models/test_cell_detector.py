"""The detector's exported form: expectations of distributions, and no sizes computed in it."""

from __future__ import annotations

import onnx
import torch

from cellwright.bundles.export import export_network
from cellwright.models.cell_detector import CellDetector, DenseBoxesGraph, dense_level


def test_a_distribution_becomes_its_expectation():
    n_bins = 4
    raw = torch.full((1, 4 * n_bins + 2, 1, 2), -50.0)
    # Left: certainly bin 3. Top: bins 0 and 2 alike. Right: all alike. Bottom: certainly bin 0.
    for channel in (3, 4, 6, 12):
        raw[0, channel] = 50.0
    raw[0, 8:12] = 50.0
    raw[0, 16:] = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]])
    level = dense_level(raw, n_bins=n_bins)
    assert level.shape == (1, 6, 1, 2)
    expected = torch.tensor([3.0, 1.0, 1.5, 0.0])
    assert torch.allclose(level[0, :4, 0, 0], expected, atol=1e-5)
    assert torch.equal(level[0, 4:], raw[0, 16:])


def test_the_graph_computes_no_sizes():
    """Where it does, runtimes fuse less of it."""
    graph = DenseBoxesGraph(CellDetector(2, 1, width=16, n_bins=4)).eval()
    data = export_network(graph, channels=1, output_names=["level_8", "level_16"])
    kinds = {node.op_type for node in onnx.load_from_string(data).graph.node}
    assert not kinds & {"Shape", "Reshape", "Gather"}
