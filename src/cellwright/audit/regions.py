"""Masks that a model contradicts, by whole regions: a cell without a label, a label without one.

Mask and prediction always differ along borders, which says nothing about missing labels. So
the difference of each pair of classes is opened (eroded, then dilated) with a disc, which
removes rims, and only what is about as wide as a cell is a suspect. "Wide" is the radius of
the largest inscribed circle, which touching cells that run together leave as it is, and is
compared with the typical one of the same image. Regions touch through edges and corners.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from cellwright.audit.compare import INSIDE, MATCH_IOU, TOUCH_IOU
from cellwright.audit.suspects import Kind, Region, Suspect
from cellwright.inference.regions import components
from cellwright.inference.segmenter import Segmented
from cellwright.metrics.instances import overlaps
from cellwright.types import Instances

RIM_SHARE = 0.3
"""Differences narrower than twice this share of a cell's radius are rims, not cells."""

CELL_SHARE = 0.5
"""A region whose inscribed circle reaches this share of a cell's radius is about a cell."""

Window = tuple[slice, slice]
"""Rows and columns of an image."""

Probabilities = NDArray[np.float32]
"""``(K + 1, H, W)``: of the background, then of each class, in [0, 1]."""


def region_suspects(
    image: str,
    classes: tuple[str, ...],
    truth: Segmented,
    found: Segmented,
    probabilities: Probabilities,
    *,
    confidence: float = 0.0,
) -> list[Suspect]:
    """Suspects of one image, in no particular order.

    Args:
        image: its id.
        classes: of the model, without the background.
        truth: the labels; its cells number their regions.
        found: what the model gives.
        probabilities: what it is based on.
        confidence: least probability of a region that lacks a label.
    """
    radius = typical_radius(truth.mask.mask > 0, found.mask.mask > 0)
    if radius is None:
        return []
    search = _Search(image, classes, truth, found, probabilities)
    moved = search.misplaced()
    differing = [
        one
        for label, guess in search.class_pairs()
        for one in search.differing(label, guess, radius)
        if not any(_lies_in(one, other) for other in moved)
    ]
    return [one for one in (*moved, *differing) if one.kind != "missing" or one.score >= confidence]


def typical_radius(*masks: NDArray[np.bool_]) -> float | None:
    """Inscribed radius of the regions of ``masks`` in px, the median by area; None without any."""
    radii, areas = [], []
    for mask in masks:
        regions = components(mask)
        distance = _depth(mask)
        peaks = np.zeros(len(regions.areas) + 1)
        np.maximum.at(peaks, regions.labels.ravel(), distance.ravel())
        radii.append(peaks[1:])
        areas.append(regions.areas)
    radius, area = np.concatenate(radii), np.concatenate(areas)
    if not len(radius):
        return None
    order = np.argsort(radius)
    half = np.searchsorted(np.cumsum(area[order]), area.sum() / 2)
    return float(radius[order[half]])


def _depth(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each true pixel to the nearest false one; the image's border is none."""
    if mask.all():
        return np.full(mask.shape, float(min(mask.shape)) / 2, np.float32)
    found = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)


def wide_parts(mask: NDArray[np.bool_], radius: float) -> Iterator[Region]:
    """Each part of ``mask`` that is about as wide as a cell, with the slivers it is fringed by."""
    rim = RIM_SHARE * radius
    depth = _depth(mask)
    core = depth > rim
    if not core.any():
        return
    opened = mask & (_depth(~core) <= rim)
    parts = components(opened)
    margin = int(np.ceil(rim)) + 1
    for index, (y0, x0, y1, x1) in enumerate(parts.boxes.tolist(), start=1):
        top, left = max(0, y0 - margin), max(0, x0 - margin)
        window = (slice(top, y1 + margin), slice(left, x1 + margin))
        part = parts.labels[window] == index
        if depth[window][part].max() < CELL_SHARE * radius:
            continue
        # What the opening took off its corners belongs to it, and is no suspect of its own.
        fringe = mask[window] & ~opened[window] & (_depth(~part) <= rim)
        yield Region.of(part | fringe).moved(left, top)


