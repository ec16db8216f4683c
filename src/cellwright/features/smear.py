"""Two-stage fuzzy colour segmentation of a blood smear, after paper 5.

Stage one clusters the colours of the picture (fuzzy c-means in L*a*b*) into background, pale
(red cells and the plasma of white ones) and nucleus. White cells grow from the nuclei into what
is no background; where a red cell touches, each pixel goes to the nearer one, counted from the
outline of the nucleus and from the middle of the red cell, with the colour beside the nucleus
and of red cells far from any as a second say. Stage two clusters the colours inside the white
cells again, into nucleus and plasma. Cells that touch are cut at their necks.

All lengths are shares of the size of the nuclei in the picture, so that a field of 224 pixels
and one of 4,000 need no setting.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.features.fuzzy import fuzzy_centres, memberships
from cellwright.features.stain import Lab, StainColours, lab_of, purple, stain_colours
from cellwright.features.touching import (
    Labels,
    Mask,
    depth_of,
    distance_to,
    labelled,
    opened,
    peaks_of,
    split_at_necks,
    without_holes,
    without_small_holes,
)
from cellwright.types import Image

CRUMB_SHARE = 0.2
"""Of the area of a typical nucleus: purple spots below it are platelets or dirt."""
PLATELET = 0.6
"""Of the radius of a red cell: purple spots below it are platelets."""
SOME_RED = 5
"""Red cells from which on their size is known."""
LOBE_GAP = 0.5
"""Of a lobe's radius: lobes of one nucleus lie no farther apart."""
COMPACT = 0.5
"""Share of its hull that a nucleus of several lobes fills at least."""
MOST_LOBES = 6.0
"""Area of a lobe's inner circle: a hull of more is not one nucleus but a clump of them."""
REACH = 0.9
"""Of the nucleus's radius: how far plasma goes where red cells touch the cell."""
APART = 0.9
"""A swelling farther from the nucleus than so many of its own radii is a red cell."""
RED_CORE = 0.7
"""Of its radius: the middle of a red cell, which no white cell takes."""
COLOUR_SAY = 0.3
"""Weight of the colour beside distances, which are counted in radii of the nucleus."""
PALE_CENTRE = 0.35
"""Of the nucleus's area: holes up to it are filled, the pale centres of red cells."""
WHITE_RISE = 0.2
"""Of the nucleus's radius: how deep the neck between two white cells is."""
RED_RISE = 0.08
"""Of the radius of a red cell: the same for red cells, which overlap."""
LEAST_HOLE = 0.05
"""Of the nucleus's area: smaller holes in it are grain."""
LEAST_RED = 0.3
"""Of the area of a typical red cell: less is a fragment."""


@dataclass(frozen=True, eq=False)
class SmearCells:
    """What a smear shows.

    Attributes:
        white: int32 ``(H, W)``, 0 or the number 1..n of a white cell, nucleus included.
        nuclei: int32 ``(H, W)``, the same numbers where the cell's nucleus is.
        red: int32 ``(H, W)``, red cells 1..m.
        colours: the clusters of stage one.
    """

    white: Labels
    nuclei: Labels
    red: Labels
    colours: StainColours

    @property
    def n_white(self) -> int:
        """White cells."""
        return int(self.white.max(initial=0))

    @property
    def n_red(self) -> int:
        """Red cells."""
        return int(self.red.max(initial=0))


@dataclass(frozen=True, eq=False)
class _Nuclei:
    """Stage one's nuclei: their convex hulls, numbered, and the radius of each."""

    mask: Mask
    hulls: Labels
    radii: NDArray[np.float32]

    @property
    def radius_px(self) -> float:
        return float(np.median(self.radii))

    def kept(self, keep: NDArray[np.bool_]) -> _Nuclei | None:
        """Only those that ``keep`` marks; None if that is none."""
        if not keep.any():
            return None
        number = np.concatenate([[0], np.where(keep, np.cumsum(keep), 0)]).astype(np.int32)
        hulls = number[self.hulls]
        return _Nuclei(self.mask & (hulls > 0), hulls, self.radii[keep])


