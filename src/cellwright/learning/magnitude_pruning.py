"""Magnitude pruning in training: the smallest weights of every layer become zero and stay so.

Zhu and Gupta, To prune, or not to prune, 2017 (arXiv 1710.01878), the schedule that paper 2
uses (section 3.3, from 50 to 90 % every 100 steps): the share of zeros at step t is

    s_t = s_f + (s_i - s_f) (1 - (t - t_0) / (n dt))^3                            (equation 1)

Layers are cut one by one, each to the same share, by the size of its weights at that moment;
those that are zero get no larger, so they stay. Layers of fewer than :data:`SMALLEST_LAYER`
weights are left whole: the first and the last of a network are a thousandth of its weights.
"""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from cellwright.learning.compression_config import MagnitudePruning
from cellwright.learning.training_compression import TrainingCompression

SMALLEST_LAYER = 256
"""Weights from which a layer is pruned."""


def sparsity_at(step: int, total: int, plan: MagnitudePruning) -> float:
    """Share of zeros after ``step`` of ``total`` steps; equation 1, held before and behind it.

    >>> [round(sparsity_at(t, 100, MagnitudePruning(end=1.0)), 3) for t in (0, 50, 100)]
    [0.5, 0.85, 0.9]
    """
    first, last = _span(total, plan)
    left = 1 - min(max(step - first, 0) / (last - first), 1)
    return plan.final + (plan.initial - plan.final) * left**3


def is_cut(step: int, total: int, plan: MagnitudePruning) -> bool:
    """Whether weights are taken away after ``step``: every so many, and at the last."""
    first, last = _span(total, plan)
    return first <= step <= last and ((step - first) % plan.every_steps == 0 or step == last)


def _span(total: int, plan: MagnitudePruning) -> tuple[int, int]:
    first = int(plan.begin * total)
    return first, max(first + 1, int(plan.end * total))


def smallest_out(weight: Tensor, share: float) -> Tensor:
    """Mask like ``weight``, False for the ``share`` of it with the smallest absolute values."""
    mask = torch.ones(weight.numel(), dtype=torch.bool, device=weight.device)
    order = weight.detach().abs().flatten().argsort(stable=True)
    mask[order[: round(share * weight.numel())]] = False
    return mask.reshape(weight.shape)


class MagnitudePruner(TrainingCompression):
    """Cuts the weights of the module's network by the schedule and keeps them cut.

    Args:
        plan: shares and steps.
    """

    def __init__(self, plan: MagnitudePruning) -> None:
        self.plan = plan
        self._masks: dict[str, Tensor] = {}

    def through(self, step: int, total: int) -> bool:
        """After the last cut."""
        return step >= _span(total, self.plan)[1]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The first cut, where it comes before the first step."""
        self._cut(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_batch: Any
    ) -> None:
        """Cut if it is time, and undo what the step did to weights that are out."""
        self._cut(trainer, pl_module)
        self._hold(pl_module)

    def on_validation_epoch_start(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,
    ) -> None:
        """Averaged weights remember what was cut; they are cut too, in place."""
        self._hold(pl_module)

    def state_dict(self) -> dict[str, Any]:
        """The masks, so that a run that was killed goes on with them."""
        return {"masks": self._masks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See :meth:`state_dict`."""
        self._masks = dict(state_dict["masks"])

    def _cut(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        step, total = trainer.global_step, int(trainer.estimated_stepping_batches)
        if is_cut(step, total, self.plan):
            share = sparsity_at(step, total, self.plan)
            self._masks = {
                name: smallest_out(weight, share) for name, weight in _prunable(pl_module)
            }
            self._hold(pl_module)

    def _hold(self, pl_module: pl.LightningModule) -> None:
        with torch.no_grad():
            for name, weight in _prunable(pl_module):
                if name in self._masks:
                    weight.mul_(self._masks[name].to(weight.device))


def _prunable(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [
        (name, weight)
        for name, weight in module.named_parameters()
        if weight.ndim > 1 and weight.numel() >= SMALLEST_LAYER
    ]


def zero_share(network: nn.Module) -> float:
    """Share of exact zeros among the weights of a network's layers."""
    weights = [weight for weight in network.parameters() if weight.ndim > 1]
    total = sum(weight.numel() for weight in weights)
    return sum(int((weight == 0).sum()) for weight in weights) / total
