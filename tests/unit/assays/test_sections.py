"""Figures as a page shows them."""

from __future__ import annotations

import pytest

from cellwright.assays.sections import figure_and_span


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (8.3333, 0.5, 14.0, ("8.3", "0.5 to 14.0")),
        (0.01234, 0.0, 0.1, ("0.012", "0.000 to 0.100")),
        (1523.7, 12.3, 4000.0, ("1,524", "12 to 4,000")),
        (0.5, 0.25, 1.0, ("0.50", "0.25 to 1.00")),
        (3.0, 2.0, 4.0, ("3", "2 to 4")),
        (0.0, None, None, ("0", "–")),
        (None, None, None, ("–", "–")),
    ],
)
def test_a_figure_and_its_ends_have_the_same_decimals(
    value: float | None, low: float | None, high: float | None, shown: tuple[str, str]
) -> None:
    assert figure_and_span(value, low, high) == shown
