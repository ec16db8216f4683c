"""Drosophila larva ventral nerve cord: serial sections in the electron microscope, four classes.

The second set of paper 3 (Ando and Hotta). The published labels tell five directions of
membrane apart; the paper has one class for them, and one for everything that is neither
membrane nor mitochondrion nor synapse. That one comes first here, where other sets have
their background: every pixel of this set belongs to a class.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from cellwright.data.datasets.public_set import PublicSet
from cellwright.data.formats import masks
from cellwright.data.formats.class_names import write_class_names
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.read import read_image
from cellwright.images.write import write_png

CLASSES = ("other", "membrane", "mitochondria", "synapse")

PUBLISHED = {0: 1, 32: 1, 64: 1, 96: 1, 128: 1, 159: 0, 191: 2, 223: 3, 255: 0}
"""Published value to class: membrane |, /, -, \\ and where they meet; glia and the space
outside cells; mitochondria; synapses; the inside of cells."""

BLOCK = 4
"""Sections that stay together: 45 nm apart, neighbours are nearly one picture."""

NUMBER = re.compile(r"(\d+)$")


def section_block(image_id: str) -> str:
    """The run of four sections that a section belongs to.

    >>> section_block("06")
    'sections04-07'
    """
    if not image_id.isdecimal():
        return image_id
    first = int(image_id) // BLOCK * BLOCK
    return f"sections{first:02d}-{first + BLOCK - 1:02d}"


def arrange(published: Path, folder: Path) -> None:
    """The labelled stack: sections by number, published values as class ids.

    Raises:
        DatasetError: a section without labels.
        AnnotationError: a value that the authors do not explain.
        ImageError: a damaged file.
    """
    source = published / "stack1"
    labels = {_number(path): path for path in (source / "labels").glob("*.png")}
    class_of = np.full(256, len(CLASSES), np.uint8)
    class_of[list(PUBLISHED)] = list(PUBLISHED.values())
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    write_class_names(folder, CLASSES)
    for image in sorted((source / "raw").glob("*.tif")):
        if (number := _number(image)) not in labels:
            raise DatasetError("has no labels", where=image)
        mask = class_of[read_image(labels[number]).pixels[:1]]
        if mask.max() == len(CLASSES):
            raise AnnotationError("holds a value that stands for no class", where=labels[number])
        name = f"{number:02d}.png"
        write_png(folder / "images" / name, read_image(image).pixels[:1])
        write_png(folder / "masks" / name, mask)


def _number(path: Path) -> int:
    found = NUMBER.search(path.stem)
    if found is None:
        raise DatasetError("has no section number in its name", where=path)
    return int(found[1])


def read(folder: Path) -> LabelledSet:
    """The set in either of its layouts: ``masks/`` with class names, or ``semantic/`` without.

    Raises:
        DatasetError: neither of them.
    """
    return masks.read(folder, unnamed=CLASSES)


SET = PublicSet(
    name="drosophila_vnc_sstem",
    title="fly nerve cord, electron microscopy, masks of membrane, mitochondria and synapses",
    task="semantic",
    format="masks",
    classes=CLASSES,
    n_images=20,
    licence="CC-BY-NC-SA-3.0",
    citation=(
        "Stephan Gerhard, Jan Funke, Julien Martel, Albert Cardona, Richard Fetter: Segmented "
        "anisotropic ssTEM dataset of neural tissue, figshare, 2013, doi:10.6084/m9.figshare.856713"
    ),
    url="https://codeload.github.com/unidesigner/groundtruth-drosophila-vnc/zip/4a5f051466d24d8dc1e855ab55658bb1b1dcd6bf",
    sha256=None,
    arrange=arrange,
    known_flaws=(
        "one block of tissue: a split must go by runs of sections, and even then its parts "
        "resemble each other",
        "synapses are 0.6 % of the pixels, and few: their figures have wide intervals",
        "lines of membrane are a few pixels wide, so their edges decide their overlap",
        "not for commercial use; what is derived from it, weights included, is shared alike",
    ),
    group_of=section_block,
    pixel_size_um=0.0046,
    read=read,
)
