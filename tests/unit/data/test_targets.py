"""Targets: distances by hand and against SciPy, touching objects, ignored pixels."""

import numpy as np
import pytest
from scipy import ndimage

from cellwright.data.targets import (
    IGNORED,
    instance_target,
    relative_distance,
    semantic_target,
)


def discs(n=25, edge=128, seed=0):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:edge, :edge]
    labels = np.zeros((edge, edge), np.int32)
    for index in range(n):
        y, x, radius = *rng.uniform(0, edge, 2), rng.uniform(3, 14)
        labels[np.hypot(rows - y, columns - x) < radius] = index + 1
    return labels


def test_a_square_by_hand():
    labels = np.zeros((7, 7), np.int32)
    labels[1:6, 1:6] = 1
    third, two_thirds = 1 / 3, 2 / 3
    expected = np.zeros((7, 7))
    expected[1:6, 1:6] = third
    expected[2:5, 2:5] = two_thirds
    expected[3, 3] = 1
    assert relative_distance(labels) == pytest.approx(expected, abs=1e-6)


def test_every_object_reaches_one_whatever_its_size():
    labels = discs()
    distance = relative_distance(labels)
    present = np.unique(labels[labels > 0])
    assert ndimage.maximum(distance, labels, present) == pytest.approx(np.ones(len(present)))
    assert (distance[labels == 0] == 0).all()
    assert distance.min() >= 0


def test_against_one_exact_transform_an_object():
    """Where objects touch, the one transform is at most a pixel's diagonal off."""
    labels = discs(seed=1)
    found = relative_distance(labels)
    for index in np.unique(labels[labels > 0]):
        inside = np.pad(labels == index, 64, mode="edge")
        exact = ndimage.distance_transform_edt(inside)[64:-64, 64:-64]
        here = labels == index
        assert np.abs(found[here] * exact[here].max() - exact[here]).max() < 1.0


def test_touching_objects_are_separated_by_a_valley():
    labels = np.ones((20, 41), np.int32)
    labels[:, 20:] = 2
    distance = relative_distance(labels)
    middle = distance[10]
    assert middle[19] == pytest.approx(1 / 20)
    assert middle[20] == pytest.approx(1 / 21)
    assert middle[0] == middle[40] == 1  # the picture's edge is no border


def test_ignored_pixels_are_no_border():
    labels = np.zeros((9, 30), np.int32)
    labels[:, 10:20] = 1
    labels[:, 20:] = IGNORED
    distance = relative_distance(labels)
    assert distance[4, 19] == 1
    assert (distance[:, 20:] == 0).all()


def test_one_object_that_fills_the_picture_and_none():
    assert (relative_distance(np.ones((4, 5), np.int32)) == 1).all()
    assert (relative_distance(np.zeros((4, 5), np.int32)) == 0).all()
    assert (relative_distance(np.full((4, 5), IGNORED, np.int32)) == 0).all()


def test_semantic_targets():
    labels = np.array([[0, 1], [2, IGNORED]], np.int32)
    assert semantic_target(labels, 1).tolist() == [[[0, 1], [1, 0]]]
    assert semantic_target(labels, 3).tolist() == [
        [[1, 0], [0, 0]],
        [[0, 1], [0, 0]],
        [[0, 0], [1, 0]],
    ]


def test_classes_of_objects():
    labels = np.array([[1, 1, 0], [2, 0, IGNORED]], np.int32)
    target = instance_target(labels, np.array([1, 0]), n_classes=2)
    assert target.shape == (4, 2, 3)
    assert target[0].tolist() == [[1, 1, 0], [1, 0, 0]]
    assert target[2].tolist() == [[0, 0, 0], [1, 0, 0]]
    assert target[3].tolist() == [[1, 1, 0], [0, 0, 0]]
    assert len(instance_target(labels)) == 2
