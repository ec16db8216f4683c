"""How the learning rate moves over a run: a factor on its peak, one row a rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

PAPER2_EPOCHS = 100
PAPER2_HELD = 40
PAPER2_FINAL = 1e-3


@dataclass(frozen=True)
class Plan:
    """The length of a run, in optimizer steps.

    Attributes:
        steps: of the whole run.
        warmup: of the rise at the start.
        final_fraction: part of the peak at the end.
    """

    steps: int
    warmup: int
    final_fraction: float


def warmup_cosine(step: int, warmup: int, total: int, final: float) -> float:
    """Factor on the peak rate at a step.

    >>> [round(warmup_cosine(s, 2, 6, 0.1), 3) for s in (0, 1, 2, 4, 6)]
    [0.333, 0.667, 1.0, 0.55, 0.1]
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = min(1.0, (step - warmup) / max(1, total - warmup))
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))


def paper2(step: int, total: int) -> float:
    """Paper 2, section 4: 1e-4 until epoch 40 of 100, then down to 1e-7.

    The paper says where the fall ends, not how it goes: exponentially, here, over the rest of
    the run. A run of other length holds the rate for the same share of it.

    >>> [f"{1e-4 * paper2(epoch, 100):.1e}" for epoch in (0, 40, 70, 100)]
    ['1.0e-04', '1.0e-04', '3.2e-06', '1.0e-07']
    """
    held = PAPER2_HELD / PAPER2_EPOCHS * total
    progress = min(1.0, max(0.0, (step - held) / max(1e-9, total - held)))
    return float(PAPER2_FINAL**progress)


SCHEDULES: dict[str, Callable[[int, Plan], float]] = {
    "constant": lambda step, plan: min(1.0, (step + 1) / (plan.warmup + 1)),
    "paper2": lambda step, plan: paper2(step, plan.steps),
    "warmup-cosine": lambda step, plan: warmup_cosine(
        step, plan.warmup, plan.steps, plan.final_fraction
    ),
}
"""Step and plan to a factor on the peak rate; ``paper2`` has neither warm-up nor a free end."""
