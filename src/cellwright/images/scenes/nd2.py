"""Nikon ND2 files to scenes, one a stage position, read by nd2 (Talley Lambert, BSD)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError, MissingExtraError
from cellwright.images.picture import check_size
from cellwright.images.scale import edge_um
from cellwright.images.scenes.scene import Scene, opened, refuse_other_axes


def open_nd2(path: Path, *, max_pixels: int) -> AbstractContextManager[tuple[Scene, ...]]:
    """The positions of an ND2 file; open while the block runs.

    Raises:
        MissingExtraError: nd2 is not installed.
        ImageError: damaged, too large, in colours, or with loops of another kind than time, depth
            and position.
    """
    try:
        import nd2  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("nd2", "bio") from error
    scenes_in = partial(_scenes, path=path, max_pixels=max_pixels)
    return opened(path, lambda: nd2.ND2File(path), scenes_in)


def _scenes(file: Any, path: Path, *, max_pixels: int) -> Iterator[Scene]:
    sizes = dict(file.sizes)
    others = {axis: size for axis, size in sizes.items() if axis != "P"}
    refuse_other_axes(others, others.values(), where=path)
    if file.is_rgb:
        # The reader gives samples as they are stored, and does not say which of them is red.
        raise ImageError(
            "holds colours, whose order is not known",
            where=path,
            remedy="export it from NIS-Elements as OME-TIFF",
        )
    shape = (sizes.get("C", 1), sizes["Y"], sizes["X"])
    check_size(shape, max_pixels=max_pixels, where=path)
    numbers = _frame_numbers(file)
    channels = file.metadata.channels or ()
    names = tuple(str(channel.channel.name) for channel in channels)
    for position in range(sizes.get("P", 1)):
        yield Scene(
            shape=shape,
            n_times=sizes.get("T", 1),
            n_depths=sizes.get("Z", 1),
            read=partial(_read, file, shape, numbers, position),
            where=path,
            name=_position_name(file, position),
            pixel_size_um=_pixel_size_um(channels, path),
            channel_names=names if len(names) == shape[0] and all(names) else (),
        )


def _frame_numbers(file: Any) -> dict[tuple[int, int, int], int]:
    """Position, time and depth to the number of the frame; loops are nested in any order."""
    places: Sequence[dict[str, int]] = file.loop_indices or ({},)
    return {
        (at.get("P", 0), at.get("T", 0), at.get("Z", 0)): number for number, at in enumerate(places)
    }


def _read(
    file: Any,
    shape: tuple[int, int, int],
    numbers: dict[tuple[int, int, int], int],
    position: int,
    time: int,
    depth: int,
) -> NDArray[Any]:
    # A copy: frames are views of a map that ends with the file. Axes of one are left out.
    return np.array(file.read_frame(numbers[position, time, depth])).reshape(shape)


def _pixel_size_um(channels: Sequence[Any], path: Path) -> float | None:
    volume = channels[0].volume if channels else None
    if volume is None or not all(volume.axesCalibrated[:2]):
        return None
    width, height = volume.axesCalibration[:2]
    return edge_um((width, "um"), (height, "um"), where=path)


def _position_name(file: Any, position: int) -> str:
    for loop in file.experiment:
        if loop.type == "XYPosLoop" and position < len(loop.parameters.points):
            return str(loop.parameters.points[position].name or "")
    return ""
