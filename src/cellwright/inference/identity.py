"""What an image is called in the tables, and what its path says about plate and field."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellwright.errors import printable
from cellwright.images.read import stem_of
from cellwright.inference.well_names import place_in

LONGEST_ID = 230
"""Bytes of an id: with the longest suffix of a picture it is fit for a file name (255)."""


@dataclass(frozen=True)
class NamedImage:
    """One input of a run.

    Attributes:
        path: the file.
        id: unique in the run and fit for a file name: the stem where stems differ, and of a
            very long name the beginning and a hash.
        group: name of the folder it lies in.
        well: as ``B07`` where the name holds one (of up to 384), else empty.
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
        name = _short(name)
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        named.append(_named(path, name))
    return named


def _short(name: str) -> str:
    """``name``, or its beginning and what tells it from others, where no file may be called so."""
    held = name.encode("utf-8", "surrogatepass")
    if len(held) <= LONGEST_ID:
        return name
    mark = hashlib.sha256(held).hexdigest()[:12]
    return f"{held[: LONGEST_ID - 16].decode('utf-8', 'ignore')}_{mark}"


def _named(path: Path, name: str) -> NamedImage:
    place = place_in(stem_of(path))
    return NamedImage(
        path=path,
        id=name,
        group=printable(path.absolute().parent.name),
        well=place.well,
        field=place.field,
    )
