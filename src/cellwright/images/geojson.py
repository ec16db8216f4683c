"""Outlines as GeoJSON that QuPath opens: a feature a cell, in pixels of the whole image.

Made for QuPath 0.4 and later (File, Import objects from file): ``objectType``,
``classification`` with a colour, ``name`` and ``measurements``. Coordinates are pixel edges,
the upper left corner of the image is (0, 0); QuPath has the same convention.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cellwright.images.outlines import Outline, Part
from cellwright.images.overlay import PALETTE
from cellwright.images.write import atomic_path


def write_geojson(
    path: Path, outlines: Iterable[Outline], classes: Sequence[str], *, image_id: str
) -> None:
    """Write a ``FeatureCollection``; ids are the same for the same image and label."""
    features = [_feature(one, classes, image_id) for one in outlines]
    with atomic_path(path) as temporary:
        content = {"type": "FeatureCollection", "features": features}
        temporary.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")


def _feature(one: Outline, classes: Sequence[str], image_id: str) -> dict[str, Any]:
    colour = PALETTE[list(classes).index(one.class_name) % len(PALETTE)]
    parts = [_rings(part) for part in one.parts]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": parts[0]}
        if len(parts) == 1
        else {"type": "MultiPolygon", "coordinates": parts}
    )
    properties: dict[str, Any] = {
        "objectType": "detection",
        "name": str(one.label),
        "classification": {"name": one.class_name, "color": list(colour)},
    }
    if one.score is not None:
        properties["measurements"] = {"score": round(one.score, 4)}
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"cellwright:{image_id}:{one.label}")),
        "geometry": geometry,
        "properties": properties,
    }


def _rings(part: Part) -> list[list[list[float]]]:
    """Outer ring and holes, each closed."""
    rings = (part.outer, *part.holes)
    return [[*points, points[0]] for points in (ring.tolist() for ring in rings)]
