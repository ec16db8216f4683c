"""Quantization-aware training: a U-Net learns with weights and activations rounded to 8 bits.

Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference, CVPR 2018, section 3: in the forward pass values are rounded as the integer graph
will round them, in the backward pass the rounding is passed over (straight through). Ranges of
activations follow the largest and smallest values of each batch by a moving average, and stay
where they are for the last part of the training.

Weights are rounded with a scale for each output channel, without a zero point. A batch norm
multiplies each channel by one number; folded into the convolution for the integer graph, it
changes that channel's scale and none of its integers. So the network keeps its batch norms
while it learns, and the exported graph has exactly the integers it learned with. (Jacob folds
in every step, because a scale for the whole layer does not allow this.)

Activations are rounded where the integer graph rounds them: at the input, behind every ReLU,
behind the convolution before an enlargement, and where a skip joins. Pooling and
nearest-pixel enlargement choose among rounded values and need nothing. The last layer stays
in float, as :mod:`cellwright.bundles.placement` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from cellwright.bundles.export import export_network
from cellwright.bundles.onnx_graph import OnnxGraph
from cellwright.bundles.qdq import Range, prepared, quantized, step_of
from cellwright.errors import BundleError, ConfigError
from cellwright.learning.compression_config import AwareQuantization
from cellwright.learning.training_compression import TrainingCompression
from cellwright.models.unet import UNet

FOLLOWS = 0.1
"""How far a range moves towards what a batch shows."""

WEIGHT_STEPS = 127
HEAD = "head"


class OnGrid(nn.Module):
    """Weights rounded to 255 steps around zero, a scale for each output channel."""

    def forward(self, weight: Tensor) -> Tensor:
        """``(out, in, kh, kw)`` to the same, on the grid; the gradient passes through."""
        largest = weight.detach().abs().amax(dim=(1, 2, 3)).clamp_min(1e-12)
        zeros = torch.zeros_like(largest, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(
            weight, largest / WEIGHT_STEPS, zeros, 0, -WEIGHT_STEPS, WEIGHT_STEPS
        )


class Rounding(nn.Module):
    """Activations rounded to 256 steps over a range that follows the training.

    Attributes:
        span: ``(2,)`` least and greatest value; both 0 until a batch has been seen.
        follows: whether batches in training move the range.
    """

    span: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("span", torch.zeros(2))
        self.follows = True

    def forward(self, x: Tensor) -> Tensor:
        """``x`` on the grid; beyond the range it is clipped and has no gradient."""
        if self.training and self.follows:
            seen = torch.stack([x.detach().amin().clamp_max(0), x.detach().amax().clamp_min(0)])
            first = not bool(self.span.any())
            self.span.copy_(seen if first else torch.lerp(self.span, seen, FOLLOWS))
        low, high = self.span.tolist()
        if low == high:
            return x
        scale, zero_point = step_of((low, high))
        return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, 255)


class AwareUNet(nn.Module):
    """A U-Net that computes as its 8-bit graph will.

    Args:
        network: it is wrapped, and its weights are put on the grid.

    Attributes:
        multiple: of the network.
        roundings: by where they stand: ``into CONVOLUTION`` or ``out of CONVOLUTION``, dots
            as slashes.

    Raises:
        ConfigError: no U-Net.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        if not isinstance(network, UNet):
            raise ConfigError(
                f"a {type(network).__name__} cannot be trained in 8 bits yet, only a U-Net",
                where="quantization",
                remedy="use segmentation.model: unet, or compress the bundle with --method ptq",
            )
        self.network = network
        self.multiple = network.multiple
        self.roundings = nn.ModuleDict()
        for name, module in list(network.named_modules()):
            if isinstance(module, nn.Conv2d) and name != HEAD:
                parametrize.register_parametrization(module, "weight", OnGrid())
        modules = dict(network.named_modules())
        for convolution in ("down.0.0", *(f"up.{i}.mix.0" for i in range(len(network.up)))):
            modules[convolution].register_forward_pre_hook(self._before(f"into {convolution}"))
        blocks = [name for name in modules if _is_block(modules[name])]
        for convolution, last in (
            *((f"{block}.{place}", f"{block}.{place + 2}") for block in blocks for place in (0, 3)),
            *((f"up.{i}.halve",) * 2 for i in range(len(network.up))),
        ):
            modules[last].register_forward_hook(self._behind(f"out of {convolution}"))

    def forward(self, x: Tensor) -> Tensor:
        """As :meth:`UNet.forward`, rounded; always in float32, bfloat16 has fewer steps."""
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = self.network(x.float())
        return out

    def follow(self, follows: bool) -> None:
        """Let the ranges move with the batches, or stay."""
        for _, rounding in self._each():
            rounding.follows = follows

    def ranges(self) -> dict[str, Range]:
        """The range of each rounding, by where it stands."""
        spans = ((place, one.span.tolist()) for place, one in self._each())
        return {place: (low, high) for place, (low, high) in spans}

    def plain(self) -> UNet:
        """A U-Net without roundings of activations; its weights stand on the grid."""
        copy = UNet(
            self.network.head.out_channels,
            self.network.down[0][0].in_channels,  # type: ignore[index]
            widths=self.network.widths,
        )
        modules = dict(self.network.named_modules())
        state = {}
        for key in copy.state_dict():
            owner, _, name = key.rpartition(".")
            state[key] = getattr(modules[owner], name).detach()
        copy.load_state_dict(state)
        return copy.cpu().eval()

    def _each(self) -> Iterator[tuple[str, Rounding]]:
        for key, one in self.roundings.items():
            if isinstance(one, Rounding):
                yield key.replace("/", "."), one

    def _rounding(self, place: str) -> Rounding:
        rounding = Rounding()
        self.roundings[place.replace(".", "/")] = rounding
        return rounding

    def _before(self, place: str) -> Any:
        rounding = self._rounding(place)
        return lambda _module, inputs: (rounding(inputs[0]),)

    def _behind(self, place: str) -> Any:
        rounding = self._rounding(place)
        return lambda _module, _inputs, output: rounding(output)


