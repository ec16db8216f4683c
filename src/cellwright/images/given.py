"""What a caller in Python may give for an image: array, file, picture, open image."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeAlias

from numpy.typing import ArrayLike

from cellwright.errors import ImageError
from cellwright.images.axes import channels_first
from cellwright.images.lazy import LazyImage, whole_image
from cellwright.images.picture import Picture
from cellwright.images.read import open_image

ImageLike: TypeAlias = ArrayLike | str | os.PathLike[str] | Picture | LazyImage
"""An array, the path of a file, what :func:`cellwright.read_image` gave, or an open image."""

Given: TypeAlias = Path | Picture | LazyImage
"""The same, told apart."""


def given(image: ImageLike, axes: str | None = None) -> Given:
    """Tell apart what a caller gave; of an array the picture is made that it shows.

    Args:
        image: an array, the path of a file (``~`` is the home folder), a picture, or an open
            image. Pixels of an array are not copied where they need no change.
        axes: of an array, see :func:`~cellwright.images.axes.channels_first`.

    Raises:
        ImageError: an array that cannot be used, or ``axes`` of what is no array.
    """
    if not isinstance(image, str | os.PathLike | Picture | LazyImage):
        return Picture(channels_first(image, axes), axes="CYX")
    if axes is not None:
        raise ImageError("a file or picture says itself what its axes are", remedy="leave axes out")
    return image if isinstance(image, Picture | LazyImage) else Path(image).expanduser()


def opened(image: Given) -> AbstractContextManager[LazyImage]:
    """An image to be read region by region; a file is closed at the end, an open image is not.

    Raises:
        ImageError: the file cannot be read.
    """
    if isinstance(image, LazyImage):
        return nullcontext(image)
    return whole_image(image) if isinstance(image, Picture) else open_image(image)
