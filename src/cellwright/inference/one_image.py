"""One image of a run: read, predict, draw and keep it, unless an earlier run has.

The same function does it in a thread of this process and in a worker of a cluster. What it
leaves in the output folder is complete or not there; what it gives back is small.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from cellwright.errors import CellwrightError, ImageError
from cellwright.images.read import open_image, values_held_open
from cellwright.inference.identity import NamedImage
from cellwright.inference.run_folder import Fingerprint, Part, RunFolder
from cellwright.inference.work import ImageWork

LARGE_VALUES = 1 << 26
"""Of images that hold more values than this in memory while open, one at a time is in work."""

_ONE_LARGE = Lock()

_BEFORE_COUNTS = 5
"""Columns of a summary before the counts of the classes: id, file, height, width, total."""


@dataclass(frozen=True)
class Outcome:
    """What became of one image.

    Attributes:
        image: which.
        counts: cells of each class; empty where there is an error.
        error: why there is no result.
        resumed: an earlier run had done it.
    """

    image: NamedImage
    counts: tuple[int, ...] = ()
    error: CellwrightError | None = None
    resumed: bool = False


def do_image(work: ImageWork, folder: RunFolder, image: NamedImage) -> Outcome:
    """Do one image, or take over what an earlier run left; its part and pictures are in ``folder``.

    An image that cannot be used becomes the outcome's error. A folder that cannot be written is
    no fault of the image, and is raised.
    """
    held = folder.load(image)
    if held is not None:
        return Outcome(image, _counts(work, held), resumed=True)
    try:
        before = _fingerprint(folder, image)
        with turn(image.path), open_image(image.path) as source:
            done = work.do(image, source)
        if before is None or _fingerprint(folder, image) != before:
            raise ImageError(
                "the file, or its label image, changed while it was in work",
                where=image.path,
                remedy="run again: only this image is done anew",
            )
    except CellwrightError as error:
        return Outcome(image, error=error)
    names = []
    for product in done.products:
        names.append(f"{product.folder}/{image.id}{product.suffix}")
        product.write(folder.out / names[-1])
    folder.save(image, done.part, fingerprint=before, products=names)
    return Outcome(image, _counts(work, done.part))


def _fingerprint(folder: RunFolder, image: NamedImage) -> Fingerprint | None:
    """None where the file is not there, which to open it says better."""
    try:
        return folder.fingerprint(image)
    except OSError:
        return None


def turn(path: Path) -> AbstractContextManager[object]:
    """Lets only one image in that takes much memory."""
    return _ONE_LARGE if values_held_open(path) > LARGE_VALUES else nullcontext()


def _counts(work: ImageWork, part: Part) -> tuple[int, ...]:
    found = part.summary[_BEFORE_COUNTS : _BEFORE_COUNTS + len(work.classes)]
    return tuple(int(value or 0) for value in found)
