"""Sections about a classifier for any page: confusion, reliability, ROC curves, a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cellwright.reports.page import Cell, Page
from cellwright.reports.plots import Curve, Labels, curves, matrix


class Figured(Protocol):
    """A figure with its interval and n; ``metrics.intervals.Interval`` is one."""

    @property
    def value(self) -> float | None:
        """The figure."""
        ...

    @property
    def low(self) -> float | None:
        """Lower end."""
        ...

    @property
    def high(self) -> float | None:
        """Upper end."""
        ...

    @property
    def n(self) -> int:
        """Observations behind it."""
        ...


def row_shares(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row of counts as shares of it; NaN where a row is empty."""
    totals = confusion.sum(axis=1, keepdims=True).astype(np.float64)
    shares: NDArray[np.float64] = np.full(confusion.shape, np.nan)
    np.divide(confusion, totals, out=shares, where=totals > 0)
    return shares


def add_confusion(page: Page, confusion: NDArray[np.int64], classes: Sequence[str]) -> None:
    """The confusion matrix as counts and as shares of the true class."""
    axes = Labels(x="class given", y="true class")
    page.figure(
        matrix(confusion, classes, labels=axes, show="counts"),
        caption="Images by true class and class given.",
        alt="Confusion matrix, counts",
    )
    page.figure(
        matrix(row_shares(confusion), classes, labels=axes, show="shares"),
        caption="The same as shares of each true class: the diagonal is the recall.",
        alt="Confusion matrix, normalised by true class",
    )


def add_reliability(page: Page, claimed: Sequence[float], came_true: Sequence[Figured]) -> None:
    """What was claimed against what came true, in bins of confidence that hold any image."""
    ends = [[one.value, one.low, one.high] for one in came_true]
    shares, low, high = np.array(ends, dtype=np.float64).reshape(-1, 3).T
    page.figure(
        curves(
            [
                Curve("this model", claimed, shares, low, high),
                Curve("claimed = true", [0, 1], [0, 1]),
            ],
            labels=Labels(x="probability claimed", y="share that was right"),
        ),
        caption="Reliability: on the line, 90 % sure is right 9 times in 10. The band is the "
        "95 % interval of each bin.",
        alt="Reliability plot",
    )


def add_class_table(page: Page, per_class: Mapping[str, Mapping[str, Figured]]) -> None:
    """Precision, recall and F1 of every class with intervals, and how many there are."""
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            figures["recall"].n,
            *(text for key in ("precision", "recall", "f1") for text in _cells(figures[key])),
        )
        for name, figures in per_class.items()
    ]
    columns = ("class", "n", "precision", "95 %", "recall", "95 %", "F1", "95 %")
    page.table(columns, rows, caption="Each class against the rest; n counts its images")


def _cells(figure: Figured) -> tuple[Cell, Cell]:
    if figure.low is None or figure.high is None:
        return figure.value, None
    return figure.value, f"{figure.low:.3f} to {figure.high:.3f}"


def add_roc(
    page: Page, names: Sequence[str], points: Sequence[tuple[Sequence[float], Sequence[float]]]
) -> None:
    """ROC curves, each class against the rest; those without two sides are left out.

    Args:
        page: gets the plot.
        names: what stands in the legend, one a curve.
        points: false positive rates and sensitivities of each.
    """
    lines = [
        Curve(name, *curve) for name, curve in zip(names, points, strict=True) if len(curve[0])
    ]
    page.figure(
        curves(
            [*lines, Curve("by chance", [0, 1], [0, 1])],
            labels=Labels(x="1 - specificity", y="sensitivity"),
        ),
        caption="ROC: what share of a class is found, at what share of false alarms among the "
        "rest. No threshold of these curves was chosen by them.",
        alt="ROC curves",
    )
