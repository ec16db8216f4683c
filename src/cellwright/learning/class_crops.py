"""Labelled crops in memory, and the draws of an epoch from them.

An item depends on nothing but (seed, epoch, position, image), so a run that was killed and
resumed draws the very crops it would have drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from cellwright.bundles.card import InputSpec
from cellwright.bundles.class_probabilities import ClassProbabilities
from cellwright.data.crop_transforms import CROP_PRESETS
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError
from cellwright.inference.crops import prepare_crop
from cellwright.learning.balancing import SAMPLERS, mixing_share
from cellwright.types import Category, kind_in_words

LEVELS = 65535.0
"""Crops are kept as 16-bit integers: half the memory of floats, and exact enough."""

Key = tuple[int, int, int]
"""Epoch, position in it, index of the image."""


@dataclass(frozen=True, eq=False)
class CropSet:
    """Labelled crops, ready for the network.

    Attributes:
        pixels: uint16 ``(N, C, H, W)``; 65535 is 1.
        class_ids: int64 ``(N,)``.
        measured: float32 ``(N, M)``, what a training learns to say beside the class, standardised;
            NaN where it is not known; None for nothing.
    """

    pixels: NDArray[np.uint16]
    class_ids: NDArray[np.int64]
    measured: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def crop(self, index: int) -> NDArray[np.float32]:
        """float32 ``(C, H, W)`` in [0, 1]."""
        crop: NDArray[np.float32] = self.pixels[index].astype(np.float32) / np.float32(LEVELS)
        return crop

    def measurements(self, index: int) -> NDArray[np.float32]:
        """float32 ``(M,)``; empty where nothing was measured."""
        return np.empty(0, np.float32) if self.measured is None else self.measured[index]

    def batch(self, start: int, stop: int) -> Tensor:
        """float32 ``(n, C, H, W)`` of the images ``start`` to ``stop``."""
        return torch.from_numpy(self.pixels[start:stop].astype(np.float32) / np.float32(LEVELS))


def read_crops(labelled: LabelledSet, spec: InputSpec, decoding: ClassProbabilities) -> CropSet:
    """Every image of a part, prepared as in inference.

    Raises:
        AnnotationError: a label that is no class of a whole image.
        ImageError: an image that cannot be used.
    """
    shape = (len(labelled), spec.channels, *decoding.crop_px)
    pixels = np.empty(shape, np.uint16)
    class_ids = np.empty(len(labelled), np.int64)
    for index, record in enumerate(labelled):
        sample = record.load()
        if not isinstance(sample.annotation, Category):
            raise AnnotationError(
                "a classifier learns from the class of an image, and this one is labelled with "
                f"{kind_in_words(sample.annotation)}",
                where=f"{labelled.name}/{record.id}",
                remedy="give images of single cells in a folder a class, or train with "
                "task: detection or semantic",
            )
        crop = prepare_crop(
            sample.image,
            spec,
            decoding,
            channel_names=sample.channel_names,
            pixel_size_um=sample.pixel_size_um,
            where=f"{labelled.name}/{record.id}",
        )
        pixels[index] = np.rint(crop * LEVELS).astype(np.uint16)
        class_ids[index] = sample.annotation.class_id
    return CropSet(pixels, class_ids)


class ClassBatch(NamedTuple):
    """Crops and what they are; a tuple, so that Lightning can move it.

    Attributes:
        images: ``(N, C, H, W)`` float in [0, 1].
        target: ``(N, K)`` float, rows that sum to 1.
        measured: ``(N, M)`` float; M is 0 where only classes are learned.
    """

    images: Tensor
    target: Tensor
    measured: Tensor


Item = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Crop ``(C, H, W)``, target ``(K,)``, measurements ``(M,)``."""


@dataclass(frozen=True)
class Draws:
    """How crops are drawn and changed.

    Attributes:
        sampling: row of :data:`~cellwright.learning.balancing.SAMPLERS`.
        presets: augmentation by epoch: ``(first epoch, preset)`` in rising order.
        mixup_alpha: of the Beta distribution of mixtures; 0 mixes none.
        seed: of everything random.
    """

    sampling: str
    presets: tuple[tuple[int, str], ...]
    mixup_alpha: float
    seed: int


class EpochDraws(Sampler[Key]):
    """Yields the keys of an epoch; Lightning sets the epoch."""

    def __init__(self, class_ids: NDArray[np.int64], draws: Draws) -> None:
        self.class_ids = class_ids
        self.draws = draws
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, also after a resume."""
        self.epoch = epoch

    def order(self) -> NDArray[np.int64]:
        """Indices of the images of this epoch."""
        rng = np.random.default_rng((self.draws.seed, self.epoch))
        return SAMPLERS[self.draws.sampling](self.class_ids, rng)

    def __iter__(self) -> Iterator[Key]:
        return iter([(self.epoch, at, int(index)) for at, index in enumerate(self.order())])

    def __len__(self) -> int:
        return len(self.order())


class CropDraws(Dataset[Item]):
    """Augmented and mixed crops with their targets and measurements."""

    def __init__(self, crops: CropSet, n_classes: int, draws: Draws) -> None:
        self.crops = crops
        self.n_classes = n_classes
        self.draws = draws

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, key: Key) -> Item:
        epoch, _, index = key
        rng = np.random.default_rng((self.draws.seed, *key))
        augment = self._preset(epoch)
        crop = augment(self.crops.crop(index), rng)
        target = np.zeros(self.n_classes, np.float32)
        measured = self.crops.measurements(index)
        kept = mixing_share(self.draws.mixup_alpha, rng)
        target[self.crops.class_ids[index]] = kept
        if kept < 1:
            partner = int(rng.integers(len(self.crops)))
            other = augment(self.crops.crop(partner), rng)
            crop = np.float32(kept) * crop + np.float32(1 - kept) * other
            target[self.crops.class_ids[partner]] += np.float32(1 - kept)
            theirs = self.crops.measurements(partner)
            measured = np.float32(kept) * measured + np.float32(1 - kept) * theirs
        return crop, target, measured

    def _preset(
        self, epoch: int
    ) -> Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]:
        name = next(name for first, name in reversed(self.draws.presets) if epoch >= first)
        return CROP_PRESETS[name]


def collate_crops(items: Sequence[Item]) -> ClassBatch:
    """Stack crops, targets and measurements."""
    images, target, measured = (
        torch.from_numpy(np.stack([np.ascontiguousarray(one) for one in column]))
        for column in zip(*items, strict=True)
    )
    return ClassBatch(images, target, measured)


def crop_loader(
    crops: CropSet, n_classes: int, draws: Draws, *, batch_size: int
) -> DataLoader[ClassBatch]:
    """Batches of an epoch's draws; small crops are made faster than they could be handed over."""
    sampler = EpochDraws(crops.class_ids, draws)
    return DataLoader(
        CropDraws(crops, n_classes, draws),  # type: ignore[arg-type]
        batch_size=batch_size,
        sampler=sampler,
        collate_fn=collate_crops,
        drop_last=len(sampler) > batch_size,
    )
