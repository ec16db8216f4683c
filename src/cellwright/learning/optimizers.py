"""Optimizers by name: the four of paper 2, and AdamW.

Paper 2 (section 3.4) takes Adam (Kingma and Ba, ICLR 2015), Nadam (Dozat, ICLR workshop
2016), RMSprop (Tieleman and Hinton, 2012) and Adagrad (Duchi, Hazan and Singer, JMLR 2011).
It names no constants but the rate, so each row has those its authors propose; RMSprop's
decay is 0.9, as in Hinton's lecture and in Keras, where PyTorch would take 0.99.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import nn

from cellwright.detectors.protocol import Schedule
from cellwright.errors import ConfigError, UnknownNameError
from cellwright.learning.schedules import SCHEDULES, Plan

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "rmsprop": partial(torch.optim.RMSprop, alpha=0.9),
}
"""Parameter groups and ``lr`` to an optimizer."""

DECOUPLED = frozenset({"adamw"})
"""Those that shrink weights beside the gradient step (Loshchilov and Hutter, ICLR 2019)."""

MOST_L2 = 1e-3
"""In the others weight decay is added to the gradient; more than this drowns the labels."""


def check_rule(optimizer: str, schedule: str, *, weight_decay: float) -> None:
    """Refuse names and decays that cannot train, before any data is loaded.

    Raises:
        UnknownNameError: no such optimizer or schedule.
        ConfigError: a weight decay that only AdamW can take.
    """
    if optimizer not in OPTIMIZERS:
        raise UnknownNameError("optimizer", optimizer, OPTIMIZERS)
    if schedule not in SCHEDULES:
        raise UnknownNameError("schedule", schedule, SCHEDULES)
    if optimizer not in DECOUPLED and weight_decay > MOST_L2:
        raise ConfigError(
            f"{optimizer} adds weight decay to the gradient, where {weight_decay:g} would "
            "outweigh the labels",
            remedy=f"set schedule.weight_decay to 0, as paper 2 does, or at most {MOST_L2:g}; "
            "adamw takes more",
        )


def make_optimizer(
    name: str, network: nn.Module, *, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """An optimizer of all weights; only those of convolutions decay.

    Raises:
        UnknownNameError: no such optimizer.
    """
    if name not in OPTIMIZERS:
        raise UnknownNameError("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name](_groups(network.parameters(), weight_decay), lr=learning_rate)


def by_step(
    network: nn.Module, *, optimizer: str, rate: str, schedule: Schedule, steps: int
) -> dict[str, Any]:
    """What Lightning's ``configure_optimizers`` gives back: an optimizer, its rate by the step.

    Args:
        network: whose weights.
        optimizer: row of :data:`OPTIMIZERS`.
        rate: row of :data:`cellwright.learning.schedules.SCHEDULES`.
        schedule: peak rate, decay, warm-up.
        steps: of the whole training.

    Raises:
        UnknownNameError: no such optimizer or schedule.
    """
    chosen = make_optimizer(
        optimizer,
        network,
        learning_rate=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
    )
    steps = max(1, steps)
    warmup = min(steps - 1, int(schedule.warmup_epochs * steps / schedule.epochs))
    rule = make_rule(rate, chosen, Plan(steps, warmup, schedule.final_fraction))
    return {"optimizer": chosen, "lr_scheduler": {"scheduler": rule, "interval": "step"}}


def make_rule(
    name: str, optimizer: torch.optim.Optimizer, plan: Plan
) -> torch.optim.lr_scheduler.LambdaLR:
    """The rate's rule, to be stepped after every optimizer step.

    Raises:
        UnknownNameError: no such schedule.
    """
    if name not in SCHEDULES:
        raise UnknownNameError("schedule", name, SCHEDULES)
    factor = SCHEDULES[name]
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(step, plan))


def _groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    everything = list(parameters)
    return [
        {"params": [p for p in everything if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in everything if p.ndim <= 1], "weight_decay": 0.0},
    ]
