"""Task-aligned assignment of labels to positions (Feng et al., TOOD, ICCV 2021, section 3.2).

Each labelled box competes for the positions whose centre lies inside it; the ``k``
with the best alignment ``t = s^alpha * u^beta`` (class score s, IoU u of the box
predicted there) become its positives, and learn the normalised alignment as their
class target (equations 2 and 6 there). A position claimed twice goes to the label
it overlaps most.

The (label, position) pairs are listed one by one instead of in a padded
images x labels x positions table, so cost and memory grow with the true number of
labels, and no label is ever left out for want of room.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Positions:
    """All positions of all levels, finest level first, row by row.

    Attributes:
        centres: ``(A, 2)`` x, y in network pixels.
        strides: ``(A,)``.
        levels: one ``(first index, rows, columns, stride)`` a level.
    """

    centres: Tensor
    strides: Tensor
    levels: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True)
class Targets:
    """The labels of a batch, without padding.

    Attributes:
        image_index: ``(G,)`` long, which image of the batch.
        class_ids: ``(G,)`` long.
        xyxy: ``(G, 4)`` float, network pixels.
    """

    image_index: Tensor
    class_ids: Tensor
    xyxy: Tensor


@dataclass(frozen=True)
class Assignment:
    """Who learns what.

    Attributes:
        image_index: ``(P,)`` image of each positive.
        position: ``(P,)`` its position.
        label: ``(P,)`` the label it learns.
        quality: ``(P,)`` its class target in [0, 1].
    """

    image_index: Tensor
    position: Tensor
    label: Tensor
    quality: Tensor


def positions_of(shapes: list[tuple[int, int]], strides: tuple[int, ...]) -> Positions:
    """Positions of levels with these (rows, columns), one a stride."""
    centres, widths, levels, first = [], [], [], 0
    for (rows, columns), stride in zip(shapes, strides, strict=True):
        y, x = torch.meshgrid(
            torch.arange(rows, dtype=torch.float32),
            torch.arange(columns, dtype=torch.float32),
            indexing="ij",
        )
        centres.append((torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride)
        widths.append(torch.full((rows * columns,), float(stride)))
        levels.append((first, rows, columns, stride))
        first += rows * columns
    return Positions(torch.cat(centres), torch.cat(widths), tuple(levels))


def paired_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of box ``a[i]`` with box ``b[i]``: ``(M, 4)`` twice to ``(M,)``."""
    top_left = torch.maximum(a[:, :2], b[:, :2])
    bottom_right = torch.minimum(a[:, 2:], b[:, 2:])
    overlap = (bottom_right - top_left).clamp(min=0).prod(dim=1)
    area_a = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(dim=1)
    area_b = (b[:, 2:] - b[:, :2]).clamp(min=0).prod(dim=1)
    return overlap / (area_a + area_b - overlap).clamp(min=1e-9)


def candidate_pairs(xyxy: Tensor, positions: Positions) -> tuple[Tensor, Tensor]:
    """Every (label, position) whose centre lies in the label's box.

    A box too small to hold a centre of a level is grown to one stride there, so that the
    smallest cell still has a position that can learn it.

    Returns:
        Label index and position index, ``(M,)`` long each.
    """
    labels, found = [], []
    middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    half = (xyxy[:, 2:] - xyxy[:, :2]) / 2
    for first, rows, columns, stride in positions.levels:
        reach = half.clamp(min=stride / 2)
        low = torch.ceil((middle - reach) / stride - 0.5).long()
        high = torch.floor((middle + reach) / stride - 0.5).long()
        limit = torch.tensor([columns - 1, rows - 1], device=xyxy.device)
        low, high = low.clamp(min=0), torch.minimum(high, limit)
        n_x, n_y = (high - low + 1).clamp(min=0).unbind(dim=1)
        count = n_x * n_y
        label = torch.repeat_interleave(torch.arange(len(xyxy), device=xyxy.device), count)
        within = torch.arange(len(label), device=xyxy.device) - (count.cumsum(0) - count)[label]
        column = low[label, 0] + within % n_x[label]
        row = low[label, 1] + torch.div(within, n_x[label], rounding_mode="floor")
        labels.append(label)
        found.append(first + row * columns + column)
    return torch.cat(labels), torch.cat(found)


def rank_within(group: Tensor, value: Tensor) -> Tensor:
    """Rank of each entry by falling ``value`` among those of the same ``group``, from 0.

    >>> rank_within(torch.tensor([0, 0, 1, 0]), torch.tensor([.1, .9, .5, .4])).tolist()
    [2, 0, 0, 1]
    """
    order = torch.argsort(value, descending=True, stable=True)
    order = order[torch.argsort(group[order], stable=True)]
    sorted_group = group[order]
    index = torch.arange(len(group), device=group.device)
    starts = torch.ones_like(sorted_group, dtype=torch.bool)
    starts[1:] = sorted_group[1:] != sorted_group[:-1]
    first = torch.where(starts, index, torch.zeros_like(index)).cummax(dim=0).values
    rank = torch.empty_like(index)
    rank[order] = index - first
    return rank


@dataclass(frozen=True)
class AlignmentRule:
    """How positives are chosen.

    Attributes:
        top_k: positives a label.
        alpha: exponent of the class score.
        beta: exponent of the IoU.
    """

    top_k: int = 10
    alpha: float = 0.5
    beta: float = 6.0


@torch.no_grad()
def assign(
    scores: Tensor,
    boxes: Tensor,
    targets: Targets,
    positions: Positions,
    *,
    rule: AlignmentRule | None = None,
) -> Assignment:
    """Choose the positives of a batch.

    Args:
        scores: ``(N, A, K)`` class probabilities.
        boxes: ``(N, A, 4)`` boxes predicted at every position, xyxy network pixels.
        targets: the labels.
        positions: where the predictions stand.
        rule: how they are chosen; None is the usual one.
    """
    rule = rule or AlignmentRule()
    label, position = candidate_pairs(targets.xyxy, positions)
    image = targets.image_index[label]
    iou = paired_iou(boxes[image, position], targets.xyxy[label])
    score = scores[image, position, targets.class_ids[label]]
    alignment = score.pow(rule.alpha) * iou.pow(rule.beta)

    chosen = rank_within(label, alignment) < rule.top_k
    label, position, image = label[chosen], position[chosen], image[chosen]
    iou, alignment = iou[chosen], alignment[chosen]

    place = image * len(positions.centres) + position
    single = rank_within(place, iou) == 0
    label, position, image = label[single], position[single], image[single]
    iou, alignment = iou[single], alignment[single]

    # Equation 6's normalisation: a label's best position learns its best IoU.
    n_labels = len(targets.xyxy)
    best_alignment = alignment.new_zeros(n_labels).scatter_reduce(0, label, alignment, "amax")
    best_iou = iou.new_zeros(n_labels).scatter_reduce(0, label, iou, "amax")
    quality = alignment / best_alignment[label].clamp(min=1e-9) * best_iou[label]
    return Assignment(image, position, label, quality.clamp(0, 1))
