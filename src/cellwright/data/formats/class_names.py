"""The names of classes, in the order of their ids: a name that is left out moves all behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cellwright.data.formats.layout import read_text
from cellwright.errors import AnnotationError


def read_class_names(path: Path) -> tuple[str, ...]:
    """Class names, one a line, in the order of their ids; blank lines may stand at the end.

    Raises:
        AnnotationError: no names, a blank line between two, or one twice.
    """
    return check_class_names(read_text(path).rstrip().splitlines(), where=path)


def check_class_names(names: Sequence[object], *, where: object) -> tuple[str, ...]:
    """Class names without surrounding blanks, checked to be unique.

    Raises:
        AnnotationError: no names, one that is blank or no text, or one twice.
    """
    cleaned: list[str] = []
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise AnnotationError(
                f"the name of class {index} is no text",
                where=where,
                remedy="put it into quotation marks: without them yes, no, 1 and null are no text",
            )
        if not name.strip():
            raise AnnotationError(
                f"class {index} has no name",
                where=where,
                remedy="name it: the ids of those behind it hang on its place",
            )
        cleaned.append(name.strip())
    doubled = [name for name, count in Counter(cleaned).items() if count > 1]
    if not cleaned or doubled:
        what = f"the class {doubled[0]!r} is named twice" if doubled else "names no classes"
        raise AnnotationError(what, where=where)
    return tuple(cleaned)


def write_class_names(folder: Path, classes: Sequence[str]) -> None:
    """``classes.txt``: one name a line, in the order of their ids."""
    text = "".join(f"{name}\n" for name in classes)
    (folder / "classes.txt").write_text(text, encoding="utf-8")