class _Search:
    """Labels and prediction of one image."""

    def __init__(
        self,
        image: str,
        classes: tuple[str, ...],
        truth: Segmented,
        found: Segmented,
        probabilities: Probabilities,
    ) -> None:
        self._image, self._names = image, ("background", *classes)
        self._truth, self._found = truth, found
        self._p = probabilities

    def class_pairs(self) -> list[tuple[int, int]]:
        """Classes of label and prediction that differ somewhere."""
        n = len(self._names)
        pairs = self._truth.mask.mask.astype(np.int64) * n + self._found.mask.mask
        present = np.flatnonzero(np.bincount(pairs.ravel(), minlength=n * n))
        return [(int(key // n), int(key % n)) for key in present if key // n != key % n]

    def differing(self, label: int, guess: int, radius: float) -> Iterator[Suspect]:
        """Cell-wide regions labelled as one class and predicted as another."""
        mask = (self._truth.mask.mask == label) & (self._found.mask.mask == guess)
        for part in wide_parts(mask, radius):
            sure, expected = (
                float(self._p[one][part.window][part.pixels].mean()) for one in (guess, label)
            )
            if label == 0:
                name = self._names[guess]
                reason = f"the model sees a {name} ({sure:.2f}) where the label is background"
                yield self._suspect("missing", part, sure, reason, class_id=guess, guess=guess)
            elif guess == 0:
                reason = f"the model sees background ({sure:.2f}) where a cell is labelled"
                yield self._suspect("spurious", part, sure, reason, class_id=label)
            else:
                reason = (
                    f"the model takes it for {self._names[guess]} ({sure:.2f}), not "
                    f"{self._names[label]} ({expected:.2f})"
                )
                score = max(sure - expected, 0.0)
                yield self._suspect("wrong class", part, score, reason, class_id=label, guess=guess)

    def misplaced(self) -> list[Suspect]:
        """A labelled and a predicted region that meet only each other, and too little.

        Where one lies within the other, what the two differ by may be a cell of its own.
        """
        pairs = overlaps(self._truth.cells, self._found.cells)
        alone = (np.bincount(pairs.truth)[pairs.truth] == 1) & (
            np.bincount(pairs.predicted)[pairs.predicted] == 1
        )
        meeting = alone & (pairs.iou >= TOUCH_IOU) & (pairs.iou < MATCH_IOU)
        true, guessed = self._truth.cells.labels, self._found.cells.labels
        true_boxes, guessed_boxes = find_objects(true), find_objects(guessed)
        suspects = []
        for index in np.flatnonzero(meeting):
            label, cell = int(pairs.truth[index]) + 1, int(pairs.predicted[index]) + 1
            window = _around(true_boxes[label - 1], guessed_boxes[cell - 1])
            drawn, seen = true[window] == label, guessed[window] == cell
            class_ids = (_class_of(self._truth.cells, label), _class_of(self._found.cells, cell))
            shared = np.count_nonzero(drawn & seen)
            if shared >= INSIDE * min(np.count_nonzero(drawn), np.count_nonzero(seen)):
                continue
            sure, overlap = (
                float(self._p[class_ids[1]][window][seen].mean()),
                float(pairs.iou[index]),
            )
            reason = f"the model draws this cell elsewhere ({sure:.2f}), overlap {overlap:.2f}"
            region = Region.of(drawn | seen).moved(window[1].start, window[0].start)
            one = self._suspect(
                *("misplaced", region, sure * (1 - overlap), reason),
                class_id=class_ids[0],
                guess=class_ids[1],
            )
            suspects.append(one)
        return suspects

    def _suspect(
        self,
        kind: Kind,
        region: Region,
        score: float,
        reason: str,
        *,
        class_id: int,
        guess: int = 0,
    ) -> Suspect:
        proposed: Region | None = None
        if guess:
            seen = region.pixels & (self._found.mask.mask[region.window] == guess)
            proposed = Region.of(seen).moved(region.x0, region.y0) if seen.any() else None
        return Suspect(
            image=self._image,
            kind=kind,
            label=None if kind == "missing" else self._label_under(region),
            class_name=self._names[class_id],
            corners=region.corners,
            score=min(score, 1.0),
            reason=reason,
            proposed_class=self._names[guess] if guess else "",
            proposed=None if proposed is None else proposed.corners,
            region=region,
            proposed_region=proposed,
        )

    def _label_under(self, region: Region) -> int | None:
        """Number of the labelled region that fills most of ``region``."""
        counts = np.bincount(self._truth.cells.labels[region.window][region.pixels])
        return int(counts[1:].argmax()) + 1 if len(counts) > 1 else None


def _around(one: Window, other: Window) -> Window:
    """The window around two."""
    (y, x), (v, u) = one, other
    return (
        slice(min(y.start, v.start), max(y.stop, v.stop)),
        slice(min(x.start, u.start), max(x.stop, u.stop)),
    )


def _class_of(cells: Instances, label: int) -> int:
    """Mask value of a cell: its class, behind the background."""
    return 1 if cells.class_ids is None else int(cells.class_ids[label - 1]) + 1


def _lies_in(one: Suspect, other: Suspect) -> bool:
    """Whether most of the pixels of ``one`` are among those of ``other``."""
    if one.region is None or other.region is None:
        return False
    shared = _shared_pixels(one.region, other.region)
    return 2 * shared > int(np.count_nonzero(one.region.pixels))


def _shared_pixels(one: Region, other: Region) -> int:
    """How many pixels two regions have in common; their boxes say of most pairs that none."""
    (y, x), (v, u) = one.window, other.window
    top, bottom = max(y.start, v.start), min(y.stop, v.stop)
    left, right = max(x.start, u.start), min(x.stop, u.stop)
    if top >= bottom or left >= right:
        return 0
    ours = one.pixels[top - y.start : bottom - y.start, left - x.start : right - x.start]
    theirs = other.pixels[top - v.start : bottom - v.start, left - u.start : right - u.start]
    return int(np.count_nonzero(ours & theirs))
