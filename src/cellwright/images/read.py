"""Image files to pixels, told apart by their content: PNG, JPEG, BMP, TIFF and OME-TIFF.

Every file either becomes a valid :class:`Picture` or raises an ``ImageError`` that
says what to do; sizes are checked in the header, before anything is decoded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cellwright.errors import ImageError, printable
from cellwright.images.headers import SUFFIXES, kind_of, read_header
from cellwright.images.lazy import LazyImage, whole_image
from cellwright.images.picture import MAX_PIXELS, Picture
from cellwright.images.raster import read_raster

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "LazyImage",
    "Picture",
    "list_images",
    "open_image",
    "read_image",
    "stem_of",
    "values_held_open",
]

STACK_SUFFIXES = (".czi", ".lif", ".nd2", ".zarr")
"""Of files that may hold many images: a folder's search names them, and reading says what to do."""

OTHER_SUFFIXES = (
    *(".lsm", ".stk", ".svs", ".ndpi", ".scn", ".qptiff", ".btf"),
    *(".oib", ".oif", ".vsi", ".dcm", ".gif", ".webp", ".jp2"),
)
"""Of further pictures: some are read, of the others a run says that they are not."""

RESULT_FOLDERS = ("heat", "labels", "masks", "outlines", "overlays")
"""Folders that a run writes pictures into, beside its tables."""

PARTS = ".parts"
"""Folder that a run makes before its first picture, so that its pictures are known from then on."""

_RESULT_TABLES = {"errors.csv", "summary.csv"}

IMAGE_SUFFIXES = (*(name for names in SUFFIXES.values() for name in names), ".ome.tif", ".ome.tiff")

_LISTED = (*IMAGE_SUFFIXES, *STACK_SUFFIXES, *OTHER_SUFFIXES)


def read_image(
    path: str | Path, *, max_pixels: int = MAX_PIXELS, series: int | None = None
) -> Picture:
    """Decode a whole image file.

    Palettes become colours and 1-bit pixels 0 and 255; a fully opaque alpha channel is
    dropped; integers and floats of other widths are converted where no value changes.
    Orientation marks are ignored: rows and columns are those of the file.

    Args:
        path: a PNG, JPEG, BMP, TIFF or OME-TIFF file.
        max_pixels: refuse images with more values (channels x height x width).
        series: which image of a TIFF that holds several; None means the only one.

    Raises:
        ImageError: missing, damaged, hostile, too large, of several planes or images, or of
            a kind that is not supported.
    """
    path = Path(path)
    kind = kind_of(path)
    if kind == "TIFF":
        from cellwright.images.tiff import read_tiff  # noqa: PLC0415 - tifffile only for TIFF

        return read_tiff(path, max_pixels=max_pixels, series=series)
    _only_series(path, kind, series)
    return read_raster(path, kind, max_pixels=max_pixels)


def open_image(path: Path, *, max_pixels: int = MAX_PIXELS, series: int | None = None) -> LazyImage:
    """Open an image to read it region by region.

    A TIFF in tiles or strips is read without ever being whole in memory; ``max_pixels``
    then limits a region. Other files are decoded once.

    Raises:
        ImageError: as :func:`read_image`; damage inside a large TIFF shows when its region
            is read.
    """
    path = Path(path)
    if printable(str(path)) != str(path):
        # Tables, pages and pictures are called after the image.
        raise ImageError(
            "the name of the file or of its folder is no text in UTF-8",
            where=path,
            remedy="rename it",
        )
    kind = kind_of(path)
    if kind == "TIFF":
        from cellwright.images.tiff_regions import open_tiff  # noqa: PLC0415 - tifffile only for TIFF

        return open_tiff(path, max_pixels=max_pixels, series=series)
    _only_series(path, kind, series)
    return whole_image(read_raster(path, kind, max_pixels=max_pixels))


def values_held_open(path: Path) -> int:
    """How many pixel values :func:`open_image` keeps in memory, by the file's header alone.

    0 for a TIFF, of which only the region that is asked for is read.

    Raises:
        ImageError: as :func:`open_image`, as far as the header shows it.
    """
    path = Path(path)
    kind = kind_of(path)
    if kind == "TIFF":
        return 0
    header = read_header(path, kind)
    return header.channels * header.height * header.width


def _only_series(path: Path, kind: str, series: int | None) -> None:
    if series not in (None, 0):
        raise ImageError(
            f"a {kind} holds one image, not an image number {series}",
            where=path,
            remedy="leave series out",
        )


def stem_of(path: Path) -> str:
    """The file's name without its image suffix, the double suffix ``.ome.tif`` included.

    >>> stem_of(Path("plate/B07_f1.ome.tif"))
    'B07_f1'
    """
    return path.stem[:-4] if path.stem.lower().endswith(".ome") else path.stem


def list_images(inputs: Sequence[Path]) -> list[Path]:
    """Image files named by ``inputs``, each once: files as given, folders searched within.

    Folders are searched in full depth in sorted order, by suffix (:data:`IMAGE_SUFFIXES`,
    :data:`STACK_SUFFIXES` and :data:`OTHER_SUFFIXES`, any case): what cannot be read is listed too,
    so that a run says so. Names that start with a dot are skipped and links to folders
    not followed. Pictures that a run of Cellwright wrote beside its tables are no images of a
    microscope: they are left out.

    Raises:
        ImageError: a path that does not exist, or a folder without images.
    """
    found: dict[Path, Path] = {}
    for given in map(Path, inputs):
        stack = given.name.lower().endswith(STACK_SUFFIXES)
        if os.path.isdir(given) and not stack:  # noqa: PTH112 - Path.is_dir raises for a name too long
            inside = sorted(_images_below(given))
            if not inside:
                raise ImageError(
                    "the folder holds no images",
                    where=given,
                    remedy=f"images end in {', '.join(IMAGE_SUFFIXES)}",
                )
            for path in inside:
                found.setdefault(_place(path), path)
        elif os.path.lexists(given):
            found.setdefault(_place(given), given)
        else:
            raise ImageError("does not exist", where=given, remedy="check the path")
    return list(found.values())


def _place(path: Path) -> Path:
    """The same for every spelling of a path, but not for a link and what it leads to."""
    return Path(os.path.realpath(path.parent), path.name)


def _images_below(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        if PARTS in folders or set(files) >= _RESULT_TABLES:
            folders[:] = [name for name in folders if name not in RESULT_FOLDERS]
        stacks = [name for name in folders if name.lower().endswith(STACK_SUFFIXES)]
        folders[:] = [name for name in folders if name[0] != "." and name not in stacks]
        for name in (*files, *stacks):
            if name[0] != "." and name.lower().endswith(_LISTED):
                yield Path(where, name)
