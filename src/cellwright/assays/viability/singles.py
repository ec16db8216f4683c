"""Single images: the model's own classes say which cell is live and which is dead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright.assays.names import Template, key_of, with_groups
from cellwright.assays.pairing import pair_images
from cellwright.assays.tables import LeftOut
from cellwright.assays.viability.counting import Field, Finder
from cellwright.assays.viability.counts import CLASSES, DEAD, LIVE, Cells, Seen
from cellwright.assays.viability.field_image import FieldImage
from cellwright.assays.viability.pairs import Pairs
from cellwright.assays.viability.true_counts import NOTHING_KNOWN, TrueCounts
from cellwright.errors import ConfigError
from cellwright.inference.identity import name_images
from cellwright.types import Boxes, Image


@dataclass(frozen=True)
class Singles:
    """One image a field; the model's own classes say what is live and what is dead.

    Attributes:
        live: name of the model's class of live cells; case does not matter.
        dead: name of the model's class of dead cells.
    """

    live: str = "live"
    dead: str = "dead"

    def check(self, classes: Sequence[str]) -> None:
        """Both classes must be among the model's."""
        known = [name.casefold() for name in classes]
        for wanted in (self.live, self.dead):
            if wanted.casefold() not in known:
                raise ConfigError(
                    f"the model has no class {wanted!r}; its classes are {', '.join(classes)}",
                    remedy="name its classes of live and dead cells, or count pairs of images",
                )
        if self.live.casefold() == self.dead.casefold():
            raise ConfigError(f"live and dead cannot both be {self.live!r}")

    def plan(
        self, paths: Sequence[Path], *, group: Template | None
    ) -> tuple[list[Field], list[LeftOut]]:
        """Every file is a field."""
        keys = [key_of(path) for path in paths]
        images = with_groups(name_images(paths), keys, template=group)
        fields = [Field(image, (image.path,)) for image in images]
        return fields, []

    def count(self, images: Sequence[FieldImage], finder: Finder) -> Cells:
        """Cells by class; cells of further classes are not counted, and that is said."""
        [image] = images
        found, estimates = finder.find(image)
        known = [name.casefold() for name in finder.classes]
        live, dead = known.index(self.live.casefold()), known.index(self.dead.casefold())
        is_live, is_dead = found.class_ids == live, found.class_ids == dead
        kept = is_live | is_dead
        boxes = found.select(kept)
        other = int((~kept).sum())
        notes = (f"{other} cells of other classes were not counted",) if other else ()
        class_ids = np.where(is_dead[kept], DEAD, LIVE)
        seen: Seen = "single"
        true = NOTHING_KNOWN
        if estimates.per_class:
            total = estimates.total if len(known) == len(CLASSES) else None
            true = TrueCounts(total, estimates.per_class[dead], estimates.per_class[live])
        return Cells(Boxes(boxes.xyxy, class_ids, boxes.scores), (seen,) * len(boxes), notes, true)

    def picture(self, images: Sequence[FieldImage]) -> Image:
        """The image itself."""
        return images[0].thumbnail()

    def describe(self) -> str:
        """For the report."""
        return (
            f"The model detects cells and tells {self.live!r} from {self.dead!r} in each image; "
            "a cell found as both is counted once, as the class with the higher score."
        )


def refuse_pairs(paths: Sequence[Path]) -> None:
    """Stop where a model of single images was given files that are named as pairs of dyes.

    Each would count as a field of its own, those of the dye of dead cells too.

    Raises:
        ConfigError: some files are called as the two images of a pair.
    """
    pairs = pair_images(paths, blue=Pairs.blue, red=Pairs.red).pairs
    if pairs:
        first = pairs[0]
        raise ConfigError(
            f"{first.blue.name} and {first.red.name} look like two dyes of one field "
            f"({len(pairs)} such in all), and this model counts single images",
            remedy="count pairs with a model of stained nuclei (--model live-dead-fluo), or say "
            "that each image is a field of its own (--live live --dead dead)",
        )
