"""The first line of a table that somebody made by hand or saved from a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence

_OTHERS = {";": "';'", "\t": "tabs", "|": "'|'"}


def other_separator(names: Sequence[str] | None) -> str:
    """What is wrong with a first line that was cut at commas and has none; empty where it has.

    Spreadsheets write a semicolon where the comma stands in decimals.

    >>> other_separator(["image;class"])
    "its columns are separated by ';', not by commas"
    """
    if names is None or len(names) != 1:
        return ""
    sign = next((sign for sign in _OTHERS if sign in names[0]), None)
    return "" if sign is None else f"its columns are separated by {_OTHERS[sign]}, not by commas"
