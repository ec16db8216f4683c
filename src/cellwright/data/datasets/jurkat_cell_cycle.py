"""Jurkat cells in seven phases of the cell cycle, from an imaging flow cytometer.

The published pictures are montages of 30 x 30 tiles of 40 x 40 pixels, one file a channel and
class; tiles are filled column by column, and empty ones are constant. A partly filled montage
repeats an earlier cell in its last tile.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.data.datasets.public_set import PublicSet, own_group
from cellwright.data.formats.npz import FILE
from cellwright.errors import DatasetError
from cellwright.images.montage import cut_montage
from cellwright.images.read import read_image
from cellwright.types import Image

TILE_PX = 40
CLASSES = ("G1", "S", "G2", "Prophase", "Metaphase", "Anaphase", "Telophase")
CHANNELS = {"Ch3": "brightfield_Ch3", "Ch4": "PI_DNA_Ch4", "Ch6": "darkfield_Ch6"}
FOLDERS = {name: name for name in CLASSES} | {"S": "S_phase"}
"""The folder of the published archive that holds a class."""


def arrange(published: Path, folder: Path) -> None:
    """The tiles of every montage into one archive, raw intensities unchanged.

    Raises:
        DatasetError: a class or a channel is missing, or montages of one class differ in size.
        ImageError: a damaged file.
    """
    images: list[NDArray[np.uint16]] = []
    labels: list[int] = []
    for class_id, name in enumerate(CLASSES):
        cells = class_cells(published / "images" / "Experiment_1" / FOLDERS[name])
        images.extend(cells)
        labels += [class_id] * len(cells)
    np.savez_compressed(
        folder / FILE,
        images=np.stack(images),
        labels=np.array(labels, np.uint8),
        class_names=np.array(CLASSES),
        channel_names=np.array(list(CHANNELS.values())),
    )


def class_cells(folder: Path) -> list[Image]:
    """The cells ``(3, 40, 40)`` of one class: montages cut, empty and repeated tiles dropped.

    Raises:
        DatasetError: a montage without its other channels.
        ImageError: a damaged file.
    """
    cells: list[Image] = []
    first, *others = CHANNELS
    montages = sorted(folder.glob(f"{first}_*.tif"))
    if not montages:
        raise DatasetError("holds no montages", where=folder, remedy="fetch the set again")
    for montage in montages:
        planes = [read_image(montage).pixels]
        for channel in others:
            path = montage.with_name(montage.name.replace(f"{first}_", f"{channel}_"))
            if not path.is_file():
                raise DatasetError(f"the channel {channel} is missing", where=path)
            planes.append(read_image(path).pixels)
        tiles = cut_montage(np.concatenate(planes), TILE_PX, order="columns")
        found = [tile.image for tile in tiles]
        partly = len(found) < (planes[0].shape[1] // TILE_PX) * (planes[0].shape[2] // TILE_PX)
        repeated = partly and any(np.array_equal(found[-1], other) for other in found[:-1])
        cells += found[:-1] if repeated else found
    return cells


SET = PublicSet(
    name="jurkat_cell_cycle",
    title="Jurkat cells in seven cell cycle phases, imaging flow cytometry, three channels",
    task="classification",
    format="npz",
    classes=CLASSES,
    n_images=3416,
    licence="BSD-3-Clause",
    citation=(
        "Blasi, Hennig, Summers, Theis, Davies, Filby, Carpenter and Rees, Nature "
        "Communications 7, 2016, 10256; Hennig et al., Methods 112, 2017; repository by M. Doan"
    ),
    url="https://codeload.github.com/minh-doan/MLCP/zip/4b4d93606e6b88654fc0a0697515d63102f60ee7",
    sha256=None,
    arrange=arrange,
    known_flaws=(
        "each of G1, S and G2 comes from one montage, so a split by montage is impossible",
        "the DNA stain nearly gives the phase away; without it the task is another, harder one",
        "15 cells in anaphase and 27 in telophase: their figures have wide intervals",
        "the frame of the crop alone tells more than chance, telophase most of all",
        "labels are gates on the stain and a person's eye, not a second measurement",
    ),
    group_of=own_group,
)
