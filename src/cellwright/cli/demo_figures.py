"""Shares and intervals as the demo's page writes them."""

from __future__ import annotations

from typing import Any

MISSING = "–"


def percent(share: float | None) -> str:
    """A share as people say it.

    >>> percent(0.6499)
    '65.0 %'
    """
    return MISSING if share is None else f"{100 * share:.1f} %"


def ends(figure: dict[str, Any]) -> str:
    """The interval of a share.

    >>> ends({"low": 0.5, "high": 0.75})
    '50.0 to 75.0 %'
    """
    if figure["low"] is None:
        return MISSING
    return f"{100 * figure['low']:.1f} to {percent(figure['high'])}"


def span(figure: dict[str, Any]) -> str:
    """The interval of any figure."""
    if figure["low"] is None:
        return MISSING
    return f"{figure['low']:.3g} to {figure['high']:.3g}"


def holds(figure: dict[str, Any], true: float) -> str:
    """Whether the truth lies in the interval, in a word.

    >>> holds({"low": 0.5, "high": 0.75}, 0.8)
    'no'
    """
    if figure["low"] is None:
        return MISSING
    return "yes" if figure["low"] <= true <= figure["high"] else "no"
