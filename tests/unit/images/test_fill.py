"""Filling is the inverse of tracing, and agrees with matplotlib on any polygon."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path as Polygon

from cellwright.images.fill import fill, fill_free
from cellwright.images.outlines import trace


@pytest.mark.parametrize("seed", range(5))
def test_filling_an_outline_gives_the_cell_back(seed):
    mask = np.random.default_rng(seed).random((17, 23)) < 0.6
    rings = tuple(ring for part in trace(mask) for ring in (part.outer, *part.holes))
    assert (fill(rings, *mask.shape) == mask).all()


@pytest.mark.parametrize("seed", range(5))
def test_any_polygon_is_filled_as_matplotlib_does(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
    reach = rng.uniform(4, 20, 12)  # a star without crossing edges, in part outside the picture
    ring = np.stack([10 + reach * np.cos(angles), 14 + reach * np.sin(angles)], axis=1)
    y, x = np.mgrid[:30, :20] + 0.5
    inside = Polygon(ring).contains_points(np.stack([x.ravel(), y.ravel()], axis=1))
    assert (fill((ring,), 30, 20) == inside.reshape(30, 20)).all()


def test_nothing_is_inside_a_line():
    assert not fill((np.array([[1.0, 1.0], [5.0, 5.0], [3.0, 3.0]]),), 8, 8).any()
    assert not fill((), 2, 2).any()


def test_only_free_pixels_of_the_image_are_given_the_number():
    labels = np.zeros((4, 5), np.int32)
    labels[0, 1] = 7
    square = np.array([[-2.0, -2.0], [2.0, -2.0], [2.0, 2.0], [-2.0, 2.0]])
    fill_free(labels, (square,), 3)
    assert labels[:2, :2].tolist() == [[3, 7], [3, 3]] and np.count_nonzero(labels) == 4
    fill_free(labels, (square + 50,), 4)
    assert np.count_nonzero(labels) == 4
