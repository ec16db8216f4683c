"""Which label image tells the cells of a field apart: the one that is called as the field is."""

from __future__ import annotations

from pathlib import Path

from cellwright.errors import ImageError
from cellwright.images.read import stem_of

LABEL_SUFFIXES = (".tif", ".tiff", ".png")


def label_file(folder: Path, image: Path) -> Path:
    """The label image of ``image`` in ``folder``: the file of the same stem.

    Raises:
        ImageError: there is none.
    """
    stem = stem_of(image)
    for suffix in LABEL_SUFFIXES:
        if (folder / f"{stem}{suffix}").is_file():
            return folder / f"{stem}{suffix}"
    raise ImageError(
        f"{folder} holds no label image of this name",
        where=image,
        remedy="save one label image a field, called as the field is",
    )
