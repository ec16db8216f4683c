"""What a caller in Python may give for an image, opened alike: array, file, picture."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeAlias

from numpy.typing import ArrayLike

from cellwright.errors import ImageError
from cellwright.images.axes import channels_first
from cellwright.images.lazy import LazyImage, whole_image
from cellwright.images.picture import Picture
from cellwright.images.read import open_image

ImageLike: TypeAlias = ArrayLike | str | Path | Picture | LazyImage
"""An array, the path of a file, what :func:`cellwright.read_image` gave, or an open image."""


def opened(image: ImageLike, axes: str | None = None) -> AbstractContextManager[LazyImage]:
    """An image to be read region by region; a file is closed at the end.

    Args:
        image: an array, the path of a file, a picture, or an open image, which stays open.
        axes: of an array, see :func:`~cellwright.images.axes.channels_first`.

    Raises:
        ImageError: the file or array cannot be used, or ``axes`` are given for what is no array.
    """
    if not isinstance(image, str | Path | Picture | LazyImage):
        return whole_image(Picture(channels_first(image, axes), axes="CYX"))
    if axes is not None:
        raise ImageError("a file or picture says itself what its axes are", remedy="leave axes out")
    if isinstance(image, LazyImage):
        return nullcontext(image)
    return whole_image(image) if isinstance(image, Picture) else open_image(Path(image))
