"""NumPy archive of small images of one size, each with its class.

Arrays: ``images`` ``(N, C, H, W)`` or ``(N, H, W)``, ``labels`` ``(N,)`` (-1 is
unlabelled), ``class_names``, and where known ``channel_names``, ``ids``, ``groups``,
``splits`` (empty is none) and ``pixel_size_um`` (NaN is unknown). Objects are never
unpickled.

Everything above the formats works on image files, so reading unpacks the images once,
as OME-TIFF, into Cellwright's cache folder under the archive's checksum.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.data.cache import unpacked_folder
from cellwright.data.formats.class_names import check_class_names
from cellwright.data.formats.layout import Known, fill_once, new_folder
from cellwright.data.formats.sidecar import SPLITS, refuse_sidecar
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError, why_unreadable
from cellwright.images.read import MAX_PIXELS
from cellwright.images.write import write_tiff
from cellwright.types import IMAGE_DTYPES, Category, kind_in_words

FILE = "cells.npz"
NEEDED = ("images", "labels", "class_names")
ONE_AN_IMAGE = ("ids", "groups", "splits", "pixel_size_um")
_DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise at archives that are cut, flipped, locked or packed otherwise."""

UNLABELLED = "the label is -1: treated as unlabelled"


def recognises(path: Path) -> bool:
    """Whether the path is an ``.npz`` file, or a folder with ``cells.npz``."""
    return path.suffix.lower() == ".npz" if path.is_file() else (path / FILE).is_file()


def read(path: Path) -> LabelledSet:
    """Read an archive, given itself or by its folder.

    Raises:
        DatasetError: no archive, damaged, too large, or arrays missing or of wrong shapes.
        AnnotationError: a label that names no class.
    """
    file = path / FILE if path.is_dir() else path
    if path.is_dir():
        refuse_sidecar(path, "npz")
    arrays = _load(file)
    images, labels = _images(arrays, file), np.asarray(arrays["labels"])
    classes = check_class_names([str(name) for name in arrays["class_names"]], where=file)
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise AnnotationError(f"labels must be {len(images)} whole numbers", where=file)
    wrong = np.flatnonzero((labels.astype(np.int64) < -1) | (labels >= len(classes)))
    if wrong.size:
        raise AnnotationError(
            f"label {labels[wrong[0]]} of image {wrong[0]} is not one of {len(classes)} classes",
            where=file,
        )
    folder = _unpacked(file, images, arrays)
    records = [
        _record(arrays, index, folder / f"{index:06d}.tif", file) for index in range(len(images))
    ]
    records.sort(key=lambda record: record.id)
    return LabelledSet(file.resolve().parent.name, classes, tuple(records))


def count(path: Path) -> int:
    """How many images an archive holds; unlike :func:`read` it unpacks none.

    Raises:
        DatasetError: no archive, damaged, too large, or arrays missing.
    """
    return len(_load(path / FILE if path.is_dir() else path)["labels"])


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``cells.npz`` into ``out``.

    Raises:
        DatasetError: ``out`` is taken, images of different shapes or types, or an annotation
            that is not a category.
        ImageError: an image cannot be read.
    """
    images, labels, sizes = [], [], []
    channel_names: tuple[str, ...] = ()
    for record in labelled:
        sample = record.load()
        if not isinstance(sample.annotation, Category | None):
            raise DatasetError(
                f"{record.id!r} holds {kind_in_words(sample.annotation)}, not a class",
                remedy="convert to another format",
            )
        images.append(sample.image)
        labels.append(sample.annotation.class_id if sample.annotation else -1)
        # The pixel size may stand in the image's file alone, which is not kept.
        sizes.append(sample.pixel_size_um or np.nan)
        channel_names = sample.channel_names
    kinds = {(image.shape, image.dtype) for image in images}
    if len(kinds) != 1:
        raise DatasetError(
            f"an archive holds images of one shape and type, not {len(kinds)}",
            where=labelled.name,
            remedy="convert to folders",
        )
    with new_folder(out) as folder:
        np.savez_compressed(
            folder / FILE,
            images=np.stack(images),
            labels=np.array(labels, np.int64),
            class_names=np.array(labelled.classes),
            channel_names=np.array(channel_names, dtype=str),
            ids=np.array([record.id for record in labelled]),
            groups=np.array([record.group for record in labelled]),
            splits=np.array([record.split or "" for record in labelled]),
            pixel_size_um=np.array(sizes),
        )


def _load(file: Path) -> Mapping[str, NDArray[Any]]:
    if not file.is_file():
        raise DatasetError(f"holds no {FILE}", where=file.parent, remedy="name the .npz file")
    try:
        with zipfile.ZipFile(file) as archive:
            n_bytes = sum(entry.file_size for entry in archive.infolist())
        if n_bytes > 4 * MAX_PIXELS:
            raise DatasetError(f"unpacks to {n_bytes / 2**30:.1f} GiB: too large", where=file)
        with np.load(file, allow_pickle=False) as archive:
            known = {*NEEDED, *ONE_AN_IMAGE, "channel_names"}
            arrays = {name: archive[name] for name in archive.files if name in known}
    except _DAMAGED as error:
        raise DatasetError(
            f"is not a readable archive ({why_unreadable(error)})",
            where=file,
            remedy="save or fetch it again",
        ) from error
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise DatasetError(f"the array {missing[0]!r} is missing", where=file)
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or (array.ndim != 1 and name != "images"):
            raise DatasetError(f"{name} is no list of values", where=file, remedy="save it again")
    return arrays


def _images(arrays: Mapping[str, NDArray[Any]], file: Path) -> NDArray[Any]:
    images = arrays["images"]
    images = images[:, None] if images.ndim == 3 else images
    if images.ndim != 4 or images.size == 0 or images.dtype not in IMAGE_DTYPES:
        raise DatasetError(
            f"images must be (N, C, H, W) of uint8, uint16 or float32, not "
            f"{images.dtype} {images.shape}",
            where=file,
        )
    for name in ONE_AN_IMAGE:
        if name in arrays and arrays[name].shape != (len(images),):
            raise DatasetError(f"{name} must hold one value an image", where=file)
    if "pixel_size_um" in arrays and arrays["pixel_size_um"].dtype.kind not in "fiu":
        raise DatasetError("pixel_size_um must hold numbers", where=file)
    return images


def _unpacked(file: Path, images: NDArray[Any], arrays: Mapping[str, NDArray[Any]]) -> Path:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    folder = unpacked_folder() / digest[:32]
    names = [str(name) for name in arrays.get("channel_names", [])]

    def fill(empty: Path) -> None:
        for index, image in enumerate(images):
            write_tiff(empty / f"{index:06d}.tif", image, channel_names=names)

    fill_once(folder, fill)
    return folder


def _record(arrays: Mapping[str, NDArray[Any]], index: int, image: Path, file: Path) -> Record:
    name = str(arrays["ids"][index]) if "ids" in arrays else image.stem
    label = int(arrays["labels"][index])
    split = str(arrays["splits"][index]) if "splits" in arrays else ""
    if split and split not in SPLITS:
        raise DatasetError(f"unknown split {split!r}", where=file, remedy=f"use {SPLITS}")
    size = float(arrays["pixel_size_um"][index]) if "pixel_size_um" in arrays else np.nan
    return Record(
        id=name,
        image_path=image,
        load_annotation=Known(None if label < 0 else Category(label)),
        group=str(arrays["groups"][index]) if "groups" in arrays else name,
        split=split or None,
        pixel_size_um=size if size > 0 else None,
        problems=() if label >= 0 else (UNLABELLED,),
    )
