"""One place under the microscope, as a file holds it: channels at several times and depths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import CellwrightError, ImageError
from cellwright.images.headers import DAMAGED
from cellwright.images.picture import supported_pixels
from cellwright.types import IMAGE_DTYPES, Image


@dataclass(frozen=True, eq=False)
class Scene:
    """A stack of planes of one size; planes are read one by one.

    Attributes:
        shape: ``(C, H, W)`` of a plane.
        n_times: time points.
        n_depths: planes in focus (Z).
        read: time and depth, both from 0, to the stored values ``(C, H, W)``.
        where: the file, for messages.
        name: what the microscope's software calls it; empty for the only one.
        pixel_size_um: edge length of a pixel, None if the file does not say.
        channel_names: one name a channel, or empty.
        well: of a plate, as ``B07``; empty where there is none.
        field: number of the field of view in its well; empty where there is none.
    """

    shape: tuple[int, int, int]
    n_times: int
    n_depths: int
    read: Callable[[int, int], NDArray[Any]]
    where: Path
    name: str = ""
    pixel_size_um: float | None = None
    channel_names: tuple[str, ...] = ()
    well: str = ""
    field: str = ""

    def plane(self, time: int, depth: int) -> Image:
        """``(C, H, W)`` of :attr:`dtype` at one time and depth, both from 0.

        Raises:
            ImageError: its pixels are damaged, or of a type that is not supported.
        """
        return self._smallest(time, depth).astype(self.dtype, copy=False)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """uint8, uint16 or float32, whichever is the smallest that keeps every plane.

        Only integers of other types have to be read whole for it.

        Raises:
            ImageError: as :meth:`plane`.
        """
        with reading_errors(self.where):
            stored = self.read(0, 0).dtype.newbyteorder("=")
        if stored in IMAGE_DTYPES:
            return np.dtype(stored)
        every = product(range(self.n_times), range(self.n_depths))
        planes = every if stored.kind in "iu" else [(0, 0)]
        return np.result_type(*{self._smallest(time, depth).dtype for time, depth in planes})

    def _smallest(self, time: int, depth: int) -> Image:
        """A plane in the smallest type that keeps this one."""
        with reading_errors(self.where):
            return supported_pixels(self.read(time, depth), where=self.where)


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Whatever a reader raises on a damaged file, as an ``ImageError`` that names it."""
    try:
        yield
    except CellwrightError:
        raise
    except Exception as error:  # readers raise many types on hostile bytes
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ImageError(f"cannot be read ({reason})", where=path, remedy=DAMAGED) from error


@contextmanager
def opened(
    path: Path,
    document: Callable[[], AbstractContextManager[Any]],
    scenes_in: Callable[[Any], Iterable[Scene]],
) -> Iterator[tuple[Scene, ...]]:
    """The scenes of a file, which stays open while the block runs.

    Args:
        path: the file, for messages.
        document: opens it with its reader.
        scenes_in: what the open file holds.

    Raises:
        ImageError: the file is damaged, or holds what is not supported.
    """
    with ExitStack() as stack:
        with reading_errors(path):
            scenes = tuple(scenes_in(stack.enter_context(document())))
        yield scenes


def refuse_other_axes(axes: Iterable[str], sizes: Iterable[int], *, where: Path) -> None:
    """Refuse a file with more than one place on an axis that is none of T, Z, C, Y, X, S.

    Args:
        axes: a letter each.
        sizes: their lengths.
        where: the file, for the message.

    Raises:
        ImageError: as said, or an axis twice; a plane could not be named.
    """
    long = [(axis, size) for axis, size in zip(axes, sizes, strict=True) if size > 1]
    letters = [axis for axis, _ in long]
    other = [
        f"{size} in {axis}"
        for axis, size in long
        if axis not in "TZCYXS" or letters.count(axis) > 1
    ]
    if other:
        raise ImageError(
            f"holds planes along axes that are neither time, depth nor channel: {', '.join(other)}",
            where=where,
            remedy="export what you mean as OME-TIFF from the microscope's software",
        )
