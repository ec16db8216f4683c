"""BBBC048: Jurkat cells in a folder a phase, a JPEG a channel: ``G1/17_Ch3.ome.jpg`` and so on.

Image set BBBC048v1 of the Broad Bioimage Benchmark Collection (Eulenberg et al., Nature
Communications 8:463, 2017), the archive ``CellCycle``: 32,266 cells of 66 x 66 pixels; ``Ch3`` is
brightfield, ``Ch4`` the DNA stain, ``Ch6`` darkfield. Each cell becomes one image of three named
channels, kept in the user's cache, so that models find their channels as in
``jurkat_cell_cycle``. Brightness does not carry over from there: these files are 8-bit pictures,
those raw intensities. Read only: other classes and channels have no place in this layout.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cellwright.data.cache import unpacked_folder
from cellwright.data.formats.layout import Known, fill_once
from cellwright.data.formats.sidecar import refuse_sidecar
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.read import read_image
from cellwright.images.write import write_tiff
from cellwright.types import Category, Image

CLASSES = ("G1", "S", "G2", "Prophase", "Metaphase", "Anaphase", "Telophase")
CHANNELS = {"Ch3": "brightfield_Ch3", "Ch4": "PI_DNA_Ch4", "Ch6": "darkfield_Ch6"}
FIRST = "*_Ch3.ome.jpg"
NAME = re.compile(r"(?P<cell>\w+)_Ch3\.ome\.jpg$")
EDGE_LIMIT_PX = 512
"""A crop of one cell is smaller; anything larger is another set."""


def recognises(root: Path) -> bool:
    """Whether a folder named after a phase holds a brightfield channel named as in this set."""
    return any(next((top / name).glob(FIRST), None) for top in _tops(root) for name in CLASSES)


def read(root: Path) -> LabelledSet:
    """Read the phases below ``root``, or below its folder ``CellCycle``.

    Raises:
        DatasetError: no cells, a channel that is missing, or channels that differ in size.
        AnnotationError: a file whose name tells no cell, or one cell in two phases.
        ImageError: a damaged file.
    """
    refuse_sidecar(root, "bbbc048")
    cells = list(_cells(root))
    if not cells:
        raise DatasetError(
            "holds no cells of BBBC048",
            where=root,
            remedy="name the folder CellCycle of its archive",
        )
    seen: set[str] = set()
    for cell, _, _ in cells:
        if cell in seen:
            raise AnnotationError(f"the cell {cell!r} lies in two phases", where=root)
        seen.add(cell)
    folder = _joined(cells)
    records = [
        Record(
            id=cell,
            image_path=folder / f"{cell}.tif",
            load_annotation=Known(Category(phase)),
            group=cell,
        )
        for cell, phase, _ in cells
    ]
    records.sort(key=lambda record: record.id)
    return LabelledSet(root.resolve().name, CLASSES, tuple(records))


def _tops(root: Path) -> tuple[Path, ...]:
    return root, root / "CellCycle"


def _cells(root: Path) -> Iterator[tuple[str, int, tuple[Path, ...]]]:
    """Number, phase and the files of the channels of every cell."""
    for top in _tops(root):
        for phase, name in enumerate(CLASSES):
            for path in sorted((top / name).glob(FIRST)):
                found = NAME.search(path.name)
                if found is None:
                    raise AnnotationError(
                        "tells no cell", where=path, remedy="names are like 17_Ch3.ome.jpg"
                    )
                paths = tuple(path.with_name(f"{found['cell']}_{c}.ome.jpg") for c in CHANNELS)
                for one in paths:
                    if not one.is_file():
                        raise DatasetError("a channel of a cell is missing", where=one)
                yield found["cell"], phase, paths


def _joined(cells: list[tuple[str, int, tuple[Path, ...]]]) -> Path:
    """Every cell as one file in the cache; made anew when a file of the set has changed."""
    digest = hashlib.sha256()
    for _, _, paths in cells:
        for path in paths:
            state = path.stat()
            digest.update(f"{path.resolve()} {state.st_size} {state.st_mtime_ns}\n".encode())
    folder = unpacked_folder() / digest.hexdigest()[:32]

    def fill(empty: Path) -> None:
        for cell, _, paths in cells:
            names = list(CHANNELS.values())
            write_tiff(empty / f"{cell}.tif", _picture(paths), channel_names=names)

    fill_once(folder, fill)
    return folder


def _picture(paths: tuple[Path, ...]) -> Image:
    """``(3, H, W)``: the one channel of each file; grey JPEGs that were saved as colour too."""
    planes = [read_image(path, max_pixels=EDGE_LIMIT_PX**2).pixels[:1] for path in paths]
    if len({plane.shape for plane in planes}) > 1:
        raise DatasetError("the channels of a cell differ in size", where=paths[0])
    return np.concatenate(planes)