def _is_block(module: nn.Module) -> bool:
    """Twice convolution, batch norm, ReLU."""
    kinds = [type(child).__name__.removeprefix("Parametrized") for child in module.children()]
    return kinds == ["Conv2d", "BatchNorm2d", "ReLU"] * 2


class RangesSettle(TrainingCompression):
    """Lets the ranges of a network follow its training, and stay for the last part.

    Args:
        plan: when they stay.
    """

    def __init__(self, plan: AwareQuantization) -> None:
        self.plan = plan

    def through(self, step: int, total: int) -> bool:
        """Once the ranges stay."""
        return step >= max(1, int(self.plan.settled * total))

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_batch: Any
    ) -> None:
        """Tell the network which part of the training this is."""
        network = pl_module.network
        if not isinstance(network, AwareUNet):
            raise TypeError("ranges are those of a network that is trained in 8 bits")
        total = int(trainer.estimated_stepping_batches)
        network.follow(not self.through(trainer.global_step, total))


def int8_graph(network: AwareUNet, *, channels: int, output_name: str) -> bytes:
    """The QDQ graph with the integers and ranges that the network was trained with.

    Args:
        network: trained.
        channels: of the image.
        output_name: of the graph's one output.

    Raises:
        BundleError: a range was never seen, or the graph has another form than the network.
    """
    plain = export_network(
        network.plain(), channels=channels, output_names=[output_name], multiple=network.multiple
    )
    graph = OnnxGraph(plain)
    given = {_tensor(graph, place): span for place, span in network.ranges().items()}
    unseen = [name for name, (low, high) in given.items() if low == high]
    if unseen:
        raise BundleError(f"the range of {unseen[0]} was never seen in training")
    ready = prepared(plain, where="the trained network")
    # Everything that is rounded takes over a range: no picture sets one, this one only passes.
    edge = 2 * network.multiple
    picture = torch.rand((1, channels, edge, edge), generator=torch.Generator().manual_seed(0))
    return quantized(ready, [picture.numpy()], ranges="minmax", given=given)


def _tensor(graph: OnnxGraph, place: str) -> str:
    """The name in the graph of what goes into, or comes out of, a convolution and its block."""
    side, _, convolution = place.rpartition(" ")
    nodes = [node for node in graph.nodes if f"{convolution}.weight" in node.input]
    if len(nodes) != 1:
        raise BundleError(f"the graph holds the weights of {convolution} {len(nodes)} times")
    if side == "into":
        return str(nodes[0].input[0])
    name = nodes[0].output[0]
    while (users := graph.users[name]) and users[0].op_type in ("BatchNormalization", "Relu"):
        name = users[0].output[0]
    return str(name)
