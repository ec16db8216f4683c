"""Network output to candidate boxes; a row of :data:`DECODERS` for each ``kind`` of the card.

A decoder takes the outputs of one batch and gives, for each image of it, the scored
boxes at or above ``minimum_score`` in network pixels, before suppression. A place may
give one candidate a class, as average precision expects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import BoxDecoding, DenseBoxes
from cellwright.errors import BundleError
from cellwright.types import Boxes

Outputs = Mapping[str, NDArray[np.float32]]
Decoder = Callable[[Outputs, Any, float], list[Boxes]]


def decode(outputs: Outputs, spec: BoxDecoding, *, minimum_score: float) -> list[Boxes]:
    """Candidate boxes of every image of a batch.

    Raises:
        BundleError: an output the card names is missing, or holds NaN.
    """
    return DECODERS[spec.kind](outputs, spec, minimum_score)


def decode_dense(outputs: Outputs, spec: DenseBoxes, minimum_score: float) -> list[Boxes]:
    """Distances and logits on grids; only places above the threshold are decoded."""
    levels = [(stride, _output(outputs, f"level_{stride}")) for stride in spec.strides]
    threshold = _logit(minimum_score)
    batch = len(levels[0][1])
    return [
        Boxes.concatenate([_dense_level(grid[i], stride, threshold) for stride, grid in levels])
        for i in range(batch)
    ]


def _dense_level(grid: NDArray[np.float32], stride: int, threshold: float) -> Boxes:
    """Boxes of one image on one grid ``(4 + K, h, w)``."""
    class_ids, rows, columns = np.nonzero(grid[4:] >= threshold)
    distances = np.maximum(grid[:4, rows, columns], 0) * stride
    x, y = (columns + 0.5) * stride, (rows + 0.5) * stride
    left, top, right, bottom = distances
    xyxy = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
    scores = 1 / (1 + np.exp(-grid[4 + class_ids, rows, columns], dtype=np.float32))
    return Boxes(xyxy.astype(np.float32), class_ids, scores.astype(np.float32))


def decode_ultralytics(outputs: Outputs, spec: object, minimum_score: float) -> list[Boxes]:
    """``output0`` ``(N, 4 + K, A)``: centre, size and a score for each class."""
    del spec
    found = []
    for grid in _output(outputs, "output0"):
        class_ids, places = np.nonzero(grid[4:] >= minimum_score)
        x, y, width, height = grid[:4, places]
        half_w, half_h = np.maximum(width, 0) / 2, np.maximum(height, 0) / 2
        xyxy = np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1)
        found.append(Boxes(xyxy, class_ids, grid[4 + class_ids, places]))
    return found


def decode_end_to_end(outputs: Outputs, spec: object, minimum_score: float) -> list[Boxes]:
    """``output0`` ``(N, M, 6)``: corners, score, class; unused rows have score 0."""
    del spec
    found = []
    for rows in _output(outputs, "output0"):
        kept = rows[rows[:, 4] >= _filled(minimum_score)]
        corners = kept[:, :4].reshape(-1, 2, 2)
        xyxy = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        found.append(Boxes(xyxy, kept[:, 5].astype(np.int64), kept[:, 4]))
    return found


def is_full(outputs: Outputs, spec: BoxDecoding, *, minimum_score: float) -> bool:
    """Whether an image of the batch used up all the boxes its graph can give.

    Only end-to-end graphs have a fixed number of them, M; cells beyond it are lost.
    """
    if spec.kind != "end_to_end_boxes":
        return False
    scores = _output(outputs, "output0")[:, :, 4]
    return bool((scores >= _filled(minimum_score)).all(axis=1).any())


def _filled(minimum_score: float) -> float:
    """Least score of a row that holds a box; empty rows of an end-to-end graph have score 0."""
    return max(minimum_score, float(np.finfo(np.float32).tiny))


DECODERS: dict[str, Decoder] = {
    "dense_boxes": decode_dense,
    "ultralytics_boxes": decode_ultralytics,
    "end_to_end_boxes": decode_end_to_end,
}


def _output(outputs: Outputs, name: str) -> NDArray[np.float32]:
    if name not in outputs:
        raise BundleError(f"the graph gives no output {name!r}, only {', '.join(outputs)}")
    array = outputs[name]
    if array.size and not np.isfinite(array.max()):
        raise BundleError(f"the network's output {name!r} holds values that are not finite")
    return array


def _logit(probability: float) -> float:
    clipped = min(max(probability, 1e-12), 1 - 1e-12)
    return float(np.log(clipped / (1 - clipped)))
