"""Pixels and labels to files, each written under a temporary name and then renamed."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError, ImageError, unwritable
from cellwright.types import Image, check_image


def make_folder(path: Path) -> Path:
    """The folder ``path``, made with those above it where they are missing.

    Raises:
        CellwrightError: it cannot be written, or a file stands in the way.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        told = unwritable(path, error)
        if told is None:
            raise
        raise told from error
    return path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, with its suffix, renamed to it if the block succeeds.

    Missing folders are made. A killed or failed block leaves ``path`` as it was.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     (Path(folder) / "a.txt").read_text()
    'done'

    Raises:
        CellwrightError: the folder cannot be written, the disk is full, or ``path`` is a folder.
    """
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(6)}{path.suffix}")
    make_folder(path.parent)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        # These two may as well be of a file that the block reads.
        either = error.errno in (errno.ENOENT, errno.EISDIR)
        told = unwritable(path, error)
        if told is None or (either and str(error.filename) != str(temporary)):
            raise
        raise told from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_png(path: Path, image: Image) -> None:
    """A ``(1, H, W)`` or ``(3, H, W)`` (RGB) uint8 or uint16 image as PNG, without loss.

    Raises:
        ImageError: another number of channels or another type; PNG cannot hold it.
    """
    check_image(image, where=path)
    if image.shape[0] not in (1, 3) or image.dtype == np.float32:
        raise ImageError(
            f"PNG cannot hold {image.shape[0]} channels of {image.dtype}",
            where=path,
            remedy="write a TIFF instead",
        )
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0))
    # OpenCV writes blue first.
    _write_png_array(path, pixels if len(image) == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))


def write_tiff(
    path: Path,
    image: Image,
    *,
    pixel_size_um: float | None = None,
    channel_names: Sequence[str] = (),
    description: str = "",
) -> None:
    """A ``(C, H, W)`` image as OME-TIFF (axes ``CYX``, Deflate), with its scale and names.

    Raises:
        ImageError: a pixel size that is not positive, or another number of names than channels.
    """
    import tifffile  # noqa: PLC0415 - kept off the start-up path of everything that reads JPEG

    check_image(image, where=path)
    if channel_names and len(channel_names) != image.shape[0]:
        raise ImageError(
            f"{image.shape[0]} channels but {len(channel_names)} channel names", where=path
        )
    metadata: dict[str, Any] = {"axes": "CYX"}
    if pixel_size_um is not None:
        if not pixel_size_um > 0:
            raise ImageError(f"pixel size must be > 0 µm, not {pixel_size_um}", where=path)
        metadata |= _ome_size(pixel_size_um)
    if channel_names:
        metadata["Channel"] = {"Name": list(channel_names)}
    if description:
        metadata["Description"] = description
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            image,
            ome=True,
            photometric="minisblack",
            compression="zlib",
            tile=(512, 512) if min(image.shape[1:]) > 2048 else None,
            metadata=metadata,
        )


def write_labels(path: Path, labels: NDArray[Any], *, pixel_size_um: float | None = None) -> None:
    """An integer label image ``(H, W)``, 0 = background, as 16-bit PNG or as TIFF by suffix.

    Args:
        path: its suffix says which.
        labels: as said.
        pixel_size_um: edge length of a pixel, which a TIFF keeps: ImageJ and Fiji read it, and of
            more than 65,535 labels what reads OME-TIFF. A PNG has no place for it.

    Raises:
        AnnotationError: not an integer ``(H, W)`` image, or negative labels.
        ImageError: too many labels for a PNG, or a suffix that is neither PNG nor TIFF.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "iu" or labels.size == 0:
        raise AnnotationError(
            f"a label image must be integers of shape (H, W), not {labels.dtype} {labels.shape}",
            where=path,
        )
    if labels.min() < 0:
        raise AnnotationError(f"labels must be >= 0, found {labels.min()}", where=path)
    highest, suffix = int(labels.max()), Path(path).suffix.lower()
    wide = highest > np.iinfo(np.uint16).max
    if suffix == ".png" and not wide:
        _write_png_array(path, labels.astype(np.uint16))
    elif suffix in (".tif", ".tiff"):
        import tifffile  # noqa: PLC0415 - as above

        with atomic_path(path) as temporary:
            tifffile.imwrite(
                temporary,
                labels.astype(np.uint32 if wide else np.uint16),
                photometric="minisblack",
                compression="zlib",
                **_scale_tags(pixel_size_um, ome=wide),
            )
    elif suffix == ".png":
        raise ImageError(f"PNG cannot hold label {highest}", where=path, remedy="write a TIFF")
    else:
        raise ImageError(
            f"labels cannot be written as {suffix or 'a file without suffix'}",
            where=path,
            remedy="choose a name that ends in .png or .tif",
        )


def _ome_size(pixel_size_um: float) -> dict[str, Any]:
    sizes = {f"PhysicalSize{axis}": pixel_size_um for axis in "XY"}
    return {**sizes, **{f"{name}Unit": "µm" for name in sizes}}


def _scale_tags(pixel_size_um: float | None, *, ome: bool) -> dict[str, Any]:
    """How tifffile is told the size of a pixel; ImageJ's own form has no 32-bit integers."""
    if pixel_size_um is None:
        return {}
    if ome:
        return {"ome": True, "metadata": {"axes": "YX", **_ome_size(pixel_size_um)}}
    per_um = 1 / pixel_size_um
    return {"imagej": True, "resolution": (per_um, per_um), "metadata": {"unit": "um"}}


def _write_png_array(path: Path, array: NDArray[Any]) -> None:
    """``(H, W)`` or blue-first ``(H, W, C)`` uint8 or uint16 as PNG."""
    encoded, data = cv2.imencode(".png", array)
    if not encoded:
        raise ImageError("the picture could not be encoded as PNG", where=path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())
