from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.images.overlay import PALETTE, display, draw_boxes, draw_labels
from cellwright.types import Boxes, Instances

WHITE = np.full((3, 400, 600), 255, np.uint8)
LOW_LEFT = np.s_[200:, 300:]  # away from the legend


def one_box(x0: float, y0: float, x1: float, y1: float, class_id: int = 0) -> Boxes:
    return Boxes(np.array([[x0, y0, x1, y1]]), np.array([class_id]))


def pixels_of(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.argwhere((picture == colour).all(axis=2))


def test_colours_differ_in_brightness_too() -> None:
    luminance = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in PALETTE[:4])
    assert min(np.diff(luminance)) > 5
    assert len(set(PALETTE)) == len(PALETTE)


def test_a_box_is_drawn_on_its_own_border_pixels() -> None:
    picture = draw_boxes(WHITE, one_box(400, 300, 410, 320), ["cell"])
    assert (picture.dtype, picture.shape) == (np.uint8, (400, 600, 3))
    drawn = pixels_of(picture, PALETTE[0])
    drawn = drawn[drawn[:, 0] > 200]
    assert drawn.min(axis=0).tolist() == [300, 400]
    assert drawn.max(axis=0).tolist() == [319, 409]
    assert len(drawn) == 2 * 20 + 2 * 10 - 4


def test_boxes_shrink_with_their_picture() -> None:
    picture = draw_boxes(WHITE, one_box(400, 300, 420, 340, class_id=1), ["a", "b"], max_edge=300)
    assert picture.shape == (200, 300, 3)
    drawn = pixels_of(picture, PALETTE[1])
    drawn = drawn[drawn[:, 0] > 100]
    assert drawn.min(axis=0).tolist() == [150, 200]
    assert drawn.max(axis=0).tolist() == [169, 209]


def test_legend_counts_every_class_and_differs_with_the_count() -> None:
    large = np.full((3, 900, 1200), 255, np.uint8)
    none = draw_boxes(large, Boxes.empty(), ["live", "dead"])
    one = draw_boxes(large, one_box(800, 600, 810, 620), ["live", "dead"])
    corner = np.s_[:100, :200]
    for colour in PALETTE[:2]:
        assert len(pixels_of(none[corner], colour)) > 20
    assert (none[corner] != one[corner]).any()


def test_a_class_without_a_name_is_drawn_all_the_same() -> None:
    picture = draw_boxes(WHITE, one_box(400, 300, 410, 320, class_id=8), ["cell"])
    assert len(pixels_of(picture[LOW_LEFT], PALETTE[8 % len(PALETTE)])) > 0


def test_the_image_is_not_drawn_upon() -> None:
    image = np.full((3, 50, 50), 9, np.uint8)
    draw_boxes(image, one_box(10, 10, 20, 20), ["cell"])
    assert (image == 9).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 900), (1, 900, 2)])
def test_odd_shapes_can_be_drawn(shape: tuple[int, int, int]) -> None:
    picture = draw_boxes(np.zeros(shape, np.uint16), one_box(0, 0, 1, 1), ["a name"], max_edge=100)
    assert max(picture.shape[:2]) == min(100, max(shape[1:]))


def test_12_bits_in_16_are_visible() -> None:
    image = np.full((1, 100, 100), 100, np.uint16)
    image[:, 50:] = 4000
    shown = display(image)
    assert shown[:50].mean() < 5
    assert shown[50:].mean() > 250


def test_colour_of_8_bits_is_shown_as_it_is() -> None:
    image = np.random.default_rng(0).integers(50, 90, (3, 40, 50), dtype=np.uint8)
    np.testing.assert_array_equal(display(image), image.transpose(1, 2, 0))


def test_two_channels_are_added_in_two_colours() -> None:
    image = np.zeros((2, 60, 60), np.uint16)
    image[0, :20] = image[1, 40:] = 1000
    shown = display(image)
    assert np.abs(shown[5, 5].astype(int) - PALETTE[0]).max() <= 1
    assert np.abs(shown[50, 5].astype(int) - PALETTE[1]).max() <= 1
    assert shown[30, 5].max() == 0


def test_outline_runs_inside_each_object_and_between_touching_ones() -> None:
    labels = np.zeros((400, 600), int)
    labels[300:310, 400:410], labels[300:310, 410:420] = 1, 2
    picture = draw_labels(WHITE, Instances(labels, np.array([0, 1])), ["a", "b"])
    first = pixels_of(picture[LOW_LEFT], PALETTE[0])
    second = pixels_of(picture[LOW_LEFT], PALETTE[1])
    assert len(first) == len(second) == 36  # the rim of 10 x 10
    assert (picture[305, 405] == 255).all()
    assert (picture[299, 405] == 255).all()


@pytest.mark.parametrize("step", [2, 3])
def test_labels_may_be_those_of_the_image_before_it_was_thinned(step: int) -> None:
    labels = np.zeros((400, 601), np.int32)
    labels[200:300, 100:200] = 1
    labels[311, 311] = 2  # lost in the thinned picture, yet counted in its legend
    thin = np.zeros((1, 400, 601), np.uint8)[:, ::step, ::step]
    picture = draw_labels(thin, Instances(labels))
    rows, columns = np.nonzero((picture[40:] == PALETTE[0]).all(axis=2))
    edges = (rows.min() + 40, rows.max() + 40, columns.min(), columns.max())
    assert np.abs(np.array(edges) - np.array([200, 299, 100, 199]) / step).max() <= 1


@pytest.mark.parametrize("shape", [(65, 14_000), (14_000, 65), (8, 5_000), (1, 4_001)])
def test_outlines_of_a_strip_that_was_thinned(shape: tuple[int, int]) -> None:
    length, along = max(shape), int(np.argmax(shape))
    labels = np.zeros(shape, np.int32)
    np.moveaxis(labels, along, 0)[-700:] = 1
    step = length // 2000
    picture = draw_labels(np.full((1, *shape), 200, np.uint8)[:, ::step, ::step], Instances(labels))
    outline = pixels_of(picture, PALETTE[0])[:, along]
    assert max(picture.shape) <= 2000
    assert np.abs(outline - (length - 700) * max(picture.shape) / length).min() <= 1


def test_labels_of_another_size_are_refused() -> None:
    with pytest.raises(ImageError, match="do not fit"):
        draw_labels(WHITE, Instances(np.zeros((4, 4), int)))
