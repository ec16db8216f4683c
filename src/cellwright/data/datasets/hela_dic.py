"""HeLa cells on flat glass in differential interference contrast, binary masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellwright.data.datasets.public_set import PublicSet
from cellwright.errors import DatasetError
from cellwright.images.read import read_image
from cellwright.images.write import write_png

BLOCK = 12
"""Frames of one time-lapse that stay together: neighbours in time are nearly one picture."""


def time_block(image_id: str) -> str:
    """The run of twelve frames that a frame belongs to.

    >>> time_block("025")
    'frames024-035'
    """
    if not image_id.isdecimal():
        return image_id
    first = int(image_id) // BLOCK * BLOCK
    return f"frames{first:03d}-{first + BLOCK - 1:03d}"


def arrange(published: Path, folder: Path) -> None:
    """Frames by number; published masks are 0 in cells, ours 255.

    Raises:
        DatasetError: a frame without mask.
        ImageError: a damaged file.
    """
    source = published / "data" / "train"
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    for image in sorted((source / "images").glob("*.png")):
        mask = source / "labels" / image.name
        if not mask.is_file():
            raise DatasetError("has no mask", where=image)
        name = f"{int(image.stem):03d}.png"
        cell = read_image(mask).pixels.max(axis=0) == 0
        write_png(folder / "images" / name, read_image(image).pixels[:1])
        write_png(folder / "masks" / name, np.where(cell, 255, 0).astype(np.uint8)[None])


SET = PublicSet(
    name="hela_dic",
    title="HeLa cells, unstained, one time-lapse, binary masks",
    task="semantic",
    format="masks",
    classes=("background", "foreground"),
    n_images=84,
    licence="MIT",
    citation=(
        "Cell Tracking Challenge, DIC-C2DH-HeLa, sequence 01 (G. van Cappellen, Erasmus MC "
        "Rotterdam); Maska et al., Bioinformatics 30, 2014, 1609-1617; Ulman et al., Nature "
        "Methods 14, 2017, 1141-1152; masks in one file by D. Merkhai"
    ),
    url="https://codeload.github.com/uoysip/hela-cell-segmentation/zip/8846e444f5af2f93fe7e708f006fb0edd7a50e64",
    sha256=None,
    arrange=arrange,
    known_flaws=(
        "one movie: a split must go by time, and even then its parts resemble each other",
        "whole visible cells carry no label in many frames, so precision is understated",
        "between touching cells stands a line one pixel wide, with gaps",
        "the licence is the repository's; the Cell Tracking Challenge asks to be cited",
    ),
    group_of=time_block,
)
