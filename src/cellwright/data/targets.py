"""What a segmentation network is asked to say, made from labels after augmentation.

For instances: whether a pixel lies in a cell, and how far inside. The distance to the
cell's own border, divided by the largest such distance in that cell, is 1 in the middle of
a small nucleus and of a large one alike, and low on both sides of the line between two
cells that touch; so the middles are seeds whatever the size (the idea of Naylor et al.,
IEEE Transactions on Medical Imaging 38, 2019, who regress the plain distance).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

IGNORED = -1
"""Label of pixels about which nothing is known: outside the picture, left out of the loss."""

Labels = NDArray[np.int32]
"""``(H, W)``: objects 1..n or class ids, 0 background, :data:`IGNORED` unknown."""


def semantic_target(labels: Labels, n_outputs: int) -> NDArray[np.float32]:
    """Class ids to what each output channel should be.

    Args:
        labels: ``(H, W)`` class ids, 0 background.
        n_outputs: 1 where there is one class; else one channel a class, background first.

    Returns:
        ``(n_outputs, H, W)`` of 0 and 1.
    """
    if n_outputs == 1:
        return (labels > 0).astype(np.float32)[None]
    one_hot: NDArray[np.bool_] = labels[None] == np.arange(n_outputs)[:, None, None]
    return one_hot.astype(np.float32)


def instance_target(
    labels: Labels, class_ids: NDArray[np.int64] | None = None, *, n_classes: int = 1
) -> NDArray[np.float32]:
    """Objects to foreground, distance and, with several classes, one channel a class.

    Args:
        labels: ``(H, W)`` objects.
        class_ids: ``(n,)`` class of object ``i + 1``; needed with several classes.
        n_classes: how many there are.

    Returns:
        ``(2, H, W)``, or ``(2 + n_classes, H, W)`` with several classes, in [0, 1].
    """
    maps = [(labels > 0).astype(np.float32), relative_distance(labels)]
    if n_classes > 1 and class_ids is not None:
        of_object = np.append(np.int64(n_classes), class_ids)  # background: no class
        class_of = of_object[np.maximum(labels, 0)]
        maps += [(class_of == index).astype(np.float32) for index in range(n_classes)]
    return np.stack(maps)


def relative_distance(labels: Labels) -> NDArray[np.float32]:
    """Distance to the object's own border over the largest one in that object, ``(H, W)``.

    0 outside objects. Objects that touch are separated: the border is where the label
    changes. The edge of the picture is no border, since the cell goes on behind it.
    """
    inside = labels > 0
    # Leaving an object means to reach the background or to cross the line to another object.
    # One transform for each serves all objects, however many there are.
    to_border = np.minimum(
        distance_to(labels == 0), 1 + distance_to(inside & touches_another(labels))
    )
    distance = np.where(inside, np.minimum(to_border, sum(labels.shape)), 0).astype(np.float32)
    largest = np.ones(int(labels.max(initial=0)) + 1, np.float32)
    np.maximum.at(largest, labels[inside], distance[inside])
    distance[inside] /= largest[labels[inside]]
    return distance


def distance_to(target: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of every pixel to the nearest of ``target``, infinite where there is none."""
    if not target.any():
        return np.full(target.shape, np.inf, np.float32)
    found = cv2.distanceTransform((~target).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)


def touches_another(labels: Labels) -> NDArray[np.bool_]:
    """Pixels of objects with a horizontal or vertical neighbour in another object."""
    touches = np.zeros(labels.shape, bool)
    for first, second in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        one, other = labels[first], labels[second]
        change = (one != other) & (one > 0) & (other > 0)
        touches[first] |= change
        touches[second] |= change
    return touches
