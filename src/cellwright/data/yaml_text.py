"""YAML that people write: what it holds, or in one sentence where it stops to be YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cellwright.errors import ConfigError

_REMEDY = (
    "look there and just before: indent with spaces, put a space behind each colon, close every "
    "bracket and quotation mark"
)


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        ConfigError: unreadable, or no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror})", where=path, remedy="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            "cannot be read: it is no text in UTF-8",
            where=path,
            remedy="save it as UTF-8 in a text editor",
        ) from error
    return parse_yaml(text, where=path)


def parse_yaml(text: str, *, where: object) -> Any:
    """What YAML text holds.

    Raises:
        ConfigError: no YAML; names line and column.
    """
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = f"{place}is no YAML ({error.problem or error.context})"
        raise ConfigError(what, where=where, remedy=_REMEDY) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        what = f"line {line}, column {column}: holds a character that YAML does not allow"
        raise ConfigError(what, where=where, remedy="remove it") from error
    except (ValueError, RecursionError) as error:  # a date such as 2026-02-30 is a ValueError
        what = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(f"is no YAML ({what})", where=where, remedy="correct it") from error
