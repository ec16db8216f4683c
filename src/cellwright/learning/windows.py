"""Training windows: augmented pictures of one size, repeatable from seed, epoch and index.

A window depends on nothing but (seed, epoch, index), so a run that was killed and
resumed draws the very windows it would have drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from cellwright.data.pictures import Picture8, visible_boxes
from cellwright.data.transforms import GREY, BoxAugmenter, Frame
from cellwright.types import Boxes

Labelled = tuple[Picture8, Boxes]


class Batch(NamedTuple):
    """Windows and their labels, without padding; a tuple, so that Lightning can move it.

    Attributes:
        images: ``(N, C, H, W)`` float in [0, 1].
        image_index: ``(G,)`` long, which image each label belongs to.
        class_ids: ``(G,)`` long.
        xyxy: ``(G, 4)`` float, window pixels.
    """

    images: Tensor
    image_index: Tensor
    class_ids: Tensor
    xyxy: Tensor


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, index) in an order of its own each epoch; Lightning sets the epoch."""

    def __init__(self, n_windows: int, *, seed: int) -> None:
        self.n_windows = n_windows
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, also after a resume."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.n_windows)
        return iter([(self.epoch, int(index)) for index in order])

    def __len__(self) -> int:
        return self.n_windows


class WindowDataset(Dataset[Labelled]):
    """Augmented windows over pictures held in memory.

    Args:
        pictures: the training part in network pixels.
        window: (height, width) of every window.
        crops_per_image: windows drawn from a picture in an epoch.
        presets: augmentation by epoch: ``(first epoch, preset)`` in rising order.
        seed: of everything random.
    """

    def __init__(
        self,
        pictures: list[Labelled],
        window: tuple[int, int],
        *,
        crops_per_image: int,
        presets: tuple[tuple[int, str], ...],
        seed: int,
    ) -> None:
        self.pictures = pictures
        self.window = window
        self.crops_per_image = crops_per_image
        frame = Frame(*window, channels=pictures[0][0].shape[2])
        self.augmenters = [(first, BoxAugmenter(name, frame)) for first, name in presets]
        self.seed = seed

    def __len__(self) -> int:
        return len(self.pictures) * self.crops_per_image

    def __getitem__(self, key: tuple[int, int]) -> Labelled:
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        augment = next(a for first, a in reversed(self.augmenters) if epoch >= first)
        chosen = [index % len(self.pictures)]
        chosen += rng.integers(len(self.pictures), size=augment.n_partners).tolist()
        cut = [random_window(*self.pictures[i], self.window, rng) for i in chosen]
        return augment(*cut[0], partners=cut[1:], seed=int(rng.integers(2**31)))


def random_window(
    picture: Picture8, boxes: Boxes, window: tuple[int, int], rng: np.random.Generator
) -> Labelled:
    """Cut (or pad with grey) a random window; boxes mostly outside are dropped."""
    height, width, channels = picture.shape
    rows, columns = window
    # Smaller pictures move inside the window, so that no place is always padding.
    y = int(rng.integers(min(0, height - rows), max(0, height - rows) + 1))
    x = int(rng.integers(min(0, width - columns), max(0, width - columns) + 1))
    if (height, width) == window:
        return picture, boxes
    cut = np.full((rows, columns, channels), GREY, np.uint8)
    y0, y1 = max(0, y), min(height, y + rows)
    x0, x1 = max(0, x), min(width, x + columns)
    cut[y0 - y : y1 - y, x0 - x : x1 - x] = picture[y0:y1, x0:x1]
    return cut, visible_boxes(boxes.shifted(-x, -y), rows=rows, columns=columns)


def collate(items: list[Labelled]) -> Batch:
    """Stack windows of one size; labels stay ragged."""
    images = torch.from_numpy(np.stack([picture for picture, _ in items]))
    images = images.permute(0, 3, 1, 2).float().div_(255)
    counts = torch.tensor([len(boxes) for _, boxes in items])
    labels = Boxes.concatenate([boxes for _, boxes in items])
    return Batch(
        images=images,
        image_index=torch.repeat_interleave(torch.arange(len(items)), counts),
        class_ids=torch.from_numpy(labels.class_ids.copy()),
        xyxy=torch.from_numpy(labels.xyxy.copy()),
    )


def padded(picture: Picture8, multiple: int) -> Tensor:
    """``(1, C, H, W)`` float in [0, 1], grey at the right and bottom up to a multiple."""
    height, width, channels = picture.shape
    rows, columns = -(-height // multiple) * multiple, -(-width // multiple) * multiple
    canvas = np.full((rows, columns, channels), GREY, np.uint8)
    canvas[:height, :width] = picture
    return torch.from_numpy(canvas).permute(2, 0, 1)[None].float().div_(255)
