"""Which label image tells the cells of a field apart: the one that is called as the field is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellwright.errors import ConfigError, ImageError
from cellwright.images.read import stem_of
from cellwright.inference.identity import NamedImage

LABEL_SUFFIXES = (".tif", ".tiff", ".png")


def label_file(folder: Path, image: NamedImage) -> Path:
    """The label image of ``image`` in ``folder``: the file of the same stem.

    One in a folder that is called as the image's own, or called as the image's id, comes first:
    so fields of the same name in several folders each have theirs.

    Raises:
        ImageError: there is none.
    """
    stem = stem_of(image.path)
    names = (f"{image.path.absolute().parent.name}/{stem}", stem_of(Path(image.id)), image.id, stem)
    for name in names:
        for suffix in LABEL_SUFFIXES:
            path = folder / f"{name}{suffix}"
            if path.is_file() and path.absolute() != image.path.absolute():
                return path
    raise ImageError(
        f"{folder} holds no label image of this name",
        where=image.path,
        remedy="save one label image a field, called as the field is",
    )


def refuse_shared_labels(folder: Path, images: Sequence[NamedImage]) -> None:
    """Refuse fields that one label image would tell the cells of.

    Raises:
        ConfigError: there are such fields.
    """
    of: dict[Path, NamedImage] = {}
    for image in images:
        try:
            labels = label_file(folder, image).absolute()
        except ImageError:
            continue  # said of this image alone, when its turn comes
        other = of.setdefault(labels, image)
        if other is not image:
            raise ConfigError(
                f"is the label image of {other.path} and of {image.path}",
                where=labels,
                remedy="put the label images of fields of one name into folders called as the "
                "fields' folders are",
            )
