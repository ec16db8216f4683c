"""How crops reach a classifier: chosen from the training part unless the config says it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.card import InputSpec
from cellwright.bundles.class_probabilities import ClassProbabilities
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import ConfigError, DatasetError
from cellwright.images.normalise import Normalisation
from cellwright.learning.class_config import ClassificationConfig
from cellwright.learning.config import InputConfig
from cellwright.types import Category, Image, Sample

SURVEYED = 400
"""Images looked at, evenly spaced."""

LOWEST, HIGHEST = 0.1, 99.9
"""Percentiles of a channel's pixels over the images that become 0 and 1."""


def choose_class_input(
    train: LabelledSet, config: InputConfig, chosen: ClassificationConfig
) -> tuple[InputSpec, ClassProbabilities]:
    """Channels, normalisation and size of the crops.

    8-bit colour keeps its full range; anything else is scaled by limits that are the same for
    every image, since how bright a stain is can be what tells the classes apart.

    Raises:
        ConfigError: settings of tiles, which crops do not have; or channels that the images do
            not name.
        DatasetError: images of different numbers of channels.
    """
    if config != InputConfig(normalisation=config.normalisation):
        raise ConfigError(
            "a classifier looks at whole crops: of this section only normalisation is used",
            where="input",
            remedy="set classification.crop_px for the size of a crop",
        )
    step = max(1, -(-len(train) // SURVEYED))
    samples = [record.load() for record in train.records[::step]]
    names = _channel_names(samples, chosen.channels, train)
    images = [_channels_of(sample, chosen.channels) for sample in samples]
    if len({image.shape[0] for image in images}) > 1:
        raise DatasetError(
            "holds images of different numbers of channels",
            where=train.name,
            remedy="convert them to one kind",
        )
    sizes = {sample.pixel_size_um for sample in samples}
    size = sizes.pop() if len(sizes) == 1 else None
    spec = InputSpec(
        channels=images[0].shape[0],
        channel_names=names,
        normalisation=config.normalisation or choose_normalisation(images),
        pixel_size_um=size,
    )
    median = np.median([image.shape[1:] for image in images], axis=0)
    crop_px = chosen.crop_px or (int(median[0]), int(median[1]))
    square = crop_px[0] == crop_px[1]
    if chosen.views > 1 and not square:
        raise ConfigError(
            f"{chosen.views} views need square crops, not {crop_px[1]} x {crop_px[0]} pixels",
            where="classification.views",
            remedy="set classification.crop_px to a square, or views to 1",
        )
    return spec, ClassProbabilities(crop_px=crop_px, fit=chosen.fit, views=chosen.views)


def choose_normalisation(images: Sequence[Image]) -> Normalisation:
    """Full range for 8-bit colour, else limits that hold for every image."""
    if all(image.dtype == np.uint8 and len(image) > 1 for image in images):
        return Normalisation(kind="full_range")
    return Normalisation(kind="fixed", limits=tuple(_limits(images)))


def _limits(images: Sequence[Image]) -> list[tuple[float, float]]:
    limits = []
    for channel in range(images[0].shape[0]):
        values: NDArray[np.float64] = np.concatenate(
            [image[channel].ravel()[::2].astype(np.float64) for image in images]
        )
        low, high = np.percentile(values, [LOWEST, HIGHEST])
        limits.append((float(low), float(max(high, low + 1e-6))))
    return limits


def _channel_names(
    samples: Sequence[Sample], wanted: tuple[str, ...], train: LabelledSet
) -> tuple[str, ...]:
    """The names of the channels that are learned from; empty where the images have none."""
    known = {sample.channel_names for sample in samples}
    names = known.pop() if len(known) == 1 else ()
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ConfigError(
            f"the images of {train.name} have no channel {missing[0]!r}",
            where="classification.channels",
            remedy=f"choose out of: {', '.join(names) or '(their channels have no names)'}",
        )
    return wanted or names


def _channels_of(sample: Sample, wanted: tuple[str, ...]) -> Image:
    if not wanted:
        return sample.image
    return sample.image[[sample.channel_names.index(name) for name in wanted]]


def refuse_rare(train: LabelledSet, val: LabelledSet) -> tuple[str, ...]:
    """Sentences about classes that the parts hold too few of; none to learn from is refused.

    Raises:
        DatasetError: a class without an image in the training part, or fewer than two classes.
    """
    counts = {name: class_counts(part) for name, part in (("train", train), ("val", val))}
    missing = [
        name for name, n in zip(train.classes, counts["train"].tolist(), strict=True) if not n
    ]
    if missing:
        raise DatasetError(
            f"the training part holds no image of the class {missing[0]!r}",
            where=train.name,
            remedy="label some, leave the class out, or split anew: splits are stratified",
        )
    if len(train.classes) < 2:
        raise DatasetError("there is only one class", where=train.name)
    return tuple(
        f"the class {name} was learned from {n} images only"
        for name, n in zip(train.classes, counts["train"].tolist(), strict=True)
        if n < 30
    )


def class_counts(labelled: LabelledSet) -> NDArray[np.int64]:
    """``(K,)`` images of each class."""
    found = [record.load_annotation() for record in labelled]
    ids = np.array([one.class_id for one in found if isinstance(one, Category)], np.int64)
    return np.bincount(ids, minlength=len(labelled.classes))
