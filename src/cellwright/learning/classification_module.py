"""Classification as a LightningModule: one step, one validation pass, one optimizer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cellwright.detectors.protocol import Schedule
from cellwright.learning.class_config import Transfer
from cellwright.learning.class_crops import ClassBatch, CropSet
from cellwright.learning.freezing import freeze
from cellwright.learning.optimizers import by_step
from cellwright.learning.privileged import PrivilegedHead
from cellwright.losses.known_huber import known_huber
from cellwright.losses.soft_cross_entropy import soft_cross_entropy

VAL_BATCH = 128
"""Validation crops looked at together."""


@dataclass(frozen=True, eq=False)
class ClassRule:
    """How weights follow the loss.

    Attributes:
        weights: float64 ``(K,)``, what a mistake in each class weighs.
        smoothing: share of a target that goes to all classes alike.
        optimizer: row of :data:`cellwright.learning.optimizers.OPTIMIZERS`.
        rate: row of :data:`cellwright.learning.schedules.SCHEDULES`.
        schedule: epochs, peak rate, decay.
        transfer: which layers learn when; None for all, always.
        privileged_weight: of the loss of what is measured of channels that are not shown.
    """

    weights: NDArray[np.float64]
    smoothing: float
    optimizer: str
    rate: str
    schedule: Schedule
    transfer: Transfer | None = None
    privileged_weight: float = 1.0


class ClassificationModule(pl.LightningModule):
    """Trains a network that gives one logit a class for a whole crop.

    Args:
        network: ``(N, C, H, W)`` in [0, 1] to ``(N, K)``.
        val: crops to score epochs on; the loader gives the numbers of their batches.
        rule: weights, optimizer and rate.
        head: says what is measured of channels that the network is not shown; None where nothing
            is measured.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        val: CropSet,
        rule: ClassRule,
        head: PrivilegedHead | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.head = head
        self.val = val
        self.rule = rule
        self.class_weights = torch.tensor(rule.weights, dtype=torch.float32)
        self._logits: list[Tensor] = []
        self._epoch_start = time.perf_counter()

    def forward(self, images: Tensor) -> Tensor:
        """Logits of ``(N, C, H, W)`` crops."""
        logits: Tensor = self.network(laid_out(images))
        return logits

    def on_train_epoch_start(self) -> None:
        """Start the epoch's clock, and freeze what shall not learn in it."""
        self._epoch_start = time.perf_counter()
        if self.rule.transfer is not None:
            self.network.train()
            freeze(self.network, learning=self.rule.transfer.learning_in(self.current_epoch))

    def training_step(self, batch: ClassBatch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Loss of one batch, in full precision whatever the network ran in."""
        if self.head is None:
            logits, measured = self(batch.images), None
        else:
            logits, measured = self.head.beside(self.network, laid_out(batch.images))
        loss = soft_cross_entropy(
            logits.float(),
            batch.target,
            self.class_weights.to(self.device),
            smoothing=self.rule.smoothing,
        )
        if measured is not None:
            beside = known_huber(measured.float(), batch.measured)
            self.log("train/measured", beside.detach(), on_step=False, on_epoch=True)
            loss = loss + self.rule.privileged_weight * beside
        self.log("train/loss", loss.detach(), on_step=False, on_epoch=True)
        return loss

    def validation_step(self, number: int, batch_idx: int) -> None:  # noqa: ARG002
        """Logits of one batch of validation crops."""
        start = number * VAL_BATCH
        images = self.val.batch(start, start + VAL_BATCH).to(self.device)
        self._logits.append(self(images).float().cpu())

    def on_validation_epoch_end(self) -> None:
        """Figures over the validation part."""
        if not self.trainer.sanity_checking:
            logits = torch.cat(self._logits)
            true = torch.from_numpy(self.val.class_ids)
            figures = epoch_figures(logits.argmax(dim=1).numpy(), self.val.class_ids)
            for name, value in figures.items():
                self.log(f"val/{name}", value, prog_bar=name == "macro_f1")
            self.log("val/loss", float(nn.functional.cross_entropy(logits, true)))
            self.log("seconds", time.perf_counter() - self._epoch_start)
        self._logits.clear()

    def configure_optimizers(self) -> Any:
        """The rule's optimizer and rate."""
        return by_step(
            self,
            optimizer=self.rule.optimizer,
            rate=self.rule.rate,
            schedule=self.rule.schedule,
            steps=int(self.trainer.estimated_stepping_batches),
        )


def laid_out(images: Tensor) -> Tensor:
    """``(N, C, H, W)`` with the channels of a pixel side by side, as the network lies too."""
    return images.contiguous(memory_format=torch.channels_last)


def epoch_figures(found: NDArray[np.int64], true: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, macro and weighted F1, and the mean of the two, as ``metrics`` defines them.

    Here without intervals: an epoch is ranked, not reported.
    """
    n_classes = int(max(found.max(initial=0), true.max(initial=0))) + 1
    right = np.bincount(true[found == true], minlength=n_classes)
    either = np.bincount(found, minlength=n_classes) + np.bincount(true, minlength=n_classes)
    occurs = either > 0
    f1 = 2 * right / np.maximum(either, 1)
    macro = float(f1[occurs].mean())
    weighted = float(f1 @ np.bincount(true, minlength=n_classes) / len(true))
    return {
        "accuracy": float(right.sum() / len(true)),
        "macro_f1": macro,
        "weighted_f1": weighted,
        "mean_f1": (macro + weighted) / 2,
    }
