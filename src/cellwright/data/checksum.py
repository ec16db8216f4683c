"""One number for a labelled set, so that a card or a result can say exactly what it saw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.data.cache import was_unpacked
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.images.read import read_image
from cellwright.types import Annotation, Boxes, Category, Instances, SemanticMask


def checksum(labelled: LabelledSet) -> str:
    """SHA-256 (hexadecimal) of classes, ids, image files and annotations, in order of id.

    Folder, set name, groups and splits do not count: the same images with the same labels
    give the same number wherever they lie. Of pictures that were unpacked into the cache the pixels
    count: the bytes of those files depend on the library that wrote them.

    Raises:
        DatasetError: an image file is missing.
        ImageError: an annotation cannot be loaded because its image is damaged.
        AnnotationError: damaged labels.
    """
    total = hashlib.sha256()
    _add(total, "\n".join(labelled.classes).encode())
    for record in sorted(labelled, key=lambda record: record.id):
        _add(total, record.id.encode())
        unpacked = was_unpacked(record.image_path)
        digest = _pixel_digest if unpacked else _file_digest
        _add(total, digest(record.image_path))
        for part in _parts(record.load_annotation()):
            _add(total, part)
    return total.hexdigest()


def checksum_of_ids(ids: Iterable[str]) -> str:
    """SHA-256 (hexadecimal) of image ids, in order: the same for the same images of one set.

    >>> checksum_of_ids(["b", "a"]) == checksum_of_ids(["a", "b"])
    True
    """
    total = hashlib.sha256()
    for name in sorted(ids):
        _add(total, name.encode())
    return total.hexdigest()


def _add(total: Any, part: bytes) -> None:
    """Add with the length in front, so that parts cannot run into one another."""
    total.update(len(part).to_bytes(8, "little") + part)


def _file_digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError as error:
        raise DatasetError(f"the image cannot be read ({error.strerror})", where=path) from error
    return digest.digest()


def _pixel_digest(path: Path) -> bytes:
    pixels = read_image(path).pixels
    digest = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape}".encode())
    digest.update(pixels.tobytes())
    return digest.digest()


def _parts(annotation: Annotation | None) -> list[bytes]:
    kind = type(annotation).__name__.encode()
    match annotation:
        case Boxes():
            arrays = [annotation.xyxy, annotation.class_ids]
        case Instances():
            arrays = [annotation.labels, annotation.class_ids]
        case SemanticMask():
            arrays = [annotation.mask]
        case Category():
            arrays = [np.int64(annotation.class_id)]
        case _:
            arrays = []
    return [kind, *(_array_bytes(np.asarray(array)) for array in arrays)]


def _array_bytes(array: NDArray[Any]) -> bytes:
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    return f"{little.dtype.str}{little.shape}".encode() + little.tobytes()
