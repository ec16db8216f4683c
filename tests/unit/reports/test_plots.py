"""Plots draw what they are given; empty input gives a plot that says so."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cellwright.reports.plots import (
    Curve,
    Estimate,
    Labels,
    curves,
    histogram,
    interval_bars,
    scatter,
)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def drawn(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=50)
    return np.asarray(Image.open(buffer).convert("L"))


def test_bars_have_the_length_of_their_value_and_whiskers_the_interval() -> None:
    figure = interval_bars(
        [Estimate("a", 0.9, 0.8, 0.95), Estimate("b", None), Estimate("c", 0.4)],
        labels=Labels(x="viability"),
        limits=(0, 1),
        reference=Estimate("pooled", 0.7, 0.6, 0.8),
    )
    axes = figure.axes[0]
    widths = [patch.get_width() for container in axes.containers for patch in container]
    assert widths == [0.9, 0.4]
    whiskers = [list(line.get_xdata()) for line in axes.lines]
    assert [0.8, 0.95] in whiskers
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert texts(figure) == ["no data"]
    assert drawn(figure).min() < 200


def test_a_reference_without_value_is_not_drawn() -> None:
    figure = interval_bars([Estimate("a", 0.5)], labels=Labels(), reference=Estimate("p", None))
    assert not figure.axes[0].lines


def test_histogram_counts_every_value_once() -> None:
    rng = np.random.default_rng(1)
    figure = histogram({"live": rng.normal(size=500), "dead": [], "nan": [np.nan]}, labels=Labels())
    heights = [patch.get_height() for patch in figure.axes[0].patches]
    assert sum(heights) == 500
    assert figure.axes[0].get_legend() is None


@pytest.mark.parametrize(
    "figure",
    [
        histogram({}, labels=Labels()),
        scatter({"a": ([], [])}, labels=Labels()),
    ],
)
def test_nothing_to_draw_says_so(figure: Figure) -> None:
    assert texts(figure) == ["no data"]
    drawn(figure)


def test_scatter_keeps_points_and_adds_the_identity_line() -> None:
    figure = scatter(
        {"a": ([1, 2], [3, 4]), "b": ([5], [6])}, labels=Labels(y="found"), guide="identity"
    )
    axes = figure.axes[0]
    offsets = np.concatenate([np.asarray(c.get_offsets()) for c in axes.collections])
    assert offsets.tolist() == [[1, 3], [2, 4], [5, 6]]
    line = axes.lines[0]
    assert list(line.get_xdata()) == list(line.get_ydata())


def test_bars_without_images_still_make_a_figure() -> None:
    drawn(interval_bars([], labels=Labels()))


def test_pyplot_stays_out() -> None:
    import subprocess
    import sys

    code = "import sys, cellwright.reports.plots as p; p.histogram({}, labels=p.Labels())"
    check = f"{code}; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_curves_have_their_band_and_their_scale() -> None:
    lines = [
        Curve("all", [1, 10, 100], [1.0, 2.0, 3.0], [0.5, 1.5, 2.5], [1.5, 2.5, 3.5]),
        Curve("empty", [], []),
    ]
    figure = curves(lines, labels=Labels("images", "AP"), x_scale="log")
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert [line.get_ydata().tolist() for line in axes.lines] == [[1.0, 2.0, 3.0]]
    (band,) = axes.collections
    assert band.get_paths()[0].get_extents().y0 == 0.5
    assert texts(curves([], labels=Labels())) == ["no data"]
