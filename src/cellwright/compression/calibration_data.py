"""Real network inputs to set ranges by: images through the very preparation of a prediction.

The images must look like those the model will see: a range that is too narrow clips bright
cells, one that is too wide wastes steps. They need no labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray

from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.images.read import list_images, read_image
from cellwright.types import Image

TILES_PER_IMAGE = 4
"""Of a large image a few tiles are enough; the next image tells more than the next tile."""

Batch = NDArray[np.float32]


class Feeds(Protocol):
    """What runs a bundle and can say what it feeds the network."""

    def network_inputs(
        self,
        image: Image,
        *,
        channel_names: Sequence[str] = (),
        pixel_size_um: float | None = None,
    ) -> Iterator[Batch]:
        """Batches ``(N, C, h, w)`` of one image."""
        ...


class _Tiling(Protocol):
    """A predictor or a segmenter: takes the channels of an image as they come."""

    def network_inputs(
        self, image: Image, *, pixel_size_um: float | None = None
    ) -> Iterator[Batch]:
        """Batches ``(N, C, h, w)`` of one image."""
        ...


@dataclass(frozen=True)
class Unnamed:
    """A predictor or a segmenter as :class:`Feeds`, whatever the channels are called."""

    tiling: _Tiling

    def network_inputs(
        self,
        image: Image,
        *,
        channel_names: Sequence[str] = (),  # noqa: ARG002 - one shape for all feeds
        pixel_size_um: float | None = None,
    ) -> Iterator[Batch]:
        """See :class:`Feeds`."""
        return self.tiling.network_inputs(image, pixel_size_um=pixel_size_um)


@dataclass(frozen=True)
class CalibrationImage:
    """One image file and what the labels know about its scale."""

    path: Path
    pixel_size_um: float | None = None


class CalibrationInputs(Sequence[Batch]):
    """Network inputs in files, one tile each: passed over many times, never all in memory."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> CalibrationInputs: ...
    def __getitem__(self, index: int | slice) -> Batch | CalibrationInputs:
        """One input ``(1, C, h, w)``, or some of them."""
        if isinstance(index, slice):
            return CalibrationInputs(self._files[index])
        loaded: Batch = np.load(self._files[index], allow_pickle=False)
        return loaded


def prepare_inputs(
    images: Sequence[CalibrationImage],
    feeds: Feeds,
    folder: Path,
    *,
    progress: Callable[[int, int], None],
) -> CalibrationInputs:
    """Write what the network is fed for ``images`` into ``folder``, a few tiles an image.

    Raises:
        ImageError: an image cannot be read, or does not suit the network.
    """
    files: list[Path] = []
    for done, image in enumerate(images, start=1):
        picture = read_image(image.path)
        batches = feeds.network_inputs(
            picture.pixels,
            channel_names=picture.channel_names,
            pixel_size_um=image.pixel_size_um or picture.pixel_size_um,
        )
        for tile in _some(tile for batch in batches for tile in batch):
            files.append(folder / f"{len(files):05d}.npy")
            np.save(files[-1], tile[None])
        progress(done, len(images))
    return CalibrationInputs(files)


def _some(tiles: Iterator[Batch]) -> list[Batch]:
    """At most :data:`TILES_PER_IMAGE` of them, each with the same chance, by a fixed seed."""
    rng = np.random.default_rng(0)
    kept = list(islice(tiles, TILES_PER_IMAGE))
    for seen, tile in enumerate(tiles, start=TILES_PER_IMAGE + 1):
        place = int(rng.integers(seen))
        if place < TILES_PER_IMAGE:
            kept[place] = tile
    return kept


def images_of(source: LabelledSet | Path) -> tuple[CalibrationImage, ...]:
    """The images of a labelled set, or those in a folder."""
    if isinstance(source, Path):
        return tuple(CalibrationImage(path) for path in list_images([source]))
    return tuple(CalibrationImage(one.image_path, one.pixel_size_um) for one in source)


def draw(
    images: Sequence[CalibrationImage], number: int, *, seed: int = 0
) -> tuple[CalibrationImage, ...]:
    """``number`` of the images by chance, all of them if there are no more.

    Raises:
        DatasetError: there are none.
    """
    if not images:
        raise DatasetError(
            "there are no images to set the ranges of the int8 graph by",
            remedy="give labelled images with a training part, or a folder with --calibrate-on",
        )
    chosen = np.random.default_rng(seed).permutation(len(images))[:number]
    return tuple(images[index] for index in sorted(chosen))
