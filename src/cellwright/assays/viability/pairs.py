"""Pairs of images: blue shows every nucleus, red shows dead cells (paper 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellwright.assays.matching import match_boxes
from cellwright.assays.names import Template, parse_template, with_groups
from cellwright.assays.pairing import pair_images
from cellwright.assays.tables import LeftOut
from cellwright.assays.viability.counting import Field, Finder
from cellwright.assays.viability.counts import CLASSES, DEAD, LIVE, Cells, Seen
from cellwright.assays.viability.field_image import FieldImage, shared_pixel_size
from cellwright.assays.viability.true_counts import TrueCounts
from cellwright.errors import ConfigError, ImageError
from cellwright.inference.identity import name_images
from cellwright.types import Boxes, Image

RED_CHANNEL, BLUE_CHANNEL = 0, 2
"""Where the dyes lie in pictures that are saved in their colour (RGB)."""


@dataclass(frozen=True)
class Pairs:
    """Blue shows every nucleus, red shows dead cells; nuclei are matched one to one.

    Attributes:
        blue: template of the blue images' names, without suffix.
        red: template of the red images' names.
        iou_threshold: boxes that overlap less are different cells.
    """

    blue: str = "{name}_blue"
    red: str = "{name}_red"
    iou_threshold: float = 0.3

    def __post_init__(self) -> None:
        for template in (self.blue, self.red):
            parse_template(template)
        if not 0 < self.iou_threshold <= 1:
            raise ConfigError(f"the IoU threshold must lie in (0, 1], not {self.iou_threshold}")

    def check(self, classes: Sequence[str]) -> None:
        """Any model of nuclei will do, but not one that tells live from dead itself."""
        if {name.casefold() for name in classes} >= set(CLASSES):
            raise ConfigError(
                f"this model tells {' from '.join(classes)} in one image; it is not for pairs",
                remedy="count single images with it, or choose a model of stained nuclei",
            )

    def plan(
        self, paths: Sequence[Path], *, group: Template | None
    ) -> tuple[list[Field], list[LeftOut]]:
        """Pairs by name; files without partner are left out."""
        pairing = pair_images(paths, blue=self.blue, red=self.red)
        images = [replace(name_images([one.blue])[0], id=one.name) for one in pairing.pairs]
        keys = [one.key for one in pairing.pairs]
        fields = [
            Field(image, (pair.blue, pair.red))
            for image, pair in zip(
                with_groups(images, keys, template=group), pairing.pairs, strict=True
            )
        ]
        return fields, list(pairing.left_out)

    def count(self, images: Sequence[FieldImage], finder: Finder) -> Cells:
        """Blue with a red partner is dead, blue alone is live, red alone is dead."""
        blue_image, red_image = images
        if blue_image.size != red_image.size:
            sizes = [f"{width} x {height}" for height, width in (image.size for image in images)]
            raise ImageError(
                f"blue is {sizes[0]} pixels and red is {sizes[1]}",
                remedy="both images of a pair must show the same field at the same size",
            )
        if finder.channels == 1:
            blue_image, red_image = blue_image.dye(BLUE_CHANNEL), red_image.dye(RED_CHANNEL)
        # Two scales would give one nucleus two sizes, and its boxes would not match.
        scale = shared_pixel_size(images)
        in_blue, in_red = (
            finder.find(replace(dye, pixel_size_um=scale)) for dye in (blue_image, red_image)
        )
        blue, red = in_blue.boxes, in_red.boxes
        matching = match_boxes(blue, red, iou_threshold=self.iou_threshold)
        dead = np.isin(np.arange(len(blue)), matching.first)
        red_only = red.select(~np.isin(np.arange(len(red)), matching.second))
        boxes = Boxes.concatenate([blue, red_only])
        class_ids = np.concatenate([np.where(dead, DEAD, LIVE), np.full(len(red_only), DEAD)])
        seen: list[Seen] = ["blue+red" if is_dead else "blue" for is_dead in dead]
        seen += ["red"] * len(red_only)
        notes = _pair_notes(blue_image, red_image, len(red_only))
        true = TrueCounts(cells=in_blue.estimates.total, dead=in_red.estimates.total)
        return Cells(Boxes(boxes.xyxy, class_ids, boxes.scores), tuple(seen), notes, true)

    def picture(self, images: Sequence[FieldImage]) -> Image:
        """Both dyes as the two channels of one picture."""
        blue = images[0].dye(BLUE_CHANNEL).thumbnail()[:1]
        red = images[1].dye(RED_CHANNEL).thumbnail()[:1]
        kind = np.promote_types(blue.dtype, red.dtype)
        return np.concatenate([blue.astype(kind), red.astype(kind)])

    def describe(self) -> str:
        """For the report."""
        return (
            f"Blue images ({self.blue}) show every nucleus, red images ({self.red}) dead cells. "
            "Nuclei were detected in both and matched one to one so that the total overlap is "
            f"largest; boxes that overlap by less than IoU {self.iou_threshold:g} are different "
            "cells. A blue nucleus with a red partner is a dead cell, one without is live. A red "
            "nucleus without a blue partner counts as a dead cell whose blue nucleus was missed."
        )


def _pair_notes(blue: FieldImage, red: FieldImage, n_red_only: int) -> tuple[str, ...]:
    notes = []
    if n_red_only:
        cells = "cell was" if n_red_only == 1 else "cells were"
        notes.append(f"{n_red_only} dead {cells} found in red only")
    of_blue, of_red = blue.pixel_size_um, red.pixel_size_um
    if of_blue is not None and of_red is not None and of_blue != of_red:
        notes.append(f"blue says {of_blue:g} µm a pixel and red {of_red:g}; blue was used for both")
    elif (of_blue is None) != (of_red is None):
        known = "red" if of_blue is None else "blue"
        size = shared_pixel_size((blue, red))
        notes.append(f"only {known} says its pixel size; its {size:g} µm were used for both")
    return tuple(notes)
