"""From a config to parts that do not leak and an input the network can learn on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from cellwright.bundles.card import InputSpec
from cellwright.data.checksum import checksum, checksum_of_ids
from cellwright.data.crops import cropped
from cellwright.data.datasets import load_dataset
from cellwright.data.formats import read_labelled
from cellwright.data.inspection.duplicates import leaks
from cellwright.data.labelled_set import LabelledSet, joined
from cellwright.data.likeness import copies_among, split_apart
from cellwright.data.splits import (
    Copies,
    check_split,
    copies_of,
    given_split,
    misfit,
    part,
    read_split,
)
from cellwright.errors import ConfigError, DatasetError, LeakError
from cellwright.images.normalise import Normalisation
from cellwright.learning.config import DataConfig, InputConfig
from cellwright.types import boxes_of

DEFAULT_RATIOS = {"train": 70.0, "val": 20.0, "test": 10.0}
MULTIPLE = 32
_log = logging.getLogger(__name__)

SURVEYED = 200
"""Images looked at to choose input settings; enough for a median."""


ONLY_EQUAL = (
    "Images that resemble each other may stand in different parts: only equal pixels counted as "
    "copies."
)


@dataclass(frozen=True)
class Parts:
    """The three parts of a set; ``test`` is None where the split has none.

    Attributes:
        part_of: part by record id.
        leaks: sentences about leaks that were allowed; they end up in the card.
        copies: what counts as a copy of a picture.
    """

    whole: LabelledSet
    train: LabelledSet
    val: LabelledSet
    test: LabelledSet | None
    part_of: Mapping[str, str]
    leaks: tuple[str, ...] = ()
    copies: Copies = "alike"

    @cached_property
    def data_checksum(self) -> str:
        """Of all images and labels."""
        return checksum(self.whole)

    @property
    def learned_from(self) -> str:
        """Checksum of the ids of the training part."""
        ids = (record.id for record in self.whole)
        return checksum_of_ids(name for name in ids if self.part_of.get(name) == "train")

    @property
    def limits(self) -> tuple[str, ...]:
        """What a card must say of the division."""
        if self.copies == "alike":
            return self.leaks
        return (*self.leaks, ONLY_EQUAL)

    def called(self, name: str) -> str:
        """What a card calls the images that figures are of: set, part, and whether it leaks."""
        return f"{self.whole.name}, {name}{' (leaking split)' if self.leaks else ''}"


def load_parts(config: DataConfig) -> Parts:
    """Load the set and split it.

    A split made here keeps near-duplicates in one part; a given one is checked. Of images
    that nobody labelled it is not known what they hold: they are left out of what is learned.

    Raises:
        DatasetError: no images, or a part without any that are labelled.
        LeakError: a given split leaks and ``allow_leak`` is off.
    """
    labelled = load_set(config)
    if not len(labelled):
        raise DatasetError("the set holds no images", where=labelled.name)
    given = read_split(config.split_file) if config.split_file else None
    copies = config.copies
    if config.split_file and copies == "alike":
        copies = copies_of(config.split_file)
    if given is None and config.ratios is None:
        given = given_split(labelled)
    if given is None:
        ratios = {str(k): v for k, v in (config.ratios or DEFAULT_RATIOS).items()}
        part_of = split_apart(labelled, ratios, seed=config.split_seed, by=config.by, copies=copies)
        found: tuple[str, ...] = ()
    else:
        part_of = given
        found = _check(labelled, part_of, config, copies)
        if odd := misfit(labelled, part_of):
            _log.warning("%s: %s; the others are used", config.split_file, odd)
    has_test = "test" in part_of.values()
    remark(labelled)
    return Parts(
        whole=labelled,
        train=_learned_from(part(labelled, part_of, "train"), config),
        val=only_labelled(part(labelled, part_of, "val"), "the validation part"),
        test=only_labelled(part(labelled, part_of, "test"), "the test part") if has_test else None,
        part_of=part_of,
        leaks=found,
        copies=copies,
    )


def load_set(config: DataConfig) -> LabelledSet:
    """The labelled set that the config names.

    Raises:
        DatasetError, AnnotationError: it cannot be read.
    """
    if config.dataset is not None:
        return load_dataset(config.dataset)
    if config.datasets:
        return joined([load_dataset(name) for name in config.datasets])
    if config.path is None:
        raise ConfigError("name either data.dataset or data.path")
    return read_labelled(config.path, format=config.format)


def only_labelled(one: LabelledSet, called: str) -> LabelledSet:
    """The images of a set or part that somebody labelled, be it as holding nothing.

    Raises:
        DatasetError: there is none; ``called`` says of what.
    """
    ids = [record.id for record in one if record.load_annotation() is not None]
    if not ids:
        raise DatasetError(
            f"none of the {len(one)} images of {called} is labelled",
            where=one.name,
            remedy="an image that shows no cells needs labels that say so, e.g. an empty text file",
        )
    return one.subset(ids)


def _learned_from(one: LabelledSet, config: DataConfig) -> LabelledSet:
    """The training part as it is learned from: what is labelled, whole or in squares."""
    labelled = only_labelled(one, "the training part")
    if config.crop_px is None:
        return labelled
    squares = cropped(labelled, config.crop_px)
    if not len(squares):
        raise DatasetError(
            f"no training image holds a square of {config.crop_px} pixels",
            where=one.name,
            remedy="choose a smaller data.crop_px",
        )
    return squares


def remark(labelled: LabelledSet) -> None:
    """Say, before anything is learned from them, that labels were repaired or are missing."""
    if repaired := labelled.repaired:
        _log.warning("%s: %s", labelled.name, repaired)


def _check(
    labelled: LabelledSet, part_of: Mapping[str, str], config: DataConfig, copies: Copies
) -> tuple[str, ...]:
    """Sentences about what leaks; pictures that are copies by likeness alone may be allowed to."""
    found = []
    try:
        check_split(labelled, part_of, by=config.by)
    except LeakError as error:
        if not config.allow_leak:
            raise
        found.append(error.what)
    alike = leaks(labelled, part_of)
    crossing = copies_among(alike, copies)
    if len(crossing) < len(alike):
        _log.warning(
            "%s: %d pairs of images that resemble each other stand in different parts, for "
            "instance %r and %r: copies are of equal pixels only (`--copies equal` of the split "
            "file, or data.copies), so they count as different pictures",
            config.split_file or labelled.name,
            len(alike) - len(crossing),
            *next((one.first, one.second) for one in alike if one not in crossing),
        )
    if crossing:
        first = crossing[0]
        what = (
            f"{len(crossing)} near-duplicate pairs stand in different parts, for instance "
            f"{first.first!r} ({part_of[first.first]}) and "
            f"{first.second!r} ({part_of[first.second]})"
        )
        if not config.allow_leak:
            raise LeakError(
                what,
                where=labelled.name,
                remedy="let `cellwright data split` make the split (with --copies equal where "
                "images resemble each other by a fixed structure alone), or pass --allow-leak: the "
                "card and the report will then say so",
            )
        found.append(what)
    return tuple(found)


@dataclass(frozen=True)
class Survey:
    """What the training images look like, one entry an image looked at.

    Attributes:
        shapes: (channels, height, width) in image pixels.
        dtypes: pixel types.
        pixel_sizes_um: edge of a pixel, None where unknown.
        largest_edge_px: longest side of any labelled box of the part, in image pixels.
    """

    shapes: tuple[tuple[int, int, int], ...]
    dtypes: tuple[np.dtype[Any], ...]
    pixel_sizes_um: tuple[float | None, ...]
    largest_edge_px: float


def survey(train: LabelledSet) -> Survey:
    """Look at up to about :data:`SURVEYED` images, evenly spaced, and at every label.

    Raises:
        DatasetError: there is no box.
    """
    return survey_pixels(train, largest_edge_px=largest_edge_px(train))


def survey_pixels(train: LabelledSet, *, largest_edge_px: float) -> Survey:
    """:func:`survey` of a set whose largest cell is known, or does not matter."""
    step = max(1, len(train) // SURVEYED)
    shapes, dtypes, pixel_sizes = [], [], []
    for record in train.records[::step]:
        sample = record.load()
        channels, height, width = sample.image.shape
        shapes.append((channels, height, width))
        dtypes.append(sample.image.dtype)
        pixel_sizes.append(sample.pixel_size_um)
    return Survey(tuple(shapes), tuple(dtypes), tuple(pixel_sizes), largest_edge_px)


def choose_input(looks: Survey, config: InputConfig) -> InputSpec:
    """Channels, normalisation, scale and tiles from the training part, unless set."""
    n_channels = max(channels for channels, _, _ in looks.shapes)
    longest = float(np.median([max(height, width) for _, height, width in looks.shapes]))
    factor = 1.0 if config.longest_px is None else config.longest_px / longest
    colour = n_channels > 1 and all(dtype == np.uint8 for dtype in looks.dtypes)
    kind: Literal["full_range", "percentile"] = "full_range" if colour else "percentile"
    overlap = config.overlap_px
    if overlap is None:
        # Only a tile that holds a cell whole can draw its box.
        overlap = int(looks.largest_edge_px * factor) + 8
    return InputSpec(
        channels=n_channels,
        normalisation=config.normalisation or Normalisation(kind=kind),
        resize_factor=factor,
        pixel_size_um=_common(looks.pixel_sizes_um),
        multiple=MULTIPLE,
        tile_px=config.tile_px,
        overlap_px=min(overlap, config.tile_px // 2),
    )


def largest_edge_px(train: LabelledSet) -> float:
    """Longest side of any labelled box, in image pixels.

    Raises:
        DatasetError: there is no box.
    """
    longest = 0.0
    for record in train:
        boxes = boxes_of(record.load_annotation(), where=record.id)
        if len(boxes):
            longest = max(longest, float(boxes.widths_px.max()), float(boxes.heights_px.max()))
    if not longest:
        raise DatasetError(
            f"the labels of all {len(train)} training images are empty",
            where=train.name,
            remedy="label some cells, or look for the labels with `cellwright data inspect`",
        )
    return longest


def _common(values: Sequence[float | None]) -> float | None:
    known = {round(value, 6) for value in values if value is not None}
    return known.pop() if len(known) == 1 and None not in values else None


def choose_window(
    looks: Survey, spec: InputSpec, config: InputConfig
) -> tuple[tuple[int, int], int]:
    """Training window (height, width) in network pixels, and windows an image an epoch."""
    sizes = np.array([shape[1:] for shape in looks.shapes])
    height, width = (np.median(sizes, axis=0) * spec.resize_factor).tolist()
    longest = min(spec.tile_px, config.window_px or spec.tile_px)
    # Deep networks halve a window more often than that constant allows for.
    step = max(MULTIPLE, spec.multiple)
    window = tuple(min(longest, -(-round(edge) // step) * step) for edge in (height, width))
    fitting = round(height * width / (window[0] * window[1]))
    crops = config.crops_per_image or min(16, max(1, fitting))
    return (window[0], window[1]), crops
