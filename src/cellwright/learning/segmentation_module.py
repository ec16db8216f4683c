"""Segmentation as a LightningModule: one step, one validation on whole pictures, one optimizer.

Validation scores pixels (Dice, IoU, precision and recall of each class, pooled over the part,
then averaged: the figures of paper 2, section 3.5), masks of several classes by the IoU of
each class and their mean, background included (paper 3), and, where cells are wanted, cells: the
maps go through the very decoding of inference, and ``matched50`` is TP / (TP + FP + FN) at
an overlap of a half, mean over pictures; ``matched50_95``, its mean over overlaps of 0.5 to 0.95,
ranks the epochs: outlines become better long after the number of cells at a half has settled,
and that number moves with thresholds that are only chosen at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cellwright.bundles.mask_output import DistanceInstances
from cellwright.data.mask_pictures import MaskPicture
from cellwright.detectors.protocol import Schedule
from cellwright.inference.watershed import separate_cells
from cellwright.learning.mask_windows import MaskBatch
from cellwright.learning.optimizers import by_step
from cellwright.metrics.instances import matched_shares
from cellwright.models.feature_enhancement import choose_anew
from cellwright.models.se_unet import Supervised, SupervisedSEUNet, balanced
from cellwright.types import Instances

VALIDATION_DECODING = DistanceInstances()
"""Epochs are ranked at the card's defaults; thresholds are chosen once, at the end."""


@dataclass(frozen=True)
class Rule:
    """How weights follow the loss.

    Attributes:
        loss: ``(logits, target, valid)`` to a scalar.
        optimizer: row of :data:`cellwright.learning.optimizers.OPTIMIZERS`.
        rate: row of :data:`cellwright.learning.schedules.SCHEDULES`.
        schedule: epochs, peak rate, decay.
    """

    loss: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    optimizer: str
    rate: str
    schedule: Schedule


