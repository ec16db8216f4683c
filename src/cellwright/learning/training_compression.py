"""What makes a network smaller while it learns, as the trainer sees it: a callback that ends.

Epochs validated before it is through are of a network that is not small yet; the best of them
must not be shipped, so the trainer asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint


class TrainingCompression(pl.Callback):
    """A callback that knows from which step on the network is what will be shipped.

    It must stand behind the averaging of weights in the trainer's list: in a validation, the
    module then holds the averaged weights.
    """

    def through(self, step: int, total: int) -> bool:
        """Whether the network after ``step`` of ``total`` training steps is small for good."""
        raise NotImplementedError


def all_through(compressions: Sequence[TrainingCompression], trainer: pl.Trainer) -> bool:
    """Whether the network that is validated now is one that may be shipped."""
    total = int(trainer.estimated_stepping_batches)
    return all(one.through(trainer.global_step, total) for one in compressions)


class BestWhenThrough(ModelCheckpoint):
    """Keeps the best epoch of those that were validated after the compression was through."""

    def __init__(self, compressions: Sequence[TrainingCompression], **settings: Any) -> None:
        super().__init__(**settings)
        self._compressions = tuple(compressions)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare this epoch with the best, if it counts."""
        if all_through(self._compressions, trainer):
            super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The same where checkpoints are written after the epoch."""
        if all_through(self._compressions, trainer):
            super().on_train_epoch_end(trainer, pl_module)
