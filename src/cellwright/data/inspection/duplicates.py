"""Pictures that occur twice, and splits that put the two on different sides.

The same field re-saved, brightened, mirrored or turned teaches a model the answer to its
own test. Such pairs are found among thousands of images in three steps:

1. equal pixels, by checksum;
2. thumbnails of 32 x 32 pixels that correlate above 0.9 in any of the eight orientations;
3. of those, thumbnails of 64 x 64 pixels that correlate above 0.75: single cells cut out
   around their centres pass step 2 but not this one.

From each thumbnail its own blur is taken away first, since images of one microscope share
their uneven lighting. The steps do not depend on brightness, contrast, bit depth or
compression. A copy that was cropped by more than a few per cent, or turned by another angle,
is not found. Blank images resemble each other by nature and are left out. Images smaller than
the larger thumbnail (single-cell crops, as imaging flow cytometers store them) hold too little
detail to tell two round cells apart: of those, only equal pixels in any orientation count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.data.labelled_set import LabelledSet
from cellwright.images.read import read_image
from cellwright.images.resize import resize
from cellwright.types import Image

COARSE_CORRELATION = 0.9
FINE_CORRELATION = 0.75

_FINE_PX = 64
_COARSE_PX = 32
_COARSE_BLUR_PX = 4.0
_FINE_BLUR_PX = 2.0
_BLOCK = 1024
"""Images compared at once: a 1024 x 1024 block of correlations takes 4 MB."""

Thumbnails: TypeAlias = NDArray[np.float32]
Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) after every image."""

_Turn: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]

