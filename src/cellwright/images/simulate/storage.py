"""Simulated pairs as files: images to count, labels to train on, the truth to check against.

Layout (the label format ``csv`` of :mod:`cellwright.data.formats` reads it)::

    images/NAME_blue.png   images/NAME_red.png
    boxes.csv              image, class, xmin, ymin, xmax, ymax
    cellwright.csv         image, id, group, split, pixel_size_um
    truth/truth.csv        name, group, n_cells, n_live, n_dead, viability
    truth/instances/NAME.png

Simulated single fields likewise, in the label format ``instances``::

    images/NAME.png        instances/NAME.png
    cellwright.csv         image, id, group, split, pixel_size_um
    truth.csv              name, group, n_cells, confluence
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cellwright.images.simulate.live_dead import LiveDeadPair
from cellwright.images.simulate.unstained import UnstainedField
from cellwright.images.write import atomic_path, write_labels, write_png
from cellwright.types import Boxes

BOX_COLUMNS = ("image", "class", "xmin", "ymin", "xmax", "ymax")
SIDECAR_COLUMNS = ("image", "id", "group", "split", "pixel_size_um")
TRUTH_COLUMNS = ("name", "group", "n_cells", "n_live", "n_dead", "viability")
FIELD_COLUMNS = ("name", "group", "n_cells", "confluence")


def write_series(
    out_dir: Path, pairs: Iterable[LiveDeadPair], *, classes: tuple[str, str] = ("blue", "red")
) -> Path:
    """Write pairs one at a time, tables last.

    Args:
        out_dir: folder to write into; made if missing.
        pairs: from one or more series; names must be unique.
        classes: class of a nucleus in the blue and in the red image. Grey pictures do not
            show which dye they are of: give one name twice, such as ``nucleus``, to train
            one detector for both.

    Returns:
        ``out_dir/images``, the folder to count.
    """
    images = out_dir / "images"
    instances = out_dir / "truth" / "instances"
    for folder in (images, instances):
        folder.mkdir(parents=True, exist_ok=True)
    boxes: list[Sequence[object]] = []
    sidecar: list[Sequence[object]] = []
    truth: list[Sequence[object]] = []
    for pair in pairs:
        nuclei = (pair.boxes, pair.red_boxes)
        for colour, class_name, picture, present in zip(
            ("blue", "red"), classes, (pair.blue, pair.red), nuclei, strict=True
        ):
            stem = f"{pair.name}_{colour}"
            write_png(images / f"{stem}.png", picture)
            boxes.extend(_box_rows(f"{stem}.png", class_name, present))
            sidecar.append((f"images/{stem}.png", stem, pair.group, "", pair.pixel_size_um))
        write_labels(instances / f"{pair.name}.png", pair.instances.labels)
        truth.append(_truth_row(pair))
    _write_csv(out_dir / "boxes.csv", BOX_COLUMNS, boxes)
    _write_csv(out_dir / "cellwright.csv", SIDECAR_COLUMNS, sidecar)
    _write_csv(out_dir / "truth" / "truth.csv", TRUTH_COLUMNS, truth)
    return images


def write_fields(out_dir: Path, fields: Iterable[UnstainedField]) -> Path:
    """Write fields one at a time, tables last; names must be unique.

    Returns:
        ``out_dir/images``, the folder to segment.
    """
    sidecar: list[Sequence[object]] = []
    truth: list[Sequence[object]] = []
    for field in fields:
        write_png(out_dir / "images" / f"{field.name}.png", field.image)
        write_labels(out_dir / "instances" / f"{field.name}.png", field.instances.labels)
        image = f"images/{field.name}.png"
        sidecar.append((image, field.name, field.group, "", field.pixel_size_um))
        truth.append((field.name, field.group, len(field.instances), field.confluence))
    _write_csv(out_dir / "cellwright.csv", SIDECAR_COLUMNS, sidecar)
    _write_csv(out_dir / "truth.csv", FIELD_COLUMNS, truth)
    return out_dir / "images"


def _box_rows(image: str, class_name: str, boxes: Boxes) -> Iterator[Sequence[object]]:
    """A row a box; a row with the name alone says that the image holds nothing."""
    if not len(boxes):
        yield (image, "", "", "", "", "")
    for corners in boxes.xyxy.tolist():
        yield (image, class_name, *corners)


def _truth_row(pair: LiveDeadPair) -> Sequence[object]:
    dead, cells = int(pair.dead.sum()), len(pair.boxes)
    viability = "" if pair.viability is None else pair.viability
    return (pair.name, pair.group, cells, cells - dead, dead, viability)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
