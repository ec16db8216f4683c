"""Layers as people open them: stacks, colours, pyramids, other types, on disk."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.napari.plane import plane_of, whole

RNG = np.random.default_rng(0)


class Watched:
    """An array on disk: counts the values that are read."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.read = array, 0
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, index: object) -> np.ndarray:
        found = self.array[index]
        self.read += found.size
        return found


def test_a_plane_of_a_stack_is_read_region_by_region() -> None:
    stack = RNG.integers(0, 60_000, (2, 4, 50, 60)).astype(np.uint16)
    watched = Watched(stack)
    plane = plane_of(watched, {"name": "a", "rgb": False}, (1, 3))
    assert (plane.source.shape, plane.source.dtype, plane.index) == ((1, 50, 60), np.uint16, (1, 3))
    np.testing.assert_array_equal(plane.source.read_region(5, 7, 9, 20)[0], stack[1, 3, 5:9, 7:20])
    assert watched.read == 4 * 13


def test_colours_lose_an_opaque_alpha_channel_only() -> None:
    colours = RNG.integers(0, 255, (20, 30, 4)).astype(np.uint8)
    with pytest.raises(ImageError, match="transparent"):
        plane_of(colours, {"rgb": True})
    colours[..., 3] = 255
    for pixels in (colours, colours[..., :3]):
        found = whole(plane_of(pixels, {"rgb": True}))
        np.testing.assert_array_equal(found, np.moveaxis(colours[..., :3], -1, 0))


def test_of_a_pyramid_the_finest_level_is_taken() -> None:
    levels = [np.ones((40, 60), np.uint8), np.zeros((20, 30), np.uint8)]
    assert whole(plane_of(levels, {"multiscale": True})).all()


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.eye(3, dtype=bool), np.eye(3, dtype=np.uint8) * 255),
        (np.full((3, 3), 70, np.int64), np.full((3, 3), 70, np.uint16)),
        (np.full((3, 3), -2.5), np.full((3, 3), -2.5, np.float32)),
    ],
)
def test_other_types_keep_their_values(pixels: np.ndarray, expected: np.ndarray) -> None:
    plane = plane_of(pixels, {})
    assert plane.source.dtype == expected.dtype
    np.testing.assert_array_equal(whole(plane)[0], expected)


@pytest.mark.parametrize(
    ("shape", "index"), [((4, 9, 9), None), ((4, 9, 9), (4,)), ((9, 9), (0,)), ((2, 4, 9, 9), (1,))]
)
def test_a_plane_that_is_not_there_is_refused(
    shape: tuple[int, ...], index: tuple[int, ...] | None
) -> None:
    with pytest.raises(ImageError, match="planes") as caught:
        plane_of(np.zeros(shape, np.uint8), {"name": "stack"}, index)
    assert caught.value.where == "stack"


def test_a_line_is_no_image_and_a_stack_of_one_is_a_plane() -> None:
    with pytest.raises(ImageError, match="no rows and columns"):
        plane_of(np.zeros(9, np.uint8), {})
    assert plane_of(np.zeros((1, 1, 9, 9), np.uint8), {}).index == (0, 0)


@pytest.mark.parametrize(
    ("units", "scale", "expected"),
    [
        (("micrometer", "micrometer"), (0.5, 0.5), 0.5),
        (("pixel", "nanometer", "nanometer"), (1, 325, 325), 0.325),
        (("pixel", "pixel"), (0.5, 0.5), None),
        (None, (0.5, 0.5), None),
    ],
)
def test_the_pixel_size_is_the_scale_where_its_unit_is_a_length(
    units: tuple[str, ...] | None, scale: tuple[float, ...], expected: float | None
) -> None:
    pixels = np.zeros((1,) * (len(scale) - 2) + (9, 9), np.uint8)
    found = plane_of(pixels, {"units": units, "scale": scale}).pixel_size_um
    assert found == pytest.approx(expected)


def test_pixels_that_are_not_square_are_refused() -> None:
    with pytest.raises(ImageError, match="not square"):
        plane_of(np.zeros((9, 9), np.uint8), {"units": ("um", "um"), "scale": (1, 2)})
