"""What a way of telling live from dead must offer; ``pairs`` and ``singles`` are the two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from cellwright.assays.names import Template
from cellwright.assays.tables import LeftOut
from cellwright.assays.viability.counts import Cells
from cellwright.assays.viability.field_image import FieldImage
from cellwright.inference.counts import CountEstimates
from cellwright.inference.identity import NamedImage
from cellwright.types import Boxes, Image


class Field(NamedTuple):
    """The files of one field, in the order a way of counting wants them."""

    image: NamedImage
    files: tuple[Path, ...]


class Found(NamedTuple):
    """The cells of an image and, where the model's card can tell, how many there truly are."""

    boxes: Boxes
    estimates: CountEstimates = CountEstimates(None, ())


class Finder(Protocol):
    """Finds the cells of an image, each once, whatever its class."""

    @property
    def channels(self) -> int:
        """Channels of the images it looks at."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""
        ...

    def find(self, image: FieldImage) -> Found:
        """Cells of one image."""
        ...


class Counting(Protocol):
    """A way to tell live from dead."""

    def check(self, classes: Sequence[str]) -> None:
        """Refuse a model whose classes do not suit; raises ConfigError."""
        ...

    def plan(
        self, paths: Sequence[Path], *, group: Template | None
    ) -> tuple[list[Field], list[LeftOut]]:
        """Fields, and files that are in none."""
        ...

    def count(self, images: Sequence[FieldImage], finder: Finder) -> Cells:
        """The cells of one field; raises CellwrightError where that is impossible."""
        ...

    def picture(self, images: Sequence[FieldImage]) -> Image:
        """What the cells are drawn on: ``(C, h, w)`` thinned by ``images[0].step``."""
        ...

    def describe(self) -> str:
        """How live and dead were told apart, for the report."""
        ...
