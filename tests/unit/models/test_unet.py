"""U-Net: sizes, the map it gives, what it looks at, and what it refuses."""

import pytest
import torch

from cellwright.bundles.export import export_network
from cellwright.errors import ConfigError, ImageError
from cellwright.models.unet import UNet, reach_px


@pytest.mark.parametrize(("outputs", "channels", "shape"), [(1, 1, (16, 16)), (4, 3, (32, 80))])
def test_the_map_is_as_large_as_the_image(outputs, channels, shape):
    network = UNet(outputs, channels, base_width=4)
    assert network.multiple == 16
    assert network(torch.rand(2, channels, *shape)).shape == (2, outputs, *shape)


def test_base_16_has_as_many_weights_as_counted_by_hand():
    widths = [16, 32, 64, 128, 256]
    count, below = 0, 1
    for width in widths:  # two 3x3 convolutions and two batch norms a level
        count += 9 * below * width + 9 * width * width + 4 * width
        below = width
    for width in widths[-2::-1]:  # 1x1 with bias, then two 3x3 over skip and grown map
        count += 2 * width * width + width
        count += 9 * 2 * width * width + 9 * width * width + 4 * width
    count += 16 * 2 + 2
    network = UNet(2, 1, base_width=16)
    assert sum(weight.numel() for weight in network.parameters()) == count


@pytest.mark.parametrize("shape", [(15, 16), (8, 8), (32, 40)])
def test_sizes_that_are_no_multiple_are_refused(shape):
    with pytest.raises(ImageError, match="multiple of 16"):
        UNet(1, base_width=2)(torch.rand(1, 1, *shape))


@pytest.mark.parametrize("settings", [{"levels": 1}, {"base_width": 0}])
def test_impossible_networks_are_refused(settings):
    with pytest.raises(ConfigError, match="no U-Net"):
        UNet(1, **settings)
    with pytest.raises(ConfigError):
        UNet(0)


@pytest.mark.parametrize("levels", [2, 3])
def test_an_output_looks_exactly_as_far_as_said(levels):
    """With positive weights no path is cut, so the gradient shows the whole receptive field."""
    torch.manual_seed(0)
    network = UNet(1, base_width=2, levels=levels).double()
    for weight in network.parameters():
        weight.data.abs_()
    network.eval()
    edge, farthest = 96, 0
    for phase in range(network.multiple):
        image = (torch.rand(1, 1, edge, edge).double() + 0.5).requires_grad_()
        at = edge // 2 + phase
        (gradient,) = torch.autograd.grad(network(image)[0, 0, at, at], image)
        rows = gradient[0, 0].abs().sum(dim=1).nonzero()
        farthest = max(farthest, at - int(rows.min()), int(rows.max()) - at)
    assert farthest == reach_px(levels)


def test_the_exported_graph_is_the_network_at_any_multiple():
    """``export_network`` raises where they differ; the graph holds plain layers only."""
    onnx = pytest.importorskip("onnx")
    torch.manual_seed(0)
    network = UNet(2, 1, base_width=4)
    graph = export_network(network, channels=1, output_names=["logits"], multiple=16)
    kinds = {node.op_type for node in onnx.load_from_string(graph).graph.node}
    assert "ConvTranspose" not in kinds
    assert {"Conv", "MaxPool", "Resize", "Concat"} <= kinds
