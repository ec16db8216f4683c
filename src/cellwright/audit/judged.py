"""One image as it was judged: what its suspects are, and what is left without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cellwright.audit.compare import Compared
from cellwright.audit.figures import (
    BoxPair,
    MaskPair,
    box_report,
    mask_report,
    without_boxes,
    without_regions,
)
from cellwright.audit.held import HeldSegmented
from cellwright.audit.limits import Limits
from cellwright.audit.objects import find_suspects
from cellwright.audit.suspects import Region, Seen, Suspect
from cellwright.inference.segmenter import Segmented
from cellwright.metrics.counting_rule import CountingRule
from cellwright.metrics.report import Report
from cellwright.types import Boxes


@dataclass(frozen=True)
class Origin:
    """Which image it is and who judged it.

    Attributes:
        image: id of the image.
        group: of the image.
        model: name of the bundle.
        seen: what it knew of the image.
    """

    image: str
    group: str
    model: str
    seen: Seen


class Judged(Protocol):
    """An image with its labels and what a model says."""

    @property
    def origin(self) -> Origin:
        """Which image it is and who judged it."""
        ...

    @property
    def n_labels(self) -> int:
        """Labelled cells, or regions."""
        ...

    @property
    def compared(self) -> Compared | None:
        """What limits are learned from; None where none are."""
        ...

    def suspects(self, limits: Limits) -> list[Suspect]:
        """All suspects, unranked."""
        ...


def _signed(one: Suspect, origin: Origin) -> Suspect:
    return replace(one, model=origin.model, seen=origin.seen)


@dataclass(frozen=True, eq=False)
class JudgedBoxes:
    """An image with boxes.

    Attributes:
        origin: which image it is and who judged it.
        compared: labels beside the ranked list, with probabilities.
        pair: labels and ranked list as figures need them.
    """

    origin: Origin
    compared: Compared
    pair: BoxPair

    @property
    def n_labels(self) -> int:
        """Boxes."""
        return len(self.pair.truth)

    def suspects(self, limits: Limits) -> list[Suspect]:
        """All suspects, unranked."""
        scores = self.pair.predicted.scores
        return [
            replace(
                _signed(one, self.origin),
                bare_score=0.0 if one.found is None or scores is None else float(scores[one.found]),
            )
            for one in find_suspects(self.compared, limits)
        ]


@dataclass(frozen=True, eq=False)
class JudgedCells:
    """An image with instances.

    Attributes:
        origin: which image it is and who judged it.
        compared: labels beside the model's cells.
        truth: the labels.
        found: the prediction.
    """

    origin: Origin
    compared: Compared
    truth: HeldSegmented
    found: HeldSegmented

    @property
    def n_labels(self) -> int:
        """Cells."""
        return len(self.compared.labels)

    def suspects(self, limits: Limits) -> list[Suspect]:
        """All suspects, unranked, with their pixels."""
        suspects = find_suspects(self.compared, limits)
        if not suspects:
            return []
        drawn, seen = self.truth.open().cells.labels, self.found.open().cells.labels
        return [_signed(_with_pixels(one, drawn, seen), self.origin) for one in suspects]


def _with_pixels(one: Suspect, drawn: NDArray[np.int32], seen: NDArray[np.int32]) -> Suspect:
    """The pixels of its label and of the model's cell, of label images ``(H, W)``."""
    doubt = np.zeros(drawn.shape, bool)
    if one.label is not None:
        doubt |= drawn == one.label
    proposed = None
    if one.found is not None:
        cell = seen == one.found + 1
        doubt |= cell & ((drawn == 0) | (drawn == (one.label or 0)))
        proposed = Region.of(cell)
    region = Region.of(doubt) if doubt.any() else None
    return replace(one, region=region, proposed_region=proposed)


@dataclass(frozen=True, eq=False)
class JudgedMask:
    """An image with a mask; its suspects need no limits.

    Attributes:
        origin: which image it is and who judged it.
        found_suspects: its suspects.
        n_labels: labelled regions.
        truth: the labels.
        found: the prediction.
    """

    origin: Origin
    found_suspects: tuple[Suspect, ...]
    n_labels: int
    truth: HeldSegmented
    found: HeldSegmented

    @property
    def compared(self) -> None:
        """Nothing to learn limits from."""
        return None

    def suspects(self, limits: Limits) -> list[Suspect]:
        """All suspects, unranked; ``limits`` play no part."""
        del limits
        return [_signed(one, self.origin) for one in self.found_suspects]


def report_boxes(
    judged: Sequence[JudgedBoxes],
    without: Sequence[Suspect],
    classes: Sequence[str],
    *,
    rule: CountingRule,
) -> Report:
    """Every detection metric, but for the suspects in ``without``."""
    of_image = by_image(without)
    pairs = [without_boxes(one.pair, of_image.get(one.origin.image, [])) for one in judged]
    return box_report(pairs, classes, rule=rule)


def report_masks(
    judged: Sequence[JudgedCells | JudgedMask],
    without: Sequence[Suspect],
    classes: Sequence[str],
    *,
    task: str,
) -> Report:
    """Every segmentation metric, but for the suspects in ``without``."""
    of_image = by_image(without)

    def pair(one: JudgedCells | JudgedMask) -> MaskPair:
        whole = MaskPair(one.origin.group, one.truth.open(), one.found.open())
        return without_regions(whole, of_image.get(one.origin.image, []), task=task)

    return mask_report(map(pair, judged), classes, task=task)


def by_image(suspects: Sequence[Suspect]) -> dict[str, list[Suspect]]:
    """Suspects by the id of their image."""
    found: dict[str, list[Suspect]] = {}
    for one in suspects:
        found.setdefault(one.image, []).append(one)
    return found


Sides = tuple[Boxes, Boxes] | tuple[Segmented, Segmented]
"""Labels and what the model counts as cells, for a picture."""


def sides_of(one: Judged) -> Sides:
    """Labels and prediction of an image, as a person compares them."""
    if isinstance(one, JudgedBoxes):
        return one.compared.labels, one.compared.found.select(one.compared.counted)
    if isinstance(one, JudgedCells | JudgedMask):
        return one.truth.open(), one.found.open()
    raise TypeError(f"no picture of a {type(one).__name__}")
