"""Labels of single cells (boxes or instances) that a model contradicts.

An image's labels and the model's cells meet as a list of overlaps; boxes and pixels differ
only in how these are counted. The steps, each on what the one before left over:

1. doubled: two labels lie on one cell;
2. matched: a cell and a label overlap by :data:`MATCH_IOU` or more, one to one, whatever
   their classes; another class, if the model is sure of it, is a wrong class;
3. misplaced: a confident cell and a label, both left over, overlap, but too little;
4. missing: a confident cell is left over where no label lies;
5. spurious: a label is left over, and its place is as improbable as any.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellwright.audit.compare import MATCH_IOU, TOUCH_IOU, Compared
from cellwright.audit.limits import Limits
from cellwright.audit.suspects import Corners, Kind, Suspect
from cellwright.inference.nms import surviving
from cellwright.types import Boxes

HALF = 0.5
"""Share of a cell's pixels that may be labelled already where it still lacks a label."""

FREE_IOU = 0.3
"""A cell that overlaps a label by less, if that label has a cell of its own, lacks one."""


def find_suspects(compared: Compared, limits: Limits) -> list[Suspect]:
    """All suspects of one image, in no particular order."""
    return _Search(compared, limits).all()


class _Search:
    """State of the five steps over one image."""

    def __init__(self, compared: Compared, limits: Limits) -> None:
        self._one, self._limits = compared, limits
        self._p = compared.probabilities
        wanted = limits.of_class[compared.found.class_ids]
        self._confident = compared.counted & (self._p >= wanted)
        self._settled = np.zeros(len(compared.labels), bool)
        self._used = np.zeros(len(compared.found), bool)

    def all(self) -> list[Suspect]:
        """The steps of the header."""
        return [
            *self._doubled(),
            *self._wrong_class(),
            *self._misplaced(),
            *self._missing(),
            *self._spurious(),
        ]

    def _doubled(self) -> list[Suspect]:
        suspects = []
        for gone, stays, sure in self._one.twins:
            self._settled[gone] = True
            second = self._second_cell(gone)
            if second is not None and self._confident[second]:
                continue
            reason = f"lies on the same cell as label {stays + 1}"
            suspects.append(self._at_label("doubled", gone, sure, reason, other=stays + 1))
        return suspects

    def _second_cell(self, label: int) -> int | None:
        """A cell that only this label could belong to."""
        pairs = self._one.overlaps
        near = (pairs.truth == label) & (pairs.iou >= MATCH_IOU)
        free = [cell for cell in pairs.predicted[near].tolist() if self._one.matched[cell] < 0]
        return max(free, key=lambda cell: self._p[cell], default=None)

    def _wrong_class(self) -> list[Suspect]:
        one, suspects = self._one, []
        pairs = one.overlaps
        near = pairs.iou >= MATCH_IOU
        for label in range(len(one.labels)):
            cells = pairs.predicted[near & (pairs.truth == label)]
            if self._settled[label] or not len(cells):
                continue
            mine = int(one.labels.class_ids[label])
            own = one.found.class_ids[cells] == mine
            expected = float(self._p[cells[own]].max(initial=0.0))
            # Another label may own the neighbouring cell of the other class.
            open_to = [c for c in cells[~own].tolist() if one.matched[c] in (-1, label)]
            best = max(open_to, key=lambda cell: self._p[cell], default=None)
            if best is None or not self._confident[best] or self._p[best] <= expected:
                continue
            self._settled[label] = self._used[best] = True
            name = one.classes[int(one.found.class_ids[best])]
            reason = (
                f"the model takes it for {name} ({self._p[best]:.2f}), "
                f"not {one.classes[mine]} ({expected:.2f})"
            )
            score = float(self._p[best]) - expected
            suspects.append(self._at_label("wrong class", label, score, reason, found=best))
        return suspects

    def _misplaced(self) -> list[Suspect]:
        one, pairs, suspects = self._one, self._one.overlaps, []
        self._used |= one.matched >= 0
        # A cell that some label fits is that label's, even where the match went elsewhere.
        fitting = pairs.iou >= MATCH_IOU
        self._used[pairs.predicted[fitting]] = True
        usable = (pairs.iou >= TOUCH_IOU) & ~fitting & self._confident[pairs.predicted]
        order = np.flatnonzero(usable)
        order = order[np.argsort(-(pairs.iou * self._p[pairs.predicted])[order], kind="stable")]
        sure, weak = self._supported()
        for index in order.tolist():
            label, cell = int(pairs.truth[index]), int(pairs.predicted[index])
            if sure[label] or self._settled[label] or self._used[cell]:
                continue
            if weak[label] and pairs.iou[index] < FREE_IOU:
                continue
            self._settled[label] = self._used[cell] = True
            overlap, p = float(pairs.iou[index]), float(self._p[cell])
            reason = f"the model draws this cell elsewhere ({p:.2f}), overlap {overlap:.2f}"
            score = p * (1 - overlap)
            suspects.append(self._at_label("misplaced", label, score, reason, found=cell))
        self._settled |= sure | weak
        return suspects

    def _supported(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Labels in whose place the model sees a cell: one that counts, or one that does not."""
        one = self._one
        sure, weak = (np.zeros(len(one.labels), bool) for _ in range(2))
        hits = np.flatnonzero((one.matched >= 0) & (self._p > self._limits.none))
        sure[one.matched[hits[one.counted[hits]]]] = True
        weak[one.matched[hits[~one.counted[hits]]]] = True
        return sure, weak

    def _missing(self) -> list[Suspect]:
        one, pairs = self._one, self._one.overlaps
        covered = np.zeros(len(one.found), bool)
        covered[pairs.predicted[pairs.iou >= FREE_IOU]] = True
        nearest = np.zeros(len(one.found))
        np.maximum.at(nearest, pairs.predicted, pairs.iou)
        free = np.flatnonzero(self._confident & ~self._used & ~covered & (one.covered <= HALF))
        suspects = []
        for cell in _once(one.found, free).tolist():
            self._used[cell] = True
            name = one.classes[int(one.found.class_ids[cell])]
            near = f"the nearest label overlaps {nearest[cell]:.2f}" if nearest[cell] else ""
            reason = f"the model sees a {name} ({self._p[cell]:.2f}) without a label"
            suspects.append(
                Suspect(
                    image=one.image,
                    kind="missing",
                    label=None,
                    class_name=name,
                    corners=_corners(one.found, cell),
                    score=float(self._p[cell]),
                    reason=f"{reason}; {near}" if near else reason,
                    proposed_class=name,
                    proposed=_corners(one.found, cell),
                    found=cell,
                )
            )
        return suspects

    def _spurious(self) -> list[Suspect]:
        one, pairs = self._one, self._one.overlaps
        support = one.support.copy()
        # A cell that another label owns says nothing about this one, unless it covers both.
        of_others = (one.matched[pairs.predicted] >= 0) & (
            one.matched[pairs.predicted] != pairs.truth
        )
        speaks = (pairs.iou >= TOUCH_IOU) & (~of_others | (pairs.iou >= MATCH_IOU))
        np.maximum.at(support, pairs.truth[speaks], self._p[pairs.predicted[speaks]])
        suspects = []
        for label in np.flatnonzero(~self._settled & (support <= self._limits.none)).tolist():
            reason = f"the model sees no cell here ({support[label]:.2f})"
            suspects.append(self._at_label("spurious", label, 1 - float(support[label]), reason))
        return suspects

    def _at_label(
        self,
        kind: Kind,
        label: int,
        score: float,
        reason: str,
        *,
        found: int | None = None,
        other: int | None = None,
    ) -> Suspect:
        one = self._one
        return Suspect(
            image=one.image,
            kind=kind,
            label=label + 1,
            class_name=one.classes[int(one.labels.class_ids[label])],
            corners=_corners(one.labels, label),
            score=min(max(score, 0.0), 1.0),
            reason=reason,
            proposed_class="" if found is None else one.classes[int(one.found.class_ids[found])],
            proposed=None if found is None else _corners(one.found, found),
            found=found,
            other=other,
        )


def _once(found: Boxes, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of cells that lie on each other, in whatever class, the most probable."""
    return index[surviving(found.select(index), iou=MATCH_IOU, scope="across_classes")]


def _corners(boxes: Boxes, index: int) -> Corners:
    x0, y0, x1, y1 = boxes.xyxy[index].astype(float).tolist()
    return (x0, y0, x1, y1)
