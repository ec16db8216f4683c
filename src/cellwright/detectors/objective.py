"""What our own detector learns: assignment, then three losses over one normaliser.

Class targets are the assigned qualities (TOOD, equation 6); box losses are weighted
by the same qualities, so that a position counts as much for its box as for its class.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cellwright.detectors.assignment import (
    AlignmentRule,
    Assignment,
    Positions,
    Targets,
    assign,
    positions_of,
)
from cellwright.losses import LOSSES


@dataclass(frozen=True)
class LossWeights:
    """Weights of the three parts, and the exponent of the class loss."""

    classes: float = 1.0
    box: float = 8.0
    sides: float = 2.0
    focusing: float = 0.0


@dataclass(frozen=True)
class DenseOutputs:
    """Head outputs of a batch, flattened over levels.

    Attributes:
        logits: ``(N, A, K)`` class logits.
        sides: ``(N, A, 4, n_bins)`` side logits.
        boxes: ``(N, A, 4)`` xyxy in network pixels.
    """

    logits: Tensor
    sides: Tensor
    boxes: Tensor


class DetectionObjective:
    """The loss of :class:`~cellwright.models.cell_detector.CellDetector`.

    Args:
        strides: the network's strides.
        n_bins: its bins a side.
        weights: weights of the parts.
        top_k: positives a label.
    """

    def __init__(
        self,
        strides: tuple[int, ...],
        n_bins: int,
        *,
        weights: LossWeights | None = None,
        top_k: int = 10,
    ) -> None:
        self.strides = strides
        self.n_bins = n_bins
        self.weights = weights or LossWeights()
        self.top_k = top_k

    def __call__(self, levels: list[Tensor], targets: Targets) -> dict[str, Tensor]:
        """Losses of a batch, each the mean over its images, and their weighted sum ``loss``."""
        positions = self._positions(levels)
        outputs = self._flatten(levels, positions)
        matched = assign(
            outputs.logits.detach().sigmoid(),
            outputs.boxes.detach(),
            targets,
            positions,
            rule=AlignmentRule(top_k=self.top_k),
        )
        normaliser = matched.quality.sum().clamp(min=1.0)
        class_loss = self._class_loss(outputs, targets, matched) / normaliser
        box_loss, side_loss = self._box_losses(outputs, targets, matched, positions)
        weights = self.weights
        total = (
            weights.classes * class_loss
            + weights.box * box_loss / normaliser
            + weights.sides * side_loss / normaliser
        )
        return {
            "loss": total,
            "class_loss": class_loss.detach(),
            "box_loss": (box_loss / normaliser).detach(),
            "side_loss": (side_loss / normaliser).detach(),
        }

    def _positions(self, levels: list[Tensor]) -> Positions:
        positions = positions_of([(t.shape[2], t.shape[3]) for t in levels], self.strides)
        device = levels[0].device
        return Positions(
            positions.centres.to(device), positions.strides.to(device), positions.levels
        )

    def _flatten(self, levels: list[Tensor], positions: Positions) -> DenseOutputs:
        flat = torch.cat([t.float().flatten(2) for t in levels], dim=2).transpose(1, 2)
        sides = flat[..., : 4 * self.n_bins].reshape(*flat.shape[:2], 4, self.n_bins)
        logits = flat[..., 4 * self.n_bins :]
        bins = torch.arange(self.n_bins, dtype=flat.dtype, device=flat.device)
        distances = (sides.softmax(dim=-1) @ bins) * positions.strides[:, None]
        boxes = torch.cat(
            [positions.centres - distances[..., :2], positions.centres + distances[..., 2:]], dim=-1
        )
        return DenseOutputs(logits, sides, boxes)

    def _class_loss(self, outputs: DenseOutputs, targets: Targets, matched: Assignment) -> Tensor:
        quality = torch.zeros_like(outputs.logits)
        classes = targets.class_ids[matched.label]
        quality[matched.image_index, matched.position, classes] = matched.quality
        loss: Tensor = LOSSES["quality-focal"](outputs.logits, quality, beta=self.weights.focusing)
        return loss

    def _box_losses(
        self, outputs: DenseOutputs, targets: Targets, matched: Assignment, positions: Positions
    ) -> tuple[Tensor, Tensor]:
        wanted = targets.xyxy[matched.label]
        predicted = outputs.boxes[matched.image_index, matched.position]
        overlap = LOSSES["complete-iou"](predicted, wanted, reduction="none", eps=1e-6)

        centre = positions.centres[matched.position]
        stride = positions.strides[matched.position, None]
        distances = torch.cat([centre - wanted[:, :2], wanted[:, 2:] - centre], dim=-1) / stride
        logits = outputs.sides[matched.image_index, matched.position]
        sides = LOSSES["distribution-focal"](logits, distances)
        return (overlap * matched.quality).sum(), (sides * matched.quality).sum()
