"""Contours whose dimension and signature are known."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from skimage.draw import disk

from cellwright.features.contour import (
    box_counting_dimension,
    contour_features,
    contour_of,
    contour_signature,
)


def koch(depth: int, edge: float) -> np.ndarray:
    """Points of a Koch curve."""
    points = np.array([0, edge], complex)
    for _ in range(depth):
        a, b = points[:-1], points[1:]
        third = (b - a) / 3
        tip = a + third + third * np.exp(1j * np.pi / 3)
        points = np.append(np.stack([a, a + third, tip, b - third], axis=1).ravel(), points[-1])
    return np.stack([points.real, points.imag], axis=1)


def dense(points: np.ndarray, step: float = 0.5) -> np.ndarray:
    """The same line with a point at least every half pixel."""
    parts = [
        np.linspace(a, b, max(2, int(np.hypot(*(b - a)) / step) + 1)) for a, b in pairwise(points)
    ]
    return np.concatenate(parts)


def test_a_koch_curve_has_the_dimension_of_mathematics() -> None:
    found = box_counting_dimension(dense(koch(7, 2187.0)))
    assert found == pytest.approx(math.log(4) / math.log(3), abs=0.03)  # 1.2619


def test_a_circle_and_a_line_have_dimension_one() -> None:
    turn = np.linspace(0, 2 * np.pi, 20_000)
    circle = 500 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    assert box_counting_dimension(circle) == pytest.approx(1, abs=0.04)
    line = np.stack([np.arange(1024.0), np.arange(1024.0)], axis=1)
    assert box_counting_dimension(line) == pytest.approx(1, abs=0.01)


def test_a_filled_square_has_dimension_two() -> None:
    y, x = np.mgrid[:256, :256]
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(float)
    assert box_counting_dimension(points) == pytest.approx(2, abs=0.02)


def test_the_signature_of_a_circle_is_flat() -> None:
    mask = np.zeros((130, 130), bool)
    mask[disk((65, 65), 60)] = True
    dimension, spread, _, _, reach = contour_features(mask)
    assert spread < 0.01 and reach < 0.03
    assert 0.95 < dimension < 1.15


def test_the_signature_of_a_square_swings_four_times() -> None:
    """From half an edge to half a diagonal: a range of sqrt 2 - 1 over the mean, 1.148 / 1."""
    mask = np.zeros((140, 140), bool)
    mask[20:121, 20:121] = True
    signature = contour_signature(contour_of(mask), n_points=400)
    assert signature.max() / signature.min() == pytest.approx(math.sqrt(2), rel=0.01)
    # Mean distance of a square's edge from its middle: asinh(1)/2 + sqrt(2)/2 half edges.
    mean = 50 * (math.asinh(1) + math.sqrt(2)) / 2
    assert signature.mean() == pytest.approx(mean, rel=0.01)
    spectrum = np.abs(np.fft.rfft(signature - signature.mean()))
    assert int(spectrum.argmax()) == 4


def test_rough_contours_have_larger_dimension_and_spread() -> None:
    rng = np.random.default_rng(0)
    turn = np.linspace(0, 2 * np.pi, 181)[:-1]
    smooth, rough = np.zeros((2, 300, 300), np.uint8)
    for canvas, swing in ((smooth, 0.0), (rough, 18.0)):
        radius = 100 + swing * rng.uniform(-1, 1, len(turn))
        points = 150 + radius[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        cv2.fillPoly(canvas, [points.astype(np.int32)], 1)
    first, other = (contour_features(one.astype(bool)) for one in (smooth, rough))
    assert other[0] > first[0] + 0.05 and other[1] > 3 * first[1]


def test_too_little_contour_has_no_figures() -> None:
    dot = np.zeros((9, 9), bool)
    assert all(math.isnan(value) for value in contour_features(dot))
    dot[4, 4] = True
    assert all(math.isnan(value) for value in contour_features(dot))
