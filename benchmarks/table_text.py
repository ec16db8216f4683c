"""Tables of Markdown, figures with their intervals, and where a results file comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cellwright.bundles.card import MetricValue

RESULTS = Path(__file__).parent / "results"
FIGURES = {"ap50": "AP50", "ap50_95": "AP50:95", "precision": "precision", "recall": "recall"}
"""Of models that find boxes, as the tables write them."""


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def figure(value: MetricValue | dict[str, Any], *, digits: int = 3) -> str:
    """``value (low to high)``."""
    v = value if isinstance(value, MetricValue) else MetricValue(**value)
    if v.value is None:
        return "–"
    if v.low is None or v.high is None:
        return fixed(v.value, digits)
    low, high = fixed(v.low, digits), fixed(v.high, digits)
    return f"{fixed(v.value, digits)} ({low} to {high})"


def fixed(value: float, digits: int) -> str:
    """A number without the sign that rounding leaves to a zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def result(name: str) -> dict[str, Any]:
    """A results file."""
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return content


def origin(content: dict[str, Any]) -> str:
    """Where a results file comes from, in one sentence."""
    return f"`{content['command']}`, commit {content['commit']}, {content['machine']}."


def times(ratio: dict[str, float]) -> str:
    """A ratio over rounds."""
    return f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