ORIENTATIONS: dict[str, _Turn] = {
    "as it is": lambda images: images,
    "mirrored left to right": lambda images: images[..., ::-1],
    "mirrored top to bottom": lambda images: images[..., ::-1, :],
    "turned by 180°": lambda images: images[..., ::-1, ::-1],
    "turned by 90°": lambda images: np.rot90(images, 1, axes=(-2, -1)),
    "turned by 270°": lambda images: np.rot90(images, 3, axes=(-2, -1)),
    "mirrored along a diagonal": lambda images: images.swapaxes(-2, -1),
    "mirrored along the other diagonal": lambda images: images[..., ::-1, ::-1].swapaxes(-2, -1),
}


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is kept of an image to find its copies.

    Attributes:
        digest: checksum of shape, type and pixels.
        thumbnail: float16 ``(64, 64)``, all channels averaged, mean 0 and variance 1; None
            for a blank image.
        judged_by: ``pixels`` where the image is too small for its details to say anything; its
            checksum is then the same in every orientation.
    """

    digest: str
    thumbnail: NDArray[np.float16] | None
    judged_by: Literal["detail", "pixels"] = "detail"


@dataclass(frozen=True)
class DuplicatePair:
    """Two records that show the same picture.

    Attributes:
        first: id of one record.
        second: id of the other, later in the set.
        kind: ``identical`` (equal pixels) or ``near``.
        correlation: of the 32 x 32 thumbnails, at most 1.
        orientation: how the second must be turned to look like the first.
    """

    first: str
    second: str
    kind: Literal["identical", "near"]
    correlation: float
    orientation: str


def fingerprint(image: Image) -> Fingerprint:
    """Checksum and thumbnail of a ``(C, H, W)`` image."""
    small_picture = max(image.shape[1:]) < _FINE_PX
    digest = _digest(image)
    if small_picture:
        digest = min(_digest(turn(image)) for turn in ORIENTATIONS.values())
    grey = image.mean(axis=0, keepdims=True, dtype=np.float32)
    if np.ptp(grey) == 0:
        return Fingerprint(digest, None)
    small = resize(grey, _FINE_PX, _FINE_PX)[0]
    spread = float(small.std())
    if spread == 0:
        return Fingerprint(digest, None)
    thumbnail = ((small - small.mean()) / spread).astype(np.float16)
    return Fingerprint(digest, thumbnail, "pixels" if small_picture else "detail")


def _digest(image: Image) -> str:
    header = f"{image.shape} {image.dtype.str} ".encode()
    return hashlib.sha256(header + np.ascontiguousarray(image).tobytes()).hexdigest()


def near_duplicates(
    labelled: LabelledSet, *, progress: Progress | None = None
) -> tuple[DuplicatePair, ...]:
    """Every pair of records that show the same picture; reads all images once.

    Raises:
        ImageError: an image cannot be read.
    """
    prints: dict[str, Fingerprint] = {}
    for done, record in enumerate(labelled, start=1):
        prints[record.id] = fingerprint(read_image(record.image_path).pixels)
        if progress is not None:
            progress(done, len(labelled))
    return find_duplicates(prints)


def leaks(
    labelled: LabelledSet, part_of: Mapping[str, str], *, progress: Progress | None = None
) -> tuple[DuplicatePair, ...]:
    """Pairs of the same picture that stand in different parts of a split.

    Args:
        labelled: the set; records without a part are not read.
        part_of: part (``train``, ``val``, ``test``) by record id.
        progress: called after every image.

    Raises:
        ImageError: an image cannot be read.
    """
    assigned = labelled.subset([record.id for record in labelled if record.id in part_of])
    return crossing(near_duplicates(assigned, progress=progress), part_of)


def crossing(
    pairs: Sequence[DuplicatePair], place_of: Mapping[str, str]
) -> tuple[DuplicatePair, ...]:
    """The pairs whose two records have different places (parts, or groups)."""
    return tuple(
        pair
        for pair in pairs
        if pair.first in place_of
        and pair.second in place_of
        and place_of[pair.first] != place_of[pair.second]
    )


def families(pairs: Sequence[DuplicatePair]) -> list[tuple[str, ...]]:
    """Ids that belong together, each family once, in order of first appearance."""
    family_of: dict[str, list[str]] = {}
    for pair in pairs:
        first = family_of.setdefault(pair.first, [pair.first])
        second = family_of.setdefault(pair.second, [pair.second])
        if first is not second:
            first.extend(second)
            for name in second:
                family_of[name] = first
    unique = {id(members): members for members in family_of.values()}
    return [tuple(members) for members in unique.values()]


def find_duplicates(prints: Mapping[str, Fingerprint]) -> tuple[DuplicatePair, ...]:
    """Every pair among fingerprints by id, in order of the ids."""
    equal = _equal_pixels(prints)
    visible = {
        name: one.thumbnail
        for name, one in prints.items()
        if one.thumbnail is not None and one.judged_by == "detail"
    }
    if len(visible) < 2:
        return equal
    ids = list(visible)
    fine = np.stack(list(visible.values())).astype(np.float32)
    coarse = fine.reshape(len(ids), _COARSE_PX, 2, _COARSE_PX, 2).mean(axis=(2, 4))
    coarse = _unit_details(coarse, _COARSE_BLUR_PX)
    best: dict[tuple[int, int], tuple[float, str]] = {}
    for orientation, turn in ORIENTATIONS.items():
        for first, second, correlation in _similar(coarse, turn):
            if correlation > best.get((first, second), (-1.0, ""))[0]:
                best[first, second] = (correlation, orientation)
    pairs = []
    for (first, second), (correlation, orientation) in sorted(best.items()):
        same = prints[ids[first]].digest == prints[ids[second]].digest
        if not same and not _same_detail(fine[first], ORIENTATIONS[orientation](fine[second])):
            continue
        pairs.append(
            DuplicatePair(
                ids[first],
                ids[second],
                "identical" if same else "near",
                round(min(correlation, 1.0), 4),
                "as it is" if same else orientation,
            )
        )
    return (*equal, *pairs)


def _equal_pixels(prints: Mapping[str, Fingerprint]) -> tuple[DuplicatePair, ...]:
    """Pairs among the images too small to be judged by their details."""
    seen: dict[str, str] = {}
    pairs = []
    for name, one in prints.items():
        if one.thumbnail is None or one.judged_by == "detail":
            continue
        first = seen.setdefault(one.digest, name)
        if first != name:
            pairs.append(DuplicatePair(first, name, "identical", 1.0, "as it is"))
    return tuple(pairs)


def _similar(thumbnails: Thumbnails, turn: _Turn) -> Iterator[tuple[int, int, float]]:
    """Pairs (i, j), i < j, in which i correlates with j turned, and how much."""
    count = len(thumbnails)
    turned = np.ascontiguousarray(turn(thumbnails)).reshape(count, -1)
    plain = thumbnails.reshape(count, -1)
    for top in range(0, count, _BLOCK):
        for left in range(top, count, _BLOCK):
            block = plain[top : top + _BLOCK] @ turned[left : left + _BLOCK].T
            for row, column in np.argwhere(block > COARSE_CORRELATION).tolist():
                if top + row < left + column:
                    yield top + row, left + column, float(block[row, column])


def _same_detail(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    one, other = _unit_details(np.stack([first, second]), _FINE_BLUR_PX).reshape(2, -1)
    return bool(one @ other > FINE_CORRELATION)


def _unit_details(thumbnails: Thumbnails, blur_px: float) -> Thumbnails:
    """Each less its blur, with mean 0 and length 1: a dot product is then a correlation."""
    details = np.stack([one - cv2.GaussianBlur(one, (0, 0), blur_px) for one in thumbnails])
    details -= details.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt((details**2).sum(axis=(1, 2), keepdims=True))
    unit: Thumbnails = details / np.maximum(length, 1e-6)
    return unit
