"""What a run does with one image, whatever the task; ``predict`` writes down what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from cellwright.errors import ConfigError
from cellwright.images.read import LazyImage
from cellwright.inference.identity import NamedImage
from cellwright.inference.prepare import check_pixel_size, check_scale
from cellwright.inference.run_folder import Part, TableColumns

OVERLAY_PX = 2000
"""Longest edge of an overlay picture."""

Overlays = Literal["draw", "none"]

Outlines = Literal["none", "geojson", "imagej", "both"]
"""Files of outlines: GeoJSON for QuPath, a zip of regions for ImageJ and Fiji."""


@dataclass(frozen=True)
class RunOptions:
    """What a user may set about a run; part of what must be equal to resume it.

    Attributes:
        pixel_size_um: instead of what the files say.
        scale: how much larger than the training's images these must be drawn: 2 where the
            cells are half as large.
        score_threshold: from which score a box is a cell, instead of the card's thresholds.
        overlays: whether to draw a picture of each image with its cells.
        tile_px: each image is a montage of square tiles of this edge, a cell a tile;
            classification only.
        outlines: files of the cells' outlines for other programs.
        labels_dir: folder that holds a label image for every field, made absolute;
            classification only.
    """

    pixel_size_um: float | None = None
    scale: float | None = None
    score_threshold: float | None = None
    overlays: Overlays = "draw"
    tile_px: int | None = None
    labels_dir: str | None = None
    outlines: Outlines = "none"

    def __post_init__(self) -> None:
        check_pixel_size(self.pixel_size_um)
        if self.scale is not None:
            check_scale(self.scale)
        if self.score_threshold is not None and not 0 <= self.score_threshold <= 1:
            raise ConfigError(f"the score threshold must lie in 0..1, not {self.score_threshold}")
        if self.tile_px is not None and self.labels_dir is not None:
            raise ConfigError(
                "an image is a montage of tiles or a field with a label image, not both",
                remedy="give either --tile or --labels",
            )
        if self.labels_dir is not None:
            # A worker of a cluster, and a run that goes on, may stand in another folder.
            object.__setattr__(self, "labels_dir", str(Path(self.labels_dir).absolute()))

    def refuse_cells(self, task: str) -> None:
        """Refuse options that say where single cells are, where the model finds them itself.

        Raises:
            ConfigError: ``tile_px`` or ``labels_dir`` is given.
        """
        if self.tile_px is not None or self.labels_dir is not None:
            raise ConfigError(
                f"--tile and --labels are for models that classify, and this one is for {task}",
                remedy="leave them out",
            )

    def refuse_detection(self) -> None:
        """Refuse options that mean nothing to a model that classifies.

        Raises:
            ConfigError: ``scale``, ``score_threshold`` or ``outlines`` is given.
        """
        given = {
            "--scale": self.scale,
            "--score-threshold": self.score_threshold,
            "--outlines": None if self.outlines == "none" else self.outlines,
        }
        for name in (name for name, value in given.items() if value is not None):
            raise ConfigError(
                f"{name} says nothing to a model that classifies", remedy="leave it out"
            )


Folder = Literal["heat", "labels", "masks", "outlines", "overlays"]
"""Each of :data:`cellwright.images.read.RESULT_FOLDERS`."""


@dataclass(frozen=True)
class Product:
    """A file that an image gives.

    Attributes:
        folder: within the output folder.
        suffix: the file is called after the image.
        write: writes it, in one step.
    """

    folder: Folder
    suffix: str
    write: Callable[[Path], None]


@dataclass(frozen=True)
class Done:
    """What one image gives: its rows in the tables, and files."""

    part: Part
    products: tuple[Product, ...]


class ImageWork(Protocol):
    """A loaded bundle at work; may be called by several threads at once."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, whose counts follow the total in the summary."""
        ...

    @property
    def runtime(self) -> str:
        """The runtime in use."""
        ...

    @property
    def columns(self) -> TableColumns:
        """Columns of the tables."""
        ...

    def do(self, image: NamedImage, source: LazyImage) -> Done:
        """One image; raises CellwrightError where that is impossible."""
        ...
