"""Box voting: a kept box becomes the mean of the boxes that say the same.

A dense detector answers at several positions of a cell, each with a slightly different
box. Suppression keeps the strongest, which is not the best placed; the mean of all that
agree with it is better placed, because their errors partly cancel (Gidaris and Komodakis,
Object Detection via a Multi-Region and Semantic Segmentation-Aware CNN Model, ICCV 2015,
section 5, there with an overlap of 0.5). With kept box k and its voters V:

    box_k = sum over v in V of w_v * box_v / sum of w_v,    w_v = score_v * IoU(k, v)

Voters are of the same class and the same tile, overlap k by more than the card's
``vote_iou`` and have at least a tenth of its score. Scores and order stay as they are.
"""

from __future__ import annotations

import numpy as np

from cellwright.inference.nms import Index, overlapping_pairs
from cellwright.types import Boxes

WEAKEST_VOTE = 0.1
"""Share of the kept box's score; weaker boxes hardly weigh, and a prediction may lack them."""


def voted(boxes: Boxes, kept: Index, *, iou: float, origin: Index | None = None) -> Boxes:
    """The boxes ``kept``, each moved to the mean of its voters.

    Args:
        boxes: all scored boxes before suppression.
        kept: ``(K,)`` indices of those that survived.
        iou: in (0, 1]; voters overlap the kept box by more than this.
        origin: ``(N,)``; where given, only boxes of the same origin vote for each other.

    Returns:
        K boxes in the order of ``kept``.
    """
    if boxes.scores is None:
        raise ValueError("voting needs scores")
    is_kept = np.zeros(len(boxes), bool)
    is_kept[kept] = True
    one, other, overlap = overlapping_pairs(boxes.xyxy, iou=iou)
    alike = boxes.class_ids[one] == boxes.class_ids[other]
    if origin is not None:
        alike &= origin[one] == origin[other]
    elected = np.concatenate([one[alike], other[alike]])
    voter = np.concatenate([other[alike], one[alike]])
    overlap = np.tile(overlap[alike], 2)
    scores = boxes.scores.astype(np.float64)
    counts = is_kept[elected] & (scores[voter] >= WEAKEST_VOTE * scores[elected])
    elected, voter, overlap = elected[counts], voter[counts], overlap[counts]
    weight = scores[voter] * overlap
    total = scores + np.bincount(elected, weights=weight, minlength=len(boxes))
    xyxy = boxes.xyxy.astype(np.float64) * scores[:, None]
    for side in range(4):
        xyxy[:, side] += np.bincount(
            elected, weights=weight * boxes.xyxy[voter, side], minlength=len(boxes)
        )
    moved = (xyxy[kept] / np.maximum(total[kept], 1e-12)[:, None]).astype(np.float32)
    return Boxes(moved, boxes.class_ids[kept], boxes.scores[kept])
