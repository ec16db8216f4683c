"""White blood cells in smears, one a picture, with masks of nucleus and cytoplasm.

Published masks hold three grey levels: 0 is background, red cells included, 128 cytoplasm and
255 nucleus. Five masks of the second part hold a few values between, which are read as the
nearest of the three.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.data.datasets.public_set import PublicSet, own_group
from cellwright.data.formats import masks
from cellwright.data.formats.class_names import write_class_names
from cellwright.data.formats.label_images import NO_LABEL, paired, read_label_image
from cellwright.data.formats.layout import Entry, Known, assemble
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.images.read import read_image
from cellwright.images.write import write_png
from cellwright.types import SemanticMask

CLASSES = ("background", "cytoplasm", "nucleus")
LEVELS = (0, 128, 255)
"""Grey level of each class in the published masks."""

PARTS = {"Dataset 1": "ds1", "Dataset 2": "ds2"}
"""Published folder to the start of our names: two laboratories, stained and photographed apart."""


def classes_of(levels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Class ids of published grey levels: the nearest of the three.

    >>> classes_of(np.array([0, 126, 255])).tolist()
    [0, 1, 2]
    """
    limits = [(low + high) / 2 for low, high in pairwise(LEVELS)]
    return np.asarray(np.digitize(levels, limits), np.uint8)


@dataclass(frozen=True)
class LoadLevels:
    """Picklable call that reads one published mask."""

    path: Path
    image_path: Path

    def __call__(self) -> SemanticMask:
        """The mask as class ids.

        Raises:
            ImageError: the mask cannot be read.
            AnnotationError: several channels, or another size than its image.
        """
        return SemanticMask(classes_of(read_label_image(self.path, self.image_path)))


def arrange(published: Path, folder: Path) -> None:
    """Both parts under names that tell them apart, masks as class ids.

    Raises:
        DatasetError: a picture without mask.
        ImageError: a damaged file.
    """
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    write_class_names(folder, CLASSES)
    for part, start in PARTS.items():
        for image in sorted((published / part).glob("*.bmp")):
            mask = image.with_suffix(".png")
            if not mask.is_file():
                raise DatasetError("has no mask", where=image)
            name = f"{start}_{image.stem}.png"
            write_png(folder / "images" / name, read_image(image).pixels[:3])
            levels = read_image(mask).pixels.max(axis=0)
            write_png(folder / "masks" / name, classes_of(levels)[None])


def read(folder: Path) -> LabelledSet:
    """The set as fetched (class ids and their names) or as published (grey levels).

    Raises:
        DatasetError: folders missing, or a mask without its image.
        AnnotationError: an unreadable ``classes.txt``.
    """
    if (folder / "classes.txt").is_file():
        return masks.read(folder)
    entries = [
        Entry(image, Known(None), None, (NO_LABEL,))
        if mask is None
        else Entry(image, LoadLevels(mask, image))
        for image, mask in paired(folder, "masks")
    ]
    return assemble(folder, entries, CLASSES)


SET = PublicSet(
    name="wbc_segmentation",
    title="white blood cells in smears, one a picture, masks of nucleus and cytoplasm",
    task="semantic",
    format="masks",
    classes=CLASSES,
    n_images=400,
    licence="GPL-3.0-only",
    citation=(
        "Xin Zheng, Yong Wang, Guoyou Wang, Jianguo Liu: Fast and robust segmentation of white "
        "blood cell images by self-supervised learning, Micron 107, 2018, 55-71; pictures by "
        "Jiangxi Tecom Science Corporation and the CellaVision blog"
    ),
    url="https://codeload.github.com/zxaoyou/segmentation_WBC/zip/fa9c01622f52bccb9aeb8a6f2628f564e377767d",
    sha256=None,
    arrange=arrange,
    known_flaws=(
        "GPL-3: no weights trained on it are shipped here",
        "one centred cell a picture; other white cells at the edge are labelled background",
        "patients are not given: pictures of one patient may stand on both sides of a split",
        "two parts that differ in stain, camera and size (120 and 300 pixels): report them apart",
        "outlines are drawn by hand, of one expert",
    ),
    group_of=own_group,
    read=read,
)
