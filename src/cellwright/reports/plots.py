"""The few plots reports use: bars with intervals, histogram, scatter, curves with bands.

Every function returns a matplotlib ``Figure`` made without pyplot, so no global
state, no window and no display is involved; ``Page.figure`` takes it as it is.
Colours are those of Okabe and Ito, told apart by colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Guide: TypeAlias = Literal["none", "identity"]

FEW_POINTS = 12

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#5A6672"
SERIES_COLOURS = (BLUE, VERMILION, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", GREY)


@dataclass(frozen=True)
class Labels:
    """What stands around a plot: axis names (with unit) and a title."""

    x: str = ""
    y: str = ""
    title: str = ""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; ``value`` None draws an empty place marked "no data"."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Curve:
    """A named line: ``(n,)`` places, values and, where it has a band, its lower and upper end."""

    name: str
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None


def interval_bars(
    estimates: Sequence[Estimate],
    *,
    labels: Labels,
    limits: tuple[float, float] | None = None,
    reference: Estimate | None = None,
) -> Figure:
    """One horizontal bar an estimate with its interval as a whisker.

    Args:
        estimates: bars from top to bottom.
        labels: axis names and title; ``x`` names the quantity.
        limits: range of the quantity's axis; fitted to the data if None.
        reference: drawn as a band over all bars (the pooled value).
    """
    figure, axes = _axes(labels, height_in=1.4 + 0.3 * max(1, len(estimates)))
    if reference is not None:
        _draw_reference(axes, reference)
    for row, item in enumerate(estimates):
        if item.value is None:
            axes.text(
                0.01,
                row,
                "no data",
                va="center",
                color=GREY,
                fontsize=9,
                transform=axes.get_yaxis_transform(),
            )
            continue
        axes.barh(row, item.value, height=0.62, color=BLUE, alpha=0.75)
        if item.low is not None and item.high is not None:
            axes.plot([item.low, item.high], [row, row], color="#17202A", lw=1.6, zorder=3)
            axes.plot([item.low, item.high], [row, row], "|", color="#17202A", ms=8, zorder=3)
    axes.set_yticks(range(len(estimates)), [_short(item.name) for item in estimates])
    axes.set_ylim(max(1, len(estimates)) - 0.4, -0.6)
    axes.grid(visible=True, axis="x", alpha=0.3)
    if limits is not None:
        axes.set_xlim(*limits)
    return figure


def histogram(
    values: Mapping[str, ArrayLike], *, labels: Labels, bins: int | NDArray[Any] = 40
) -> Figure:
    """Counts of one or more named series over common bins; series without values are skipped."""
    figure, axes = _axes(labels)
    arrays = {name: np.asarray(array, dtype=float).ravel() for name, array in values.items()}
    arrays = {name: array[np.isfinite(array)] for name, array in arrays.items()}
    arrays = {name: array for name, array in arrays.items() if array.size}
    if not arrays:
        return _without_data(figure, axes)
    edges = np.histogram_bin_edges(np.concatenate(list(arrays.values())), bins=bins)
    for number, (name, array) in enumerate(arrays.items()):
        colour = SERIES_COLOURS[number % len(SERIES_COLOURS)]
        axes.hist(array, bins=edges.tolist(), color=colour, alpha=0.6, label=name)
    return _with_legend(figure, axes, len(arrays))


def scatter(
    points: Mapping[str, tuple[ArrayLike, ArrayLike]], *, labels: Labels, guide: Guide = "none"
) -> Figure:
    """Named clouds of points ``(x, y)``; the guide ``identity`` is the line y = x."""
    figure, axes = _axes(labels)
    drawn = 0
    for name, (x, y) in points.items():
        across, up = np.asarray(x, dtype=float).ravel(), np.asarray(y, dtype=float).ravel()
        if not across.size:
            continue
        colour = SERIES_COLOURS[drawn % len(SERIES_COLOURS)]
        axes.scatter(across, up, s=16, color=colour, alpha=0.6, linewidths=0, label=name)
        drawn += 1
    if not drawn:
        return _without_data(figure, axes)
    if guide == "identity":
        low, high = axes.get_xlim()
        axes.plot([low, high], [low, high], color=GREY, lw=1, ls="--", zorder=0)
    axes.grid(visible=True, alpha=0.3)
    return _with_legend(figure, axes, drawn)


def curves(
    lines: Sequence[Curve], *, labels: Labels, x_scale: Literal["linear", "log"] = "linear"
) -> Figure:
    """Lines over a common axis, each with its band where it has one; empty ones are skipped."""
    figure, axes = _axes(labels)
    drawn = [line for line in lines if np.size(line.x)]
    if not drawn:
        return _without_data(figure, axes)
    for number, line in enumerate(drawn):
        colour = SERIES_COLOURS[number % len(SERIES_COLOURS)]
        x = np.asarray(line.x, dtype=float)
        if line.low is not None and line.high is not None:
            low, high = (np.asarray(end, dtype=float) for end in (line.low, line.high))
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        # A line through few points hides where they are.
        marker = "o" if len(x) <= FEW_POINTS else ""
        y = np.asarray(line.y, dtype=float)
        axes.plot(x, y, color=colour, lw=1.5, marker=marker, ms=4, label=line.name)
    axes.set_xscale(x_scale)
    axes.grid(visible=True, alpha=0.3)
    return _with_legend(figure, axes, len(drawn))


def _axes(labels: Labels, *, height_in: float = 3.6) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second, for who draws only

    figure = Figure(figsize=(8.0, min(height_in, 40.0)), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=labels.x, ylabel=labels.y, title=labels.title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    return figure, axes


def _draw_reference(axes: Axes, reference: Estimate) -> None:
    if reference.value is None:
        return
    if reference.low is not None and reference.high is not None:
        axes.axvspan(reference.low, reference.high, color=VERMILION, alpha=0.15, lw=0)
    axes.axvline(reference.value, color=VERMILION, lw=1.5, label=reference.name)
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), fontsize=9)


def _without_data(figure: Figure, axes: Axes) -> Figure:
    axes.text(0.5, 0.5, "no data", ha="center", va="center", color=GREY, transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
    return figure


def _with_legend(figure: Figure, axes: Axes, n_series: int) -> Figure:
    if n_series > 1:
        axes.legend(frameon=False, fontsize=9)
    return figure


def _short(name: str, length: int = 36) -> str:
    """The start and end of a long file name, which is where it differs from its neighbours."""
    if len(name) <= length:
        return name
    half = (length - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def matrix(
    values: ArrayLike, names: Sequence[str], *, labels: Labels, show: Literal["counts", "shares"]
) -> Figure:
    """A square table of numbers as colours with the numbers in them, rows by columns.

    Args:
        values: ``(K, K)`` counts; or shares of each row, in 0..1, NaN where a row is empty.
        names: one a row, and the same a column.
        labels: axis names and title; ``y`` names the rows.
        show: ``shares`` writes two decimals and colours 0..1, ``counts`` whole numbers.
    """
    table = np.asarray(values, dtype=float)
    figure, axes = _axes(labels, height_in=1.8 + 0.55 * max(3, len(names)))
    shares = show == "shares"
    top = 1.0 if shares else max(1.0, float(np.nanmax(table, initial=0)))
    axes.imshow(np.nan_to_num(table), cmap="Blues", vmin=0, vmax=top)
    for (row, column), value in np.ndenumerate(table):
        text = "–" if np.isnan(value) else f"{value:.2f}" if shares else f"{value:,.0f}"
        dark = np.nan_to_num(value) > 0.6 * top
        axes.text(
            column, row, text, ha="center", va="center", fontsize=8, color="w" if dark else "k"
        )
    short = [_short(name) for name in names]
    axes.set_xticks(range(len(names)), short, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), short)
    return figure