class SegmentationModule(pl.LightningModule):
    """Trains a network that gives one map of logits as large as its image.

    Args:
        network: ``(N, C, H, W)`` in [0, 1] to ``(N, K, H, W)``; states its ``multiple``.
        task: ``semantic`` or ``instances``.
        val_pictures: pictures to score epochs on; the loader gives their indices.
        rule: loss, optimizer and rate.
        classes: names of the mask's classes, background first, where there are several: then
            each has its IoU, and ``val/miou`` is their mean.
    """

    def __init__(
        self,
        network: nn.Module,
        task: str,
        *,
        val_pictures: Sequence[MaskPicture],
        rule: Rule,
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.task = task
        self.val_pictures = val_pictures
        self.rule = rule
        self.classes = tuple(classes)
        self._by_class: list[NDArray[np.int64]] = []
        self._pixels: list[NDArray[np.int64]] = []
        self._matched: list[NDArray[np.float64]] = []
        self._epoch_start = time.perf_counter()

    def forward(self, images: Tensor) -> Any:
        """What the network says of ``(N, C, H, W)`` images: logits, or those it is taught by."""
        return self.network(images.contiguous(memory_format=torch.channels_last))

    def on_train_epoch_start(self) -> None:
        """Start the epoch's clock; what is chosen anew each epoch is chosen here."""
        choose_anew(self.network, epoch=self.current_epoch, seed=self.rule.schedule.seed)
        self._epoch_start = time.perf_counter()

    def training_step(self, batch: MaskBatch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Loss of one batch, in full precision whatever the network ran in."""
        loss = self._loss(self(batch.images), batch)
        self.log("train/loss", loss.detach(), on_step=False, on_epoch=True)
        return loss

    def _loss(self, said: Tensor | Supervised, batch: MaskBatch) -> Tensor:
        if isinstance(said, Tensor):
            return self.rule.loss(said.float(), batch.target, batch.valid)
        final, deep = (self.rule.loss(logits.float(), batch.target, batch.valid) for logits in said)
        # It may stand within a network that rounds what it says.
        supervised = [one for one in self.network.modules() if isinstance(one, SupervisedSEUNet)]
        if not supervised:
            raise TypeError(f"no weight for the deep loss of {type(self.network).__name__}")
        return balanced(final, deep, supervised[0].deep_weight)

    def validation_step(self, index: int, batch_idx: int) -> None:  # noqa: ARG002
        """Pixels and cells of one whole validation picture, any size."""
        picture = self.val_pictures[index]
        images = mirrored(picture.pixels, int(self.network.multiple)).to(self.device)  # type: ignore[arg-type]
        rows, columns = picture.labels.shape
        logits = self(images).float()[0, :, :rows, :columns]
        if self.task == "semantic":
            found = class_map(logits)
            self._pixels.append(pixel_counts(found, picture.labels, len(logits)))
            if self.classes:
                self._by_class.append(class_counts(found, picture.labels, len(self.classes)))
            return
        self._pixels.append(pixel_counts(class_map(logits[:1]), picture.labels, 2))
        foreground, distance = logits[:2].sigmoid().cpu().numpy()
        cells = separate_cells(foreground, distance, VALIDATION_DECODING)
        self._matched.append(matched_shares(Instances.from_labels(picture.labels), cells))

    def on_validation_epoch_end(self) -> None:
        """Figures over the validation part."""
        if not self.trainer.sanity_checking:
            for name, value in pixel_rates(np.sum(self._pixels, axis=0)).items():
                self.log(f"val/{name}", value, prog_bar=name == "iou")
            if self._by_class:
                each = class_iou(np.sum(self._by_class, axis=0))
                self.log("val/miou", float(np.nanmean(each)), prog_bar=True)
                for name, value in zip(self.classes, each, strict=True):
                    self.log(f"val/iou {name}", value)
            if self._matched:
                shares = np.mean(self._matched, axis=0)
                self.log("val/matched50", float(shares[0]))
                self.log("val/matched50_95", float(shares.mean()), prog_bar=True)
            self.log("seconds", time.perf_counter() - self._epoch_start)
        self._pixels.clear()
        self._by_class.clear()
        self._matched.clear()

    def configure_optimizers(self) -> Any:
        """The rule's optimizer and rate."""
        return by_step(
            self.network,
            optimizer=self.rule.optimizer,
            rate=self.rule.rate,
            schedule=self.rule.schedule,
            steps=int(self.trainer.estimated_stepping_batches),
        )


def mirrored(pixels: NDArray[np.uint8], multiple: int) -> Tensor:
    """``(1, C, H, W)`` float in [0, 1], grown right and down to a multiple as in inference."""
    height, width, _ = pixels.shape
    beyond = ((0, -height % multiple), (0, -width % multiple), (0, 0))
    grown = np.pad(pixels, beyond, mode="symmetric")
    return torch.from_numpy(grown).permute(2, 0, 1)[None].float().div_(255)


def class_map(logits: Tensor) -> NDArray[np.int64]:
    """``(K, H, W)`` logits to class ids ``(H, W)``: above a half, or the largest of several."""
    classes = logits[0] >= 0 if len(logits) == 1 else logits.argmax(dim=0)
    found: NDArray[np.int64] = classes.cpu().numpy().astype(np.int64)
    return found


def pixel_counts(
    found: NDArray[np.int64], labels: NDArray[np.int32], n_channels: int
) -> NDArray[np.int64]:
    """``(3, K)``: pixels that are right, that were found, that are labelled, a class.

    Background is no class. With one or two channels everything labelled is one class.
    """
    n_classes = max(1, n_channels - 1)
    truth = np.minimum(labels, 1) if n_classes == 1 else labels
    return class_counts(found, truth, n_classes + 1)[:, 1:]


def class_counts(
    found: NDArray[np.int64], truth: NDArray[np.int32], n_classes: int
) -> NDArray[np.int64]:
    """``(3, K)`` as :func:`pixel_counts`, but of every class, the background too."""
    right = truth[found == truth]
    return np.stack(
        [np.bincount(ids.ravel(), minlength=n_classes) for ids in (right, found, truth)]
    )


def class_iou(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(K,)`` TP / (TP + FP + FN) of pooled :func:`class_counts`; NaN for a class nowhere seen.

    That is the Jaccard index of :mod:`cellwright.metrics.semantic`, and its mean the ``miou``.
    """
    right, found, truth = counts.astype(float)
    either = found + truth - right
    return np.where(either > 0, right / np.maximum(either, 1), np.nan)


def pixel_rates(counts: NDArray[np.int64]) -> dict[str, float]:
    """Dice, IoU, precision and recall from :func:`pixel_counts`, mean over the classes.

    Where both sides are empty a rate is 1: nothing was there, and nothing was found.
    """
    right, found, truth = counts.astype(float)
    return {
        "dice": _ratio(2 * right, found + truth),
        "iou": _ratio(right, found + truth - right),
        "precision": _ratio(right, found),
        "recall": _ratio(right, truth),
    }


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> float:
    return float(np.where(under > 0, over / np.maximum(under, 1), 1.0).mean())
