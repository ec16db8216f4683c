"""The images that a classifier took for another class, those first of which it was surest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.data.labelled_set import LabelledSet
from cellwright.images.overlay import display
from cellwright.inference.evaluate_classification import LabelledClasses
from cellwright.reports.page import Page

SHOWN = 12
EDGE_PX = 220


@dataclass(frozen=True, eq=False)
class Mistake:
    """One image and what was made of it.

    Attributes:
        picture: uint8 ``(h, w, 3)``.
        id: the image.
        truth: its class.
        given: the class it was taken for.
        probability: of the class given.
    """

    picture: NDArray[np.uint8]
    id: str
    truth: str
    given: str
    probability: float


def surest_mistakes(
    seen: LabelledClasses, labelled: LabelledSet, classes: Sequence[str], *, shown: int = SHOWN
) -> list[Mistake]:
    """At most ``shown`` images that were taken for another class, the surest first.

    Args:
        seen: predictions of ``labelled``.
        labelled: where the pictures come from.
        classes: names of the model's classes.
        shown: how many.
    """
    given = seen.found.class_ids
    sure = seen.found.probabilities.max(axis=1)
    wrong = np.flatnonzero(given != seen.true_ids)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:shown]
    records = labelled.subset([seen.ids[index] for index in worst])
    return [
        Mistake(
            picture=_thumbnail(display(record.load().image, max_edge=EDGE_PX)),
            id=record.id,
            truth=classes[int(seen.true_ids[index])],
            given=classes[int(given[index])],
            probability=float(sure[index]),
        )
        for index, record in zip(worst.tolist(), records, strict=True)
    ]


def add_mistakes(page: Page, mistakes: Sequence[Mistake]) -> None:
    """A gallery of mistakes, if there are any; each says what it is and what it was taken for."""
    if not mistakes:
        return
    page.text(
        "Taken for another class, the surest first. A label may be wrong as well: look before "
        "the model is blamed."
    )
    for one in mistakes:
        caption = f"{one.truth}, taken for {one.given} ({one.probability:.2f}): {one.id}"
        page.picture(one.picture, caption=caption)


def _thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small crop enlarged by a whole number, so that its pixels can be seen."""
    times = max(1, EDGE_PX // max(picture.shape[:2]))
    size = (picture.shape[1] * times, picture.shape[0] * times)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), np.uint8)