def segment_smear(image: Image, *, seed: int = 0, where: object = None) -> SmearCells:
    """White cells with their nuclei, and red cells, of a field or a crop.

    Args:
        image: ``(3, H, W)`` red, green, blue, of a stained smear.
        seed: of the clustering; pictures decide, not it.
        where: named in errors.

    Returns:
        Labels; no white cell is an empty label image, not an error.

    Raises:
        ImageError: grey, not three channels, or without any colour to cluster.
    """
    lab = lab_of(image, where=where)
    colours = stain_colours(lab, seed=seed)
    shares = memberships(lab, colours.centres())
    stained = shares[..., 0] < 0.5
    nuclei = _nuclei(shares[..., 2] > 0.5) if colours.holds_nuclei else None
    if nuclei is not None:
        nuclei = _without_platelets(nuclei, stained & (shares[..., 2] < 0.5))
    if nuclei is None:
        empty = np.zeros(stained.shape, np.int32)
        return SmearCells(empty, empty, _red_cells(stained, 0.0), colours)
    radius = nuclei.radius_px
    stained = opened(stained, 0.1 * radius) | nuclei.mask
    stained = without_small_holes(stained, PALE_CENTRE * np.pi * radius**2)
    white = _white_cells(_white_region(lab, stained, nuclei), nuclei)
    red = _red_cells(stained & (white == 0), 0.5 * radius)
    inner = _nucleus_pixels(lab, white, shares[..., 2], seed=seed)
    inner = without_small_holes(inner, LEAST_HOLE * np.pi * radius**2)
    return SmearCells(white, np.where(inner, white, 0).astype(np.int32), red, colours)


def segment_crop(image: Image, *, seed: int = 0, where: object = None) -> SmearCells:
    """The same for a picture of one centred white cell: the others are left out.

    Raises:
        ImageError: as :func:`segment_smear`.
    """
    found = segment_smear(image, seed=seed, where=where)
    label = centred(found.white)
    chosen = found.white == label if label else np.zeros(found.white.shape, bool)
    return SmearCells(
        chosen.astype(np.int32),
        (chosen & (found.nuclei > 0)).astype(np.int32),
        found.red,
        found.colours,
    )


def centred(labels: Labels) -> int:
    """The label of the large region nearest to the middle; 0 where there is none."""
    height, width = labels.shape
    if not labels.any():
        return 0
    y, x = np.ogrid[:height, :width]
    off = np.hypot((y - height / 2) / height, (x - width / 2) / width)
    weights = np.exp(-((off / 0.25) ** 2)).astype(np.float64)
    says = np.bincount(labels.ravel(), weights.ravel())
    says[0] = -1
    return int(says.argmax())


def _nuclei(mask: Mask) -> _Nuclei | None:
    """Purple regions large enough, lobes of one nucleus under one hull; None without any."""
    regions, areas = labelled(mask)
    if len(areas) == 1:
        return None
    depth = depth_of(mask)
    tallest = np.zeros(len(areas), np.float32)
    np.maximum.at(tallest, regions.ravel(), depth.ravel())
    lobe = _weighted_median(tallest[1:], areas[1:])
    mask = opened(mask, 0.15 * lobe)
    hulls = _hulls(mask, lobe)
    sizes = np.bincount(hulls.ravel())[1:]
    if not len(sizes):
        return None
    found = _Nuclei(mask, hulls, np.sqrt(sizes / np.pi).astype(np.float32))
    return found.kept(sizes >= CRUMB_SHARE * _weighted_median(sizes, sizes))


def _without_platelets(nuclei: _Nuclei, pale: Mask) -> _Nuclei | None:
    """Nuclei that are not much smaller than the red cells of the picture, where it has some."""
    depth = depth_of(pale)
    heights = depth[tuple(peaks_of(depth, apart_px=max(2.0, 0.25 * nuclei.radius_px)).T)]
    if len(heights) < SOME_RED:
        return nuclei
    return nuclei.kept(nuclei.radii >= PLATELET * np.percentile(heights, 75))


