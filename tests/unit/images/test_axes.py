"""Arrays of any axes become (C, H, W); what is not plain is asked for."""

from __future__ import annotations

import itertools

import numpy as np
import PIL.Image
import pytest

from cellwright.errors import ImageError
from cellwright.images.axes import channels_first

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("axes", ["".join(order) for order in itertools.permutations("TCYX")])
def test_any_order_of_axes_gives_the_same_image(axes: str) -> None:
    image = RNG.integers(0, 255, (3, 7, 9), np.uint8)
    lengths = dict(zip("CYXT", (*image.shape, 1), strict=True))
    array = np.empty([lengths[letter] for letter in axes], np.uint8)
    for c, y, x in np.ndindex(image.shape):
        array[tuple({"C": c, "Y": y, "X": x, "T": 0}[letter] for letter in axes)] = image[c, y, x]
    np.testing.assert_array_equal(channels_first(array, axes.lower()), image)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((7, 9), (1, 7, 9)), ((7, 9, 3), (3, 7, 9)), ((2, 7, 9), (2, 7, 9)), ((3, 2), (1, 3, 2))],
)
def test_plain_axes_need_not_be_said(
    shape: tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    array = RNG.random(shape, np.float32)
    image = channels_first(array)
    assert image.shape == expected
    moved = np.moveaxis(array, -1, 0) if len(shape) == 3 and shape[2] == 3 else array
    np.testing.assert_array_equal(image, moved.reshape(expected))


@pytest.mark.parametrize("shape", [(7,), (5, 6, 7), (3, 4, 4), (3, 7, 3), (1, 3, 7, 9)])
def test_axes_that_are_not_plain_are_asked_for(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="not plain") as caught:
        channels_first(np.zeros(shape))
    assert "axes='YXC'" in caught.value.remedy


@pytest.mark.parametrize(
    ("axes", "what"),
    [
        ("YX", "do not fit"),
        ("YXQ", "are not letters"),
        ("YYX", "are not letters"),
        ("TCX", "are not letters"),
        ("ZYX", "holds 5 planes"),
    ],
)
def test_axes_that_cannot_be_are_refused(axes: str, what: str) -> None:
    with pytest.raises(ImageError, match=what):
        channels_first(np.zeros((5, 6, 7)), axes)


def test_values_are_kept_whatever_their_type() -> None:
    for dtype in (bool, np.uint8, np.int16, np.uint16, np.int64, np.float16, np.float64, ">u2"):
        array = RNG.integers(0, 2, (4, 5)).astype(dtype)
        image = channels_first(array)
        assert image.dtype in (np.uint8, np.uint16, np.float32)
        np.testing.assert_array_equal(image[0], array * (255 if dtype is bool else 1))


def test_an_opaque_alpha_is_left_out_only_where_nobody_said_what_it_is() -> None:
    array = RNG.integers(0, 255, (6, 7, 4), np.uint8)
    array[..., 3] = 255
    assert channels_first(array).shape == (3, 6, 7)
    assert channels_first(array, "YXC").shape == (4, 6, 7)
    array[0, 0, 3] = 9
    with pytest.raises(ImageError, match="transparent"):
        channels_first(array)


@pytest.mark.parametrize("array", [np.zeros((0, 5)), np.full((4, 4), np.nan), np.ones((4, 4)) * 1j])
def test_what_is_no_image_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ImageError):
        channels_first(array)


@pytest.mark.parametrize("thing", [None, b"a.png", {"a": 1}, 3.0, [[1, 2], [3]], np.array(["a"])])
def test_what_is_no_array_is_said_in_words(thing: object) -> None:
    with pytest.raises(ImageError, match=r"not (NoneType|bytes|dict|float|ndarray|of one length)"):
        channels_first(thing)  # type: ignore[arg-type]


def test_lists_are_taken_for_the_8_bits_that_they_came_from() -> None:
    array = RNG.integers(0, 256, (4, 5))
    assert channels_first(array.tolist()).dtype == np.uint8
    assert channels_first(array.astype(np.uint16)).dtype == np.uint16
    assert channels_first(array + 1000).dtype == np.uint16


def test_hidden_pixels_and_numbers_of_colours_are_refused() -> None:
    hidden = np.ma.masked_array(np.ones((4, 5)), mask=np.eye(4, 5, dtype=bool))
    with pytest.raises(ImageError, match="masked array"):
        channels_first(hidden)
    assert channels_first(np.ma.masked_array(np.ones((4, 5)))).shape == (1, 4, 5)
    with pytest.raises(ImageError, match="palette"):
        channels_first(PIL.Image.new("P", (4, 5)))
    assert channels_first(PIL.Image.new("RGB", (9, 8))).shape == (3, 8, 9)
