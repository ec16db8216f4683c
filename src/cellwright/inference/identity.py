"""What an image is called in the tables, and what its path says about plate and field."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellwright.images.read import stem_of

_WELL = re.compile(r"(?:^|[_\-\s.])([A-P])(0?[1-9]|1[0-9]|2[0-4])(?=$|[_\-\s.])")
_FIELD = re.compile(r"(?:^|[_\-\s.])(?:s|f|site|field)_?([0-9]{1,4})(?=$|[_\-\s.])", re.IGNORECASE)


@dataclass(frozen=True)
class NamedImage:
    """One input of a run.

    Attributes:
        path: the file.
        id: unique in the run and fit for a file name: the stem where stems differ.
        group: name of the folder it lies in.
        well: as ``B07`` where the name holds one (of up to 384), else empty; of several the last.
        field: number of the field of view in the well where the name holds one, else empty.
    """

    path: Path
    id: str
    group: str
    well: str
    field: str


def name_images(paths: Sequence[Path]) -> list[NamedImage]:
    """Give each path an id that no other has, even where case is not told apart.

    >>> [image.id for image in name_images([Path("a/1.png"), Path("b/1.png"), Path("a/2.png")])]
    ['a__1.png', 'b__1.png', '2']
    """
    stems = Counter(stem_of(path).casefold() for path in paths)
    root = Path(os.path.commonpath([path.absolute().parent for path in paths])) if paths else Path()
    taken: set[str] = set()
    named = []
    for path in paths:
        name = stem_of(path)
        if stems[name.casefold()] > 1:
            name = "__".join(path.absolute().relative_to(root).parts)
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        named.append(_named(path, name))
    return named


def up_to_well(name: str, well: str) -> str | None:
    """``name`` up to the end of its last ``well`` (as ``B07``); None where it holds none.

    >>> up_to_well("LAB7_B07_s1", "B07"), up_to_well("LAB7", "B07")
    ('LAB7_B07', None)
    """
    ends = [found.end() for found in _WELL.finditer(name) if _well_of(found) == well]
    return name[: ends[-1]] if ends else None


def _last_well(stem: str) -> str:
    """The last well of a name: what looks like one before it is of a plate or a day."""
    found = list(_WELL.finditer(stem))
    field = [one.span() for one in _FIELD.finditer(stem)][-1:]
    # In B07_F3 the last is the field; in a name without any other, F3 is a well.
    wells = [one for one in found if one.span() not in field] or found
    return _well_of(wells[-1]) if wells else ""


def _well_of(found: re.Match[str]) -> str:
    return f"{found[1]}{int(found[2]):02d}"


def _named(path: Path, name: str) -> NamedImage:
    field = _FIELD.search(stem_of(path))
    return NamedImage(
        path=path,
        id=name,
        group=path.absolute().parent.name,
        well=_last_well(stem_of(path)),
        field=field[1] if field else "",
    )
