"""Pictures, cells and boxes as napari's layers: triples of data, settings and type.

napari counts from the middle of pixels, Cellwright from their edges: the corner of the first pixel
is (-0.5, -0.5) there. Tables lie in ``features``, a row a cell, by the columns of ``cells.csv``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.images.overlay import PALETTE, is_shown_as_is
from cellwright.images.picture import Picture
from cellwright.inference.cells import CellTable

LayerData: TypeAlias = tuple[Any, dict[str, Any], str]
"""Data, settings, and ``image``, ``labels`` or ``shapes``."""

Table: TypeAlias = CellTable
"""Columns of equal length."""

EDGE_SHARE = 1 / 15
"""Width of a box's line as a share of a box's edge, so that it is seen from afar."""

KEY = "cellwright"
"""Of a layer's metadata: the classes, and the plane that its cells were found in."""

CLASSES_OF_PIXELS = "classes of pixels"
"""What a layer of labels shows that holds no single cells."""


@dataclass(frozen=True)
class Origin:
    """What the cells of a layer come from.

    Attributes:
        classes: names, in order.
        placing: of the image, see :data:`cellwright.napari.plane.PLACING`.
        plane: place in a stack; empty where the image is none.
    """

    classes: Sequence[str]
    placing: Mapping[str, Any] = field(default_factory=dict)
    plane: tuple[int, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """What a layer remembers of it."""
        return {"metadata": {KEY: {"classes": list(self.classes), "plane": list(self.plane)}}}


def without_empty(table: Table) -> Table:
    """A table of cells without the columns that hold nothing."""
    return {
        name: values for name, values in table.items() if any(value is not None for value in values)
    }


def placing_of(pixel_size_um: float | None) -> dict[str, Any]:
    """Where an image of its own lies."""
    if pixel_size_um is None:
        return {}
    return {"scale": (pixel_size_um, pixel_size_um), "units": ("um", "um")}


def image_layers(picture: Picture, name: str) -> list[LayerData]:
    """A picture as one layer; one a channel where these are no colours."""
    placing = placing_of(picture.pixel_size_um)
    if is_shown_as_is(picture.pixels):
        colours = np.moveaxis(picture.pixels, 0, -1)
        return [(colours, {"name": name, "rgb": True, **placing}, "image")]
    if len(picture.pixels) == 1:
        return [(picture.pixels[0], {"name": name, "rgb": False, **placing}, "image")]
    names = picture.channel_names or [str(n) for n in range(1, len(picture.pixels) + 1)]
    return [
        (
            plane,
            {"name": f"{name} {channel}", "rgb": False, "blending": "additive", **placing},
            "image",
        )
        for plane, channel in zip(picture.pixels, names, strict=True)
    ]


def labels_layer(labels: NDArray[Any], table: Table, origin: Origin, *, name: str) -> LayerData:
    """A layer of labels that can be painted on.

    Args:
        labels: ``(H, W)``, 0 = background.
        table: with a column ``label``.
        origin: of the labels.
        name: of the layer.

    Raises:
        ImageError: a stack that is turned out of its planes.
    """
    others = {column: values for column, values in table.items() if column != "label"}
    data = np.array(labels, np.int32).reshape((1,) * len(origin.plane) + labels.shape)
    settings = {
        "name": name,
        "features": {"index": table.get("label", []), **others},
        **origin.settings,
        **_moved(origin.placing, origin.plane),
    }
    return data, settings, "labels"


def boxes_layer(
    xyxy: NDArray[np.floating[Any]], table: Table, origin: Origin, *, name: str
) -> LayerData:
    """A layer of rectangles, coloured by class.

    Args:
        xyxy: ``(N, 4)`` on pixel edges.
        table: N rows, with a column ``class``.
        origin: of the boxes.
        name: of the layer.
    """
    x0, y0, x1, y1 = np.asarray(xyxy, np.float64).reshape(-1, 4).T - 0.5
    corners = np.stack([y0, x0, y0, x1, y1, x1, y1, x0], axis=1).reshape(-1, 4, 2)
    n_before = len(origin.plane)
    before = np.broadcast_to(np.array(origin.plane, np.float64), (len(corners), 4, n_before))
    settings = {
        "name": name,
        "ndim": 2 + n_before,
        "shape_type": "rectangle",
        "face_color": "transparent",
        "edge_width": max(1.0, float(np.median([x1 - x0, y1 - y0])) * EDGE_SHARE) if x0.size else 1,
        "features": table,
        **origin.settings,
        **origin.placing,
    }
    if len(corners):
        # Else a box that is drawn would take the class, and the score, of the last in the table.
        settings["feature_defaults"] = {
            column: "" if column == "class" else np.nan for column in table
        }
        ids = [list(origin.classes).index(one) for one in table["class"]]
        settings["edge_color"] = np.array([PALETTE[n % len(PALETTE)] for n in ids]) / 255
    return list(np.concatenate([before, corners], axis=2)), settings, "shapes"


def _moved(placing: Mapping[str, Any], plane: tuple[int, ...]) -> dict[str, Any]:
    """``placing`` of one plane of a stack, which is an axis of length 1 there."""
    if not any(plane):
        return dict(placing)
    n_axes = len(plane) + 2
    turned = not np.allclose(placing.get("rotate", np.eye(n_axes)), np.eye(n_axes))
    if turned or np.any(placing.get("shear", 0)):
        raise ImageError(
            "a stack that is turned or sheared has no place for labels of one plane",
            remedy="duplicate the plane that is meant as a layer of its own",
        )
    scale = np.asarray(placing.get("scale", np.ones(n_axes)), np.float64)
    offset = scale * (*plane, 0, 0)
    moved = np.asarray(placing.get("translate", np.zeros(n_axes)), np.float64) + offset
    return {**placing, "translate": tuple(moved.tolist())}
