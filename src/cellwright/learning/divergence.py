"""A training whose steps were too large ends in weights that are no numbers."""

from __future__ import annotations

from torch import Tensor, nn

from cellwright.errors import ConfigError

_STATISTICS = ("running_mean", "running_var")


def refuse_diverged(network: nn.Module) -> None:
    """Refuse a network that learned infinities, before its export stumbles over them.

    Raises:
        ConfigError: a weight, or a mean or variance that it learned, is not finite.
    """
    learned: dict[str, Tensor] = dict(network.named_parameters())
    learned |= {name: one for name, one in network.named_buffers() if name.endswith(_STATISTICS)}
    broken = [name for name, one in learned.items() if not one.isfinite().all()]
    if broken:
        raise diverged(f"{len(broken)} of its {len(learned)} tensors are not finite")


def diverged(what: str) -> ConfigError:
    """The error of a training that diverged; ``what`` tells by what that is seen."""
    return ConfigError(
        f"the training diverged: {what}",
        where="schedule.learning_rate",
        remedy="lower schedule.learning_rate or lengthen schedule.warmup_epochs, in another run "
        "folder",
    )
