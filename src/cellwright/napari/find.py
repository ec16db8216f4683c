"""Cells in a plane of a layer: the same network, thresholds and table as ``cellwright predict``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.zoo import ZOO
from cellwright.errors import BundleError
from cellwright.inference.counts import COUNT_LEVEL
from cellwright.inference.detection_work import cell_rows
from cellwright.inference.identity import NamedImage
from cellwright.inference.predictor import Predictor
from cellwright.inference.region_table import region_columns, region_rows
from cellwright.inference.run_folder import CELL_COLUMNS
from cellwright.inference.segmenter import Segmenter
from cellwright.inference.work import RunOptions
from cellwright.napari.layers import (
    CLASSES_OF_PIXELS,
    KEY,
    LayerData,
    Origin,
    Table,
    boxes_layer,
    labels_layer,
    table_of,
)
from cellwright.napari.plane import Plane


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
    options = RunOptions(pixel_size_um=pixel_size_um, scale=scale)
    bundle = open_bundle(model)
    if bundle.card.classification is not None:
        raise BundleError(
            "this model says what a given cell is, and finds none",
            where=bundle.path.name,
            remedy=f"choose one that finds cells, for instance: {', '.join(model_names())}",
        )
    size = options.pixel_size_um or plane.pixel_size_um
    find = _boxes if bundle.card.segmentation is None else _regions
    return find(plane, bundle, size, options)


def _boxes(
    plane: Plane, bundle: Bundle, pixel_size_um: float | None, options: RunOptions
) -> FoundCells:
    predictor = Predictor(bundle)
    classes = predictor.classes
    rule = predictor.counting_rule()
    ranked = predictor.predict(
        plane.source,
        pixel_size_um=pixel_size_um,
        scale=options.scale,
        minimum_score=predictor.counting_floor(rule),
    )
    cells = rule(ranked)
    table = table_of(CELL_COLUMNS, cell_rows(cells, classes, _named(plane), pixel_size_um))
    layer = boxes_layer(cells.xyxy, table, _origin(plane, classes), name=_name(plane, bundle))
    sentence = _sentence(plane, table.get("class", []), classes)
    total = predictor.estimate_counts(ranked, rule).total
    truly = None if total is None else total.interval(counted=len(cells))
    if truly is not None:
        sentence += f"; true count {truly.low} to {truly.high} ({COUNT_LEVEL:.0%} interval)"
    warning = ""
    if predictor.is_capped(ranked):
        warning = f"{bundle.card.name} gave all the boxes it can: cells beyond them are missing"
    return FoundCells((layer,), sentence, warning)


def _regions(
    plane: Plane, bundle: Bundle, pixel_size_um: float | None, options: RunOptions
) -> FoundCells:
    segmenter = Segmenter(bundle)
    classes, n_channels = segmenter.classes, bundle.card.input.channels
    found = segmenter.segment_fully(plane.source, pixel_size_um=pixel_size_um, scale=options.scale)
    rows = region_rows(
        found.cells,
        plane.source,
        classes=classes,
        image=_named(plane),
        pixel_size_um=pixel_size_um,
        n_channels=n_channels,
    )
    table = table_of(region_columns(n_channels), rows)
    origin, name = _origin(plane, classes), _name(plane, bundle)
    layers = [labels_layer(found.cells.labels, table, origin, name=name)]
    if bundle.card.task == "semantic":
        legend: Table = {"label": list(range(1, len(classes) + 1)), "class": list(classes)}
        mask = labels_layer(found.mask.mask, legend, origin, name=f"{name} classes")
        mask[1]["metadata"][KEY]["shows"] = CLASSES_OF_PIXELS
        layers = [mask, *layers]
    return FoundCells(tuple(layers), _sentence(plane, table.get("class", []), classes))


def _origin(plane: Plane, classes: tuple[str, ...]) -> Origin:
    return Origin(classes, plane.placing, plane.index)


def _name(plane: Plane, bundle: Bundle) -> str:
    return f"{plane.name} {bundle.card.name}"


def _named(plane: Plane) -> NamedImage:
    return NamedImage(Path(plane.name), plane.name, "", "", "")


def _sentence(plane: Plane, found: list[str], classes: tuple[str, ...]) -> str:
    counts = Counter(found)
    per_class = ", ".join(f"{name} {counts[name]}" for name in classes)
    return f"{plane.name}: {len(found)} cell{'' if len(found) == 1 else 's'} ({per_class})"
