"""CSV tables that say the same to a spreadsheet as to a program.

A spreadsheet runs text that begins as a formula does, and file names come from anywhere: such
text has an apostrophe before it in a table, which :func:`read_csv` takes away again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cellwright.errors import printable
from cellwright.images.write import atomic_path

_FORMULA = ("=", "+", "-", "@")


def safe_cell(value: Any) -> Any:
    """A value as a spreadsheet takes it for what it is, in characters that a file can hold.

    >>> [safe_cell(value) for value in ("=1+1.png", "-a", "-1.5", -1.5, "a=b", None)]
    ["'=1+1.png", "'-a", '-1.5', -1.5, 'a=b', None]
    """
    if not isinstance(value, str):
        return value
    return printable(f"'{value}" if _is_formula(value) else value)


def plain_cell(text: str) -> str:
    """What :func:`safe_cell` was given.

    >>> plain_cell("'-a"), plain_cell("'a'"), plain_cell(safe_cell("'=a"))
    ('-a', "'a'", "'=a")
    """
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV file with a header; None becomes an empty field."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([safe_cell(name) for name in columns])
        writer.writerows([safe_cell(value) for value in row] for row in rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, by column, as they were given to be written."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: plain_cell(text) for name, text in row.items()}
            for row in csv.DictReader(file, restval="")
        ]


def _is_formula(text: str) -> bool:
    """Also where apostrophes stand before it, so that one more can be told from them."""
    bare = text.lstrip("'")
    if not bare.startswith(_FORMULA):
        return False
    try:
        float(bare)
    except ValueError:
        return True
    return False