def _hulls(mask: Mask, lobe_px: float) -> Labels:
    """Convex hulls of nuclei, numbered; lobes that lie together share one if it is compact."""
    near = cv2.dilate(mask.view(np.uint8), _square(LOBE_GAP * lobe_px)).view(bool)
    groups, _ = labelled(near)
    parts, areas = labelled(mask)
    hulls = np.zeros(mask.shape, np.int32)
    group_of = np.zeros(len(areas), np.int64)
    group_of[parts[mask]] = groups[mask]
    number = 0
    outline_of = _outlines(parts)
    for group in np.unique(group_of[1:]):
        members = np.flatnonzero(group_of == group)
        outlines = [outline_of[int(member)] for member in members]
        together = cv2.convexHull(np.concatenate(outlines))
        spanned = max(cv2.contourArea(together), 1.0)
        whole = (
            areas[members].sum() >= COMPACT * spanned and spanned <= MOST_LOBES * np.pi * lobe_px**2
        )
        for outline in [together] if whole else [cv2.convexHull(one) for one in outlines]:
            number += 1
            cv2.fillConvexPoly(hulls, outline, number)
    return hulls


def _outlines(parts: Labels) -> dict[int, NDArray[np.int32]]:
    """Of every label: x and y of its pixels."""
    rows, columns = np.nonzero(parts)
    labels = parts[rows, columns]
    order = np.argsort(labels, kind="stable")
    places = np.stack([columns, rows], axis=1).astype(np.int32)[order]
    starts = np.flatnonzero(np.diff(labels[order], prepend=0))
    return dict(enumerate(np.split(places, starts[1:]), start=1)) if len(starts) else {}


def _square(reach_px: float) -> NDArray[np.uint8]:
    edge = 2 * max(1, round(reach_px)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (edge, edge)), np.uint8)


def _white_region(lab: Lab, stained: Mask, nuclei: _Nuclei) -> Mask:
    """Stained pixels that are nearer, in place and colour, to a nucleus than to a red cell."""
    inside = nuclei.hulls > 0
    distance = distance_to(inside)
    radius = _radius_of_nearest(nuclei)
    red, contested = _red_middles(stained, inside, distance)
    red |= contested & (distance > REACH * radius)
    lead = (distance_to(red) - distance) / radius
    lead += COLOUR_SAY * _colour_lead(lab, distance / radius, stained & ~nuclei.mask, red, nuclei)
    lone = stained & ~contested & _holding(stained, inside)
    return lone | (contested & (lead > 0) & ~red) | (inside & stained)


def _red_middles(stained: Mask, inside: Mask, distance: NDArray[np.float32]) -> tuple[Mask, Mask]:
    """Middles of red cells, and the regions of the stained pixels that hold one beside a nucleus.

    Regions without a nucleus are red throughout.
    """
    depth = depth_of(stained)
    regions, areas = labelled(stained)
    with_nucleus = np.zeros(len(areas), bool)
    with_nucleus[regions[inside]] = True
    contested = np.zeros(len(areas), bool)
    middles = np.zeros(stained.shape, np.uint8)
    apart = 0.25 * float(np.sqrt(inside.sum() / max(1, len(np.unique(regions[inside]))) / np.pi))
    for y, x in peaks_of(depth, apart_px=apart):
        if not inside[y, x] and distance[y, x] > APART * depth[y, x]:
            cv2.circle(middles, (int(x), int(y)), max(1, int(RED_CORE * depth[y, x])), 1, -1)
            contested[regions[y, x]] = True
    contested &= with_nucleus
    contested[0] = with_nucleus[0] = False
    red = (middles.view(bool) & stained & ~inside) | (stained & ~with_nucleus[regions])
    return red, contested[regions]


def _holding(stained: Mask, inside: Mask) -> Mask:
    """The regions of ``stained`` that hold a pixel of ``inside``."""
    regions, areas = labelled(stained)
    holds = np.zeros(len(areas), bool)
    holds[regions[inside]] = True
    holds[0] = False
    return np.asarray(holds[regions], bool)


