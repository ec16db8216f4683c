"""Quantization-aware training: a network learns with weights and activations rounded to 8 bits.

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

Activations are rounded where the integer graph rounds them, which
:mod:`cellwright.learning.rounding_places` asks the quantizer for. Pooling and nearest-pixel
enlargement choose among rounded values and need nothing. The last layers stay in float, as
:mod:`cellwright.bundles.placement` says.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from cellwright.bundles.qdq import ActivationRanges, Range, prepared, quantized, step_of
from cellwright.errors import BundleError
from cellwright.learning.compression_config import AwareQuantization
from cellwright.learning.function_calls import INPUT, run_named
from cellwright.learning.graph_input import GraphInput
from cellwright.learning.rounding_places import named_graph, places
from cellwright.learning.training_compression import TrainingCompression
from cellwright.models.committee import Committee

FOLLOWS = 0.1
"""How far a range moves towards what a batch shows."""

WEIGHT_STEPS = 127


class OnGrid(nn.Module):
    """Weights rounded to 255 steps around zero, a scale for each output channel."""

    def forward(self, weight: Tensor) -> Tensor:
        """``(out, in, …)`` to the same, on the grid; the gradient passes through."""
        largest = weight.detach().abs().flatten(1).amax(dim=1).clamp_min(1e-12)
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


class AwareNetwork(nn.Module):
    """A network that computes as its 8-bit graph will.

    Args:
        network: it is wrapped, and its weights are put on the grid.
        fed: the size of its input.

    Attributes:
        network: the network, which still knows nothing of rounded activations.
        fed: the size of its input.
        multiple: what height and width of the input must divide by.
        roundings: by the name of the result that they round, dots as slashes.

    Raises:
        ConfigError: its integer graph rounds where a training cannot.
    """

    def __init__(self, network: nn.Module, fed: GraphInput) -> None:
        super().__init__()
        where = places(network, fed)
        # In a tuple it is no part of this module: it is neither trained nor saved.
        self._unrounded = (copy.deepcopy(network),)
        self.network = network
        self.fed = fed
        self.multiple = fed.multiple
        self.roundings = nn.ModuleDict({_key(name): Rounding() for name in where.results})
        modules = dict(network.named_modules())
        for name in where.layers:
            parametrize.register_parametrization(modules[name], "weight", OnGrid())

    def forward(self, x: Tensor) -> Any:
        """As the network, rounded; always in float32, bfloat16 has fewer steps."""
        with torch.autocast(x.device.type, enabled=False):
            return run_named(self.network, x.float(), self._rounded)

    def follow(self, follows: bool) -> None:
        """Let the ranges follow the training, or stay."""
        for _, one in self._each():
            one.follows = follows

    def ranges(self) -> dict[str, Range]:
        """The range of each rounding, by where it stands."""
        spans = ((place, one.span.tolist()) for place, one in self._each())
        return {place: (low, high) for place, (low, high) in spans}

    def plain(self) -> nn.Module:
        """A copy without roundings of activations; its weights stand on the grid."""
        network = copy.deepcopy(self._unrounded[0])
        modules = dict(self.network.named_modules())
        state = {}
        for key in network.state_dict():
            owner, _, name = key.rpartition(".")
            state[key] = getattr(modules[owner], name).detach()
        network.load_state_dict(state)
        return network.cpu().eval()

    def take_ranges(self, of: AwareNetwork, path: str) -> None:
        """Take the ranges of a network that stands at ``path`` in this one."""
        inner = {_inside(path, name): one for name, one in of._each()}
        for name, one in self._each():
            if name in inner:
                one.span.copy_(inner[name].span)

    def _rounded(self, name: str, result: Tensor) -> Tensor:
        key = _key(name)
        return self.roundings[key](result) if key in self.roundings else result

    def _each(self) -> Iterator[tuple[str, Rounding]]:
        for key, one in self.roundings.items():
            if isinstance(one, Rounding):
                yield key.replace("/", "."), one


def _key(name: str) -> str:
    """A name as a module may be called."""
    return name.replace(".", "/")


def _inside(path: str, name: str) -> str:
    """The name of a result of a network that stands at ``path`` in another; all share an input."""
    if name == INPUT:
        return name
    return f"{path}{name}" if name.startswith(":") else f"{path}.{name}"


def together(members: Sequence[AwareNetwork]) -> AwareNetwork:
    """Networks that were trained apart as a committee, each with its own integers and ranges."""
    whole = AwareNetwork(Committee([one.plain() for one in members]), members[0].fed)
    for number, member in enumerate(members):
        whole.take_ranges(member, f"members.{number}")
    return whole.eval()


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
        if not isinstance(network, AwareNetwork):
            raise TypeError("ranges are those of a network that is trained in 8 bits")
        total = int(trainer.estimated_stepping_batches)
        network.follow(not self.through(trainer.global_step, total))


def int8_graph(network: AwareNetwork, output_name: str) -> bytes:
    """The QDQ graph with the integers and ranges that the network was trained with.

    Args:
        network: trained.
        output_name: of the graph's one output.

    Raises:
        BundleError: a range was never seen.
    """
    named = named_graph(network.plain(), network.fed, output_name)
    ranges = network.ranges()
    given = {
        tensor: ranges[result] for tensor, result in named.result_of.items() if result in ranges
    }
    unseen = [name for name, (low, high) in ranges.items() if low == high]
    if unseen:
        raise BundleError(f"the range of {unseen[0]} was never seen in training")
    ready = prepared(named.graph, where="the trained network")
    # Everything that is rounded takes over a range: no picture sets one, this one only passes.
    return quantized(ready, ActivationRanges([network.fed.example().numpy()], given=given))
