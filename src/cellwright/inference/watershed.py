"""Foreground and distance maps to cells: seeds, then a watershed from them.

The network says for every pixel whether it belongs to some cell, and how far it lies from
that cell's border as a share of the cell's largest such distance (``DistanceInstances``):
1 at the centre of every cell, near 0 where two cells touch. The distance, turned upside
down, is a landscape with one basin a cell; flooding it from one seed a basin draws the line
between touching cells along the ridge (Beucher and Meyer 1993, "The morphological approach
to segmentation: the watershed transformation").

Seeds are the maxima of the smoothed distance that reach ``seed_threshold`` and rise more
than ``seed_depth`` above the saddle to a higher one (h-maxima; Soille, Morphological Image
Analysis, 2nd ed. 2004, section 6.3.4). Foreground without a seed is no cell.

Between two nuclei of 8 pixels the distance has hardly room to dip, and what smoothing leaves of
the dip is less than what texture alone makes within a nucleus of 40. So where the cells of an
image are small, by the median of a first decoding, smoothing and depth shrink in proportion and
seeds are sought once more (``small_below_px``).

Everything happens on the stitched maps, so tiles leave no trace. Connected regions of the
foreground cannot touch each other's cells: each is flooded by itself, in a window of its
own, and one with a single maximum needs no flooding.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as label_image
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from cellwright.bundles.mask_output import DistanceInstances
from cellwright.errors import ImageError
from cellwright.inference.regions import (
    areas_of_label,
    bands,
    clean_mask,
    components,
    lookup,
    mean_of_label,
)
from cellwright.types import Instances

TRUNCATE = 4
"""Standard deviations after which the smoothing kernel ends."""

Map = NDArray[np.floating[Any]]


def separate_cells(
    foreground: Map,
    distance: Map,
    spec: DistanceInstances,
    *,
    magnification: float = 1.0,
    class_map: NDArray[np.uint8] | None = None,
) -> Instances:
    """Cells of one image, with the mean foreground probability of each as its score.

    Args:
        foreground: probability ``(H, W)`` in [0, 1], any float type.
        distance: normalised distance ``(H, W)`` in [0, 1], any float type.
        spec: the card's thresholds.
        magnification: how much larger, in pixels, cells are here than in the training images.
        class_map: class of each pixel ``(H, W)``; a cell's class is that of most of its pixels.

    Raises:
        ImageError: maps of different shape.
    """
    if foreground.shape != distance.shape or foreground.ndim != 2:
        raise ImageError(f"maps of shape {foreground.shape} and {distance.shape} do not fit")
    mask = clean_mask(
        (foreground >= spec.foreground_threshold).astype(np.uint8),
        fill_holes_px=spec.fill_holes_px * magnification**2,
    ).view(bool)
    labels, count = _cells(distance, mask, spec, magnification)
    finer = _for_small_cells(spec, areas_of_label(labels, count), magnification)
    if finer != spec:
        labels, count = _cells(distance, mask, finer, magnification)
    scores = np.clip(mean_of_label(labels, foreground, count), 0, 1)
    class_ids = np.zeros(count, np.int64)
    if class_map is not None and count:
        class_ids = _majority(labels, class_map, count)
    return Instances(labels, class_ids, scores)


def _cells(
    distance: Map, mask: NDArray[np.bool_], spec: DistanceInstances, magnification: float
) -> tuple[NDArray[np.int32], int]:
    """Labels of the cells within ``mask`` and their number, small ones left out."""
    smooth = _smoothed(distance, spec.seed_smoothing_px * magnification)
    labels, count = _flooded(smooth, mask, spec)
    return _without_small(labels, count, spec.minimum_area_px * magnification**2)


def _for_small_cells(
    spec: DistanceInstances, areas: NDArray[np.int64], magnification: float
) -> DistanceInstances:
    """``spec`` for an image whose cells have these areas; itself where they are not small."""
    if not spec.small_below_px or not len(areas):
        return spec
    diameter_px = 2 * float(np.sqrt(np.median(areas) / np.pi)) / magnification
    share = diameter_px / spec.small_below_px
    if share >= 1:
        return spec
    return spec.model_copy(
        update={
            "seed_depth": spec.seed_depth * share,
            "seed_smoothing_px": spec.seed_smoothing_px * share,
        }
    )


def seeds(distance: NDArray[np.float32], spec: DistanceInstances) -> NDArray[np.int32]:
    """Labels 1..n of the seeds in a smoothed distance map that is 0 outside the foreground."""
    if spec.seed_depth <= 0:
        high: NDArray[np.bool_] = distance >= spec.seed_threshold
    else:
        lowered = _reconstructed(distance - np.float32(spec.seed_depth), distance)
        peaks = local_maxima(lowered, connectivity=2)  # type: ignore[no-untyped-call]
        high = peaks & (distance > 0) & (lowered + spec.seed_depth >= spec.seed_threshold - 1e-6)
    return np.asarray(label_image(high, connectivity=2), np.int32)  # type: ignore[no-untyped-call]


def _reconstructed(marker: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """``marker`` dilated under ``mask`` until nothing changes."""
    grown = reconstruction(marker, mask)  # type: ignore[no-untyped-call]
    return np.asarray(grown, np.float32)


def _flooded(
    smooth: Map, mask: NDArray[np.bool_], spec: DistanceInstances
) -> tuple[NDArray[np.int32], int]:
    """Labels and their number; regions of the foreground are done one by one."""
    found = components(mask)
    labels = found.labels
    peaks = _peak_counts(smooth, labels, len(found.areas), spec.seed_threshold)
    # Regions with one peak keep their pixels, in the order in which they were found.
    single = peaks == 1
    new_id = np.zeros(len(peaks) + 1, np.int32)
    new_id[1:][single] = np.arange(1, single.sum() + 1)
    count = int(single.sum())
    pieces: list[tuple[tuple[slice, slice], NDArray[np.int32]]] = []
    for index in np.flatnonzero(peaks > 1):
        y0, x0, y1, x1 = found.boxes[index]
        window = (slice(y0, y1), slice(x0, x1))
        inside = labels[window] == index + 1
        landscape = np.where(inside, smooth[window], 0).astype(np.float32)
        # A frame of background, so that a seed may lie at the window's edge.
        markers = seeds(np.pad(landscape, 1), spec)[1:-1, 1:-1]
        flooded = watershed(-landscape, markers, mask=inside, connectivity=2)  # type: ignore[no-untyped-call]
        pieces.append((window, np.where(flooded > 0, flooded + count, 0).astype(np.int32)))
        count += int(markers.max(initial=0))
    lookup(new_id, labels, out=labels)
    for window, flooded in pieces:
        inside = flooded > 0
        labels[window][inside] = flooded[inside]
    return labels, count


def _peak_counts(
    smooth: Map, labels: NDArray[np.int32], count: int, threshold: float
) -> NDArray[np.int64]:
    """How many pixels of each region are no lower than their neighbours and high enough."""
    totals = np.zeros(count + 1, np.int64)
    for rows in bands(len(labels)):
        top, bottom = max(0, rows.start - 1), min(len(labels), rows.stop + 1)
        band = np.where(labels[top:bottom] > 0, smooth[top:bottom], 0).astype(np.float32)
        highest = cv2.dilate(band, np.ones((3, 3), np.uint8))
        peak = ((band >= highest) & (band >= threshold))[rows.start - top :][: len(labels[rows])]
        totals += np.bincount(labels[rows][peak], minlength=count + 1)
    return totals[1:]


def _smoothed(distance: Map, sigma: float) -> Map:
    """Gaussian of ``sigma`` pixels in bands, of the type that came."""
    if sigma <= 0:
        return distance
    reach = int(np.ceil(TRUNCATE * sigma))
    smooth = np.empty_like(distance)
    for rows in bands(len(distance)):
        top, bottom = max(0, rows.start - reach), min(len(distance), rows.stop + reach)
        band = cv2.GaussianBlur(
            distance[top:bottom].astype(np.float32),
            (2 * reach + 1, 2 * reach + 1),
            sigma,
            borderType=cv2.BORDER_REPLICATE,
        )
        smooth[rows] = band[rows.start - top :][: len(smooth[rows])]
    return smooth


def _without_small(
    labels: NDArray[np.int32], count: int, minimum_area_px: float
) -> tuple[NDArray[np.int32], int]:
    """Without cells of fewer pixels; the others numbered 1..n in their order."""
    kept = areas_of_label(labels, count) >= max(1.0, minimum_area_px)
    if kept.all():
        return labels, count
    new_id = np.zeros(count + 1, np.int32)
    new_id[1:][kept] = np.arange(1, kept.sum() + 1)
    return lookup(new_id, labels, out=labels), int(kept.sum())


def _majority(
    labels: NDArray[np.int32], class_map: NDArray[np.uint8], count: int
) -> NDArray[np.int64]:
    """``(count,)`` the class of most pixels of each cell."""
    n_classes = int(class_map.max()) + 1
    votes = np.zeros(count * n_classes, np.int64)
    for rows in bands(len(labels)):
        inside = labels[rows] > 0
        key = (labels[rows][inside].astype(np.int64) - 1) * n_classes + class_map[rows][inside]
        votes += np.bincount(key, minlength=count * n_classes)
    return np.asarray(votes.reshape(count, n_classes).argmax(axis=1), np.int64)
