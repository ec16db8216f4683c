"""Cells in a plane of a layer: the same network, thresholds and table as ``cellwright predict``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.zoo import ZOO
from cellwright.errors import BundleError
from cellwright.images.lazy import LazyImage
from cellwright.inference.cells import Cells
from cellwright.inference.counts import COUNT_LEVEL
from cellwright.inference.model import load_model
from cellwright.napari.layers import (
    CLASSES_OF_PIXELS,
    KEY,
    LayerData,
    Origin,
    Table,
    boxes_layer,
    labels_layer,
    without_empty,
)
from cellwright.napari.plane import Plane
from cellwright.types import Boxes


@dataclass(frozen=True)
class FoundCells:
    """What was found.

    Attributes:
        layers: to be added to the viewer.
        sentence: how many, of which class.
        warning: what limits the count; empty where nothing does.
    """

    layers: tuple[LayerData, ...]
    sentence: str
    warning: str = ""


def model_names() -> list[str]:
    """Models of the zoo that find cells."""
    return [name for name in ZOO if open_bundle(name).card.classification is None]


def find_cells(
    plane: Plane,
    model: str | Path,
    *,
    pixel_size_um: float | None = None,
    scale: float | None = None,
) -> FoundCells:
    """Find the cells of a plane.

    Args:
        plane: of an image layer.
        model: a name of the zoo, or the path of a ``.cellwright`` file.
        pixel_size_um: instead of what the layer says.
        scale: how much larger than the training's images this must be drawn, instead of pixel
            sizes.

    Raises:
        UnknownNameError: no such model.
        BundleError: it is damaged, or does not find cells.
        ConfigError: a pixel size or scale that cannot be.
        ImageError: the image does not fit the model.
    """
    loaded = load_model(model)
    if not loaded.finds_cells:
        raise BundleError(
            "this model says what a given cell is, and finds none",
            where=loaded.bundle.path.name,
            remedy=f"choose one that finds cells, for instance: {', '.join(model_names())}",
        )
    cells = loaded.find_cells(_opened(plane), pixel_size_um=pixel_size_um, scale=scale)
    origin = Origin(cells.classes, plane.placing, plane.index)
    name = f"{plane.name} {loaded.card.name}"
    warning = ""
    if cells.capped:
        warning = f"{loaded.card.name} gave all the boxes it can: cells beyond them are missing"
    return FoundCells(tuple(_layers(cells, origin, name)), _sentence(plane, cells), warning)


def _opened(plane: Plane) -> LazyImage:
    return LazyImage(
        shape=plane.source.shape,
        dtype=plane.source.dtype,
        read=plane.source.read_region,
        close=lambda: None,
        pixel_size_um=plane.pixel_size_um,
    )


def _layers(cells: Cells, origin: Origin, name: str) -> Iterator[LayerData]:
    table = without_empty(cells.table)
    if isinstance(cells.found, Boxes):
        yield boxes_layer(cells.found.xyxy, table, origin, name=name)
        return
    if cells.mask is not None:
        classes = list(cells.classes)
        legend: Table = {"label": list(range(1, len(classes) + 1)), "class": classes}
        mask = labels_layer(cells.mask.mask, legend, origin, name=f"{name} classes")
        mask[1]["metadata"][KEY]["shows"] = CLASSES_OF_PIXELS
        yield mask
    yield labels_layer(cells.labels, table, origin, name=name)


def _sentence(plane: Plane, cells: Cells) -> str:
    per_class = ", ".join(f"{name} {number}" for name, number in cells.counts.items())
    sentence = f"{plane.name}: {len(cells)} cell{'' if len(cells) == 1 else 's'} ({per_class})"
    if cells.count_range is not None:
        low, high = cells.count_range
        sentence += f"; true count {low} to {high} ({COUNT_LEVEL:.0%} interval)"
    return sentence