def _radius_of_nearest(nuclei: _Nuclei) -> NDArray[np.float32]:
    """Of every pixel: the radius of the nucleus nearest to it."""
    inside = nuclei.hulls > 0
    _, nearest = cv2.distanceTransformWithLabels(
        (~inside).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    radius_of = np.ones(int(nearest.max()) + 1, np.float32)
    radius_of[nearest[inside]] = nuclei.radii[nuclei.hulls[inside] - 1]
    return np.asarray(radius_of[nearest], np.float32)


def _colour_lead(
    lab: Lab, distance: NDArray[np.float32], pale: Mask, red: Mask, nuclei: _Nuclei
) -> NDArray[np.float32]:
    """Log ratio of the squared colour distances to red cells and to plasma; 0 where unknown."""
    far, ring = red & (distance > 0.5), pale & ~red & (distance < 0.2)
    if min(far.sum(), ring.sum()) < 30:
        return np.zeros(pale.shape, np.float32)
    to_red = ((lab - lab[far].mean(axis=0)) ** 2).sum(axis=2)
    to_plasma = ((lab - lab[ring].mean(axis=0)) ** 2).sum(axis=2)
    ratio = np.log((to_red + 4) / (to_plasma + 4))
    return np.asarray(cv2.GaussianBlur(ratio, (0, 0), max(0.5, 0.1 * nuclei.radius_px)))


def _white_cells(region: Mask, nuclei: _Nuclei) -> Labels:
    """The parts of the white region that hold a nucleus, numbered, smooth in outline."""
    radius = nuclei.radius_px
    region = opened(without_holes(region), 0.3 * radius) | nuclei.mask
    # Nuclei show the necks of a clump better than plasma does; lobes of one nucleus lie off the
    # middle of their cell, where the cell's own depth is smaller by as much.
    landscape = depth_of(region) + depth_of(nuclei.mask)
    parts = split_at_necks(region, landscape, rise_px=WHITE_RISE * radius, smooth_px=0.1 * radius)
    inside = np.bincount(parts.ravel(), nuclei.mask.ravel().astype(np.float64))
    keep = inside >= CRUMB_SHARE * np.pi * radius**2
    keep[0] = False
    return _numbered(parts, keep)


def _red_cells(region: Mask, least_radius_px: float) -> Labels:
    """Red cells of the stained pixels that are left, cut at their necks."""
    region = opened(region, max(1.0, 0.3 * least_radius_px))
    depth = depth_of(region)
    peaks = depth[tuple(peaks_of(depth, apart_px=max(2.0, 0.5 * least_radius_px)).T)]
    if not len(peaks):
        return np.zeros(region.shape, np.int32)
    radius = float(np.median(peaks))
    parts = split_at_necks(region, depth, rise_px=RED_RISE * radius, smooth_px=0.1 * radius)
    areas = np.bincount(parts.ravel())
    keep = areas >= LEAST_RED * np.median(areas[1:])
    keep[0] = False
    return _numbered(parts, keep)


def _nucleus_pixels(lab: Lab, white: Labels, first: NDArray[np.float32], *, seed: int) -> Mask:
    """Stage two: the more purple of two clusters inside the white cells.

    Its memberships are averaged with those of stage one (``first``), since cells without plasma
    give stage two nothing but nuclei to divide.
    """
    inside = white > 0
    if not inside.any():
        return inside
    colours = lab[inside]
    centres = fuzzy_centres(colours, 2, seed=seed)
    order = sorted(range(2), key=lambda index: purple(centres[index]))
    found = np.zeros(white.shape, bool)
    second = memberships(colours, centres[order])[:, 1]
    found[inside] = (second + first[inside]) / 2 > 0.5
    return found


def _numbered(labels: Labels, keep: NDArray[np.bool_]) -> Labels:
    """Only the labels that ``keep`` marks, numbered 1..n in their order."""
    number = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return np.asarray(number[labels], np.int32)


def _weighted_median(values: NDArray[np.number], weights: NDArray[np.number]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
