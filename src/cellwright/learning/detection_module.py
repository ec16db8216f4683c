"""Detection as a LightningModule: one step, one validation, one optimizer."""

from __future__ import annotations

import time
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from cellwright.bundles.card import BoxDecoding
from cellwright.detectors.assignment import Targets
from cellwright.detectors.protocol import Objective, Schedule
from cellwright.inference.decode import decode
from cellwright.inference.nms import nms
from cellwright.learning.divergence import diverged
from cellwright.learning.schedules import warmup_cosine
from cellwright.learning.windows import Batch, Labelled, padded
from cellwright.metrics.detection import best_threshold, evaluate_detection
from cellwright.metrics.intervals import Resampling
from cellwright.models.cell_detector import CellDetector, dense_level
from cellwright.types import Boxes

VALIDATION_MINIMUM_SCORE = 0.01
"""Enough of the precision-recall curve to rank epochs; the final figures use all of it."""


class DetectionModule(pl.LightningModule):
    """Trains a dense detector and scores it by AP50:95 on whole validation pictures.

    Args:
        network: gives raw levels.
        objective: levels and targets to losses.
        schedule: rates and epochs.
        val_pictures: pictures to score epochs on; the loader gives their indices.
        output: how dense maps are read.
        classes: class names.
    """

    def __init__(
        self,
        network: CellDetector,
        objective: Objective,
        *,
        val_pictures: list[Labelled],
        schedule: Schedule,
        output: BoxDecoding,
        classes: tuple[str, ...],
    ) -> None:
        super().__init__()
        self.network = network
        self.objective = objective
        self.val_pictures = val_pictures
        self.schedule = schedule
        self.output = output
        self.classes = classes
        self._found: list[tuple[Boxes, Boxes]] = []
        self._epoch_start = time.perf_counter()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Raw levels of ``(N, C, H, W)`` images."""
        levels: list[Tensor] = self.network(images.contiguous(memory_format=torch.channels_last))
        return levels

    def on_train_epoch_start(self) -> None:
        """Start the epoch's clock."""
        self._epoch_start = time.perf_counter()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Losses of one batch."""
        targets = Targets(batch.image_index, batch.class_ids, batch.xyxy)
        losses = self.objective(self(batch.images), targets)
        self.log_dict(
            {f"train/{name}": value.detach() for name, value in losses.items()},
            on_step=False,
            on_epoch=True,
            batch_size=len(batch.images),
        )
        return losses["loss"]

    def validation_step(self, index: int, batch_idx: int) -> None:  # noqa: ARG002
        """Boxes on one whole validation picture, any size."""
        picture, truth = self.val_pictures[index]
        images = padded(picture, 32).to(self.device)
        levels = [dense_level(raw.float(), n_bins=self.network.n_bins) for raw in self(images)]
        if not all(level.isfinite().all() for level in levels):
            raise diverged("what the network answers is not finite")
        outputs = {
            f"level_{stride}": level.cpu().numpy()
            for stride, level in zip(self.network.strides, levels, strict=True)
        }
        found = decode(outputs, self.output, minimum_score=VALIDATION_MINIMUM_SCORE)[0]
        found = nms(found, iou=0.6).clipped(*picture.shape[:2])
        self._found.append((truth, found))

    def on_validation_epoch_end(self) -> None:
        """AP over the validation part; precision and recall where F1 is best, as paper 1 has it."""
        if not self.trainer.sanity_checking:
            truth, found = zip(*self._found, strict=True)
            thresholds = best_threshold(truth, found, self.classes)
            report = evaluate_detection(
                truth, found, self.classes, score_threshold=thresholds, resampling=Resampling(n=0)
            )
            for name in ("ap50", "ap50_95", "precision", "recall"):
                value = report.metrics[name].value
                self.log(f"val/{name}", 0.0 if value is None else value, prog_bar="ap" in name)
            self.log("seconds", time.perf_counter() - self._epoch_start)
        self._found.clear()

    def configure_optimizers(self) -> Any:
        """AdamW; linear warm-up, then a cosine down to the final fraction."""
        schedule = self.schedule
        kernels = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [
                {"params": kernels, "weight_decay": schedule.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=schedule.learning_rate,
        )
        total = max(1, int(self.trainer.estimated_stepping_batches))
        warmup = min(total - 1, int(schedule.warmup_epochs * total / schedule.epochs))
        rule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warmup_cosine(step, warmup, total, schedule.final_fraction)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rule, "interval": "step"}}
