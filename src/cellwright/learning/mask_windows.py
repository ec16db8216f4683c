"""Training windows for segmentation, repeatable from seed, epoch and index.

Targets are made from the labels after augmentation: distances of a turned and scaled cell
are those of the cell as the network sees it, not an interpolated copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from cellwright.data.cell_weights import CellWeights
from cellwright.data.mask_pictures import MaskPicture
from cellwright.data.mask_transforms import MaskAugmenter
from cellwright.data.pictures import Picture8
from cellwright.data.targets import IGNORED, Labels, instance_target, semantic_target

Target = Callable[[Labels, NDArray[np.int64]], NDArray[np.float32]]
"""Labels ``(H, W)`` and classes of cells to what each output channel should be ``(K, H, W)``."""

Window = tuple[Picture8, NDArray[np.float32], NDArray[np.float32]]
"""Pixels ``(H, W, C)``, target ``(K, H, W)`` and how much pixels count ``(1, H, W)``."""


class MaskBatch(NamedTuple):
    """Windows stacked; a tuple, so that Lightning can move it.

    Attributes:
        images: ``(N, C, H, W)`` float in [0, 1].
        target: ``(N, K, H, W)`` float in [0, 1].
        valid: ``(N, 1, H, W)`` float, 0 where nothing is known, else how much a pixel counts.
    """

    images: Tensor
    target: Tensor
    valid: Tensor


def target_of(task: str, *, n_classes: int) -> Target:
    """The rule that turns labels into targets for a task."""
    if task == "semantic":
        return partial(_semantic, n_outputs=1 if n_classes == 1 else 1 + n_classes)
    return partial(instance_target, n_classes=n_classes)


def _semantic(
    labels: Labels,
    class_ids: NDArray[np.int64],  # noqa: ARG001 - all targets have one signature
    *,
    n_outputs: int,
) -> NDArray[np.float32]:
    return semantic_target(labels, n_outputs)


class MaskWindows(Dataset[Window]):
    """Augmented windows over pictures held in memory.

    Args:
        pictures: the training part in network pixels.
        window: (height, width) of every window.
        target: labels to targets.
        crops_per_image: windows drawn from a picture in an epoch.
        presets: augmentation by epoch: ``(first epoch, preset)`` in rising order.
        seed: of everything random.
        weights: how much pixels count; None counts all alike.
    """

    def __init__(
        self,
        pictures: Sequence[MaskPicture],
        window: tuple[int, int],
        *,
        target: Target,
        crops_per_image: int,
        presets: Sequence[tuple[int, str]],
        seed: int,
        weights: CellWeights | None = None,
    ) -> None:
        self.pictures = pictures
        self.target = target
        self.weights = weights
        self.crops_per_image = crops_per_image
        self.augmenters = [(first, MaskAugmenter(name, window)) for first, name in presets]
        self.seed = seed

    def __len__(self) -> int:
        return len(self.pictures) * self.crops_per_image

    def __getitem__(self, key: tuple[int, int]) -> Window:
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        augment = next(a for first, a in reversed(self.augmenters) if epoch >= first)
        pixels, labels, class_ids = self.pictures[index % len(self.pictures)]
        pixels, labels = augment(pixels, labels, rng)
        valid = (labels != IGNORED).astype(np.float32)
        if self.weights is not None:
            valid *= self.weights(labels)
        return pixels, self.target(labels, class_ids), valid[None]


def collate_masks(items: list[Window]) -> MaskBatch:
    """Stack windows of one size."""
    pixels, targets, valid = zip(*items, strict=True)
    images = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float().div_(255)
    return MaskBatch(images, torch.from_numpy(np.stack(targets)), torch.from_numpy(np.stack(valid)))
