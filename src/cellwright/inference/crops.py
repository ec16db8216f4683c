"""One cell's picture to what a classifier is fed, the same way in training and in use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import InputSpec
from cellwright.bundles.class_probabilities import ClassProbabilities
from cellwright.errors import ImageError
from cellwright.images.montage import to_size
from cellwright.images.normalise import apply_limits, channel_limits
from cellwright.images.resize import adapt_channels, resize
from cellwright.types import Image, check_image

SATURATED_SHARE = 0.01
"""A crop with more of its pixels than this at its type's largest value is marked."""

FINEST_PIXELS = 64
"""Pixels more than this many times finer than in training are no microscope's, but an error in
the file, which would make crops of billions of them."""

LARGEST_ONE_CELL = 4
"""A picture more than this many times as long as a crop is not taken for a single cell."""


def prepare_crop(
    image: Image,
    spec: InputSpec,
    decoding: ClassProbabilities,
    *,
    channel_names: Sequence[str] = (),
    pixel_size_um: float | None = None,
    where: object = None,
) -> NDArray[np.float32]:
    """float32 ``(C, *crop_px)`` in [0, 1].

    Args:
        image: ``(C', H, W)``, one cell in its middle.
        spec: channels and normalisation.
        decoding: size of the crop and how an image gets there.
        channel_names: of ``image`` where known; the wanted ones are picked by name.
        pixel_size_um: of ``image`` where known; with ``centre``, the crop shows as many
            micrometres as in training.
        where: the image, for errors.

    Raises:
        ImageError: not a finite image, or channels that cannot be told apart.
    """
    check_image(image, where=where)
    chosen = choose_channels(image, spec, channel_names, where=where)
    if decoding.fit == "centre":
        chosen = to_size(chosen, extent(spec, decoding, pixel_size_um, where=where))
    sized = resize(chosen, *decoding.crop_px)
    return apply_limits(sized, channel_limits(sized, spec.normalisation))


def extent(
    spec: InputSpec,
    decoding: ClassProbabilities,
    pixel_size_um: float | None,
    *,
    where: object = None,
) -> tuple[int, int]:
    """(height, width) in image pixels that a crop covers.

    Raises:
        ImageError: a pixel size that cannot be that of pictures like those of the training.
    """
    height, width = decoding.crop_px
    if spec.pixel_size_um is None or pixel_size_um is None:
        return height, width
    factor = spec.pixel_size_um / pixel_size_um
    if not factor <= FINEST_PIXELS:
        raise ImageError(
            f"a pixel of {pixel_size_um:g} µm is more than {FINEST_PIXELS} times smaller than in "
            f"training ({spec.pixel_size_um:g} µm)",
            where=where,
            remedy="give the true size with --pixel-size",
        )
    return max(1, round(height * factor)), max(1, round(width * factor))


def shows_one_cell(
    image: Image, spec: InputSpec, decoding: ClassProbabilities, pixel_size_um: float | None
) -> bool:
    """Whether a picture is small enough to be taken for a single cell."""
    if decoding.fit == "resize":
        return True
    longest = LARGEST_ONE_CELL * max(extent(spec, decoding, pixel_size_um))
    return bool(max(image.shape[1:]) <= longest)


def choose_channels(
    image: Image, spec: InputSpec, names: Sequence[str], *, where: object = None
) -> Image:
    """The channels a model wants: by name where both sides have names, else all of them.

    A name that two channels have tells nothing. A grey image is no picture of three named
    channels, even if it could be repeated.

    Raises:
        ImageError: another number of channels, and names that do not tell which to take.
    """
    wanted = spec.channel_names
    if wanted and all(list(names).count(name) == 1 for name in wanted):
        return image[[list(names).index(name) for name in wanted]]
    if wanted and image.shape[0] != spec.channels:
        raise ImageError(
            f"the image has {_counted(image)} ({', '.join(names) or 'without names'}), "
            f"but the model wants {', '.join(wanted)}",
            where=where,
            remedy="name the channels in the file as the model does, or save only these",
        )
    return adapt_channels(image, spec.channels, where=where)


def _counted(image: Image) -> str:
    return "1 channel" if image.shape[0] == 1 else f"{image.shape[0]} channels"


def crop_notes(image: Image) -> tuple[str, ...]:
    """What a reader must know of one cell's raw pixels: a constant channel, saturation."""
    flat = image.reshape(len(image), -1)
    notes = []
    if (np.ptp(flat, axis=1) == 0).any():
        notes.append("a channel is constant")
    if image.dtype != np.float32:
        top = np.iinfo(image.dtype).max
        if (flat == top).mean(axis=1).max() > SATURATED_SHARE:
            notes.append("saturated")
    return tuple(notes)
