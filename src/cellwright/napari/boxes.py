"""Shapes of napari as boxes in pixels of the image that they lie on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError
from cellwright.napari.layers import LayerData
from cellwright.napari.plane import Plane
from cellwright.types import Boxes

AREAS = ("rectangle", "ellipse", "polygon")
"""Shapes that have an inside."""

LEAST_EDGE_PX = 0.5
"""A box with a shorter edge, cut at the border or drawn by a slip, is no cell."""


def boxes_of_shapes(shapes: LayerData, plane: Plane, image: Mapping[str, Any]) -> Boxes:
    """The box around each shape, on pixel edges, cut at the border of the image.

    Args:
        shapes: a layer; its scale and place may be others than those of the image.
        plane: of the image.
        image: settings of its layer.

    Raises:
        AnnotationError: a shape without an inside, or one that lies in another plane or beside
            the image; layers turned otherwise.
    """
    data, settings, _ = shapes
    kinds = settings.get("shape_type", "rectangle")
    kinds = [kinds] * len(data) if isinstance(kinds, str) else list(kinds)
    factor, offset = _onto(settings, image)
    rows = []
    for number, (corners, kind) in enumerate(zip(data, kinds, strict=True), start=1):
        places = np.asarray(corners, np.float64)
        fault = _fault(places, kind, plane)
        # napari counts from the middle of pixels.
        row = _around(places[:, -2:] * factor + offset + 0.5, plane.source.shape[1:])
        if not fault and min(row[2] - row[0], row[3] - row[1]) < LEAST_EDGE_PX:
            fault = "lies beside the image, or is less than half a pixel wide"
        if fault:
            raise AnnotationError(
                f"box {number} {fault}",
                where=settings.get("name"),
                remedy="remove it, or move it to a layer of its own",
            )
        rows.append(row)
    return Boxes(np.array(rows, np.float32).reshape(-1, 4), np.zeros(len(rows), np.int64))


def _fault(places: NDArray[np.float64], kind: str, plane: Plane) -> str:
    """What keeps a shape from being a box of this plane; empty where nothing does."""
    if kind not in AREAS:
        return f"is a {kind}, which has no inside"
    before = places[:, :-2]
    if before.shape[1] == len(plane.index) and not (before.round() == plane.index).all():
        return f"lies in another plane than {plane.index}"
    return ""


def _around(
    corners: NDArray[np.float64], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """``x1, y1, x2, y2`` around corners (y, x), within an image of ``size``."""
    y1, x1 = np.maximum(corners.min(axis=0), 0).tolist()
    y2, x2 = np.minimum(corners.max(axis=0), size).tolist()
    return x1, y1, x2, y2


def _onto(
    shapes: Mapping[str, Any], image: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor and offset, ``(2,)`` each, from places of one layer to pixels of the other.

    Raises:
        AnnotationError: one is turned or sheared otherwise than the other.
    """
    for name in ("rotate", "shear", "affine"):
        ours, theirs = shapes.get(name), image.get(name)
        if ours is not None and theirs is not None and not _alike(ours, theirs):
            raise AnnotationError(
                f"its {name} differs from that of the image",
                where=shapes.get("name"),
                remedy="draw the boxes on a layer that lies as the image does",
            )
    scales, moves = (
        [np.asarray(layer.get(name, (value, value)), np.float64)[-2:] for layer in (shapes, image)]
        for name, value in (("scale", 1.0), ("translate", 0.0))
    )
    return scales[0] / scales[1], (moves[0] - moves[1]) / scales[1]


def _alike(ours: Any, theirs: Any) -> bool:
    """Whether two settings say the same of the last two axes."""
    one, other = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if one.ndim == other.ndim == 2:
        edge = min(len(one), len(other))
        one, other = one[-edge:, -edge:], other[-edge:, -edge:]
    return one.shape == other.shape and bool(np.allclose(one, other))
