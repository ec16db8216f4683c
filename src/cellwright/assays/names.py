"""What file names say: which images show one field, and what is pooled.

A template is a file name (without its suffix) with one placeholder: ``{name}_blue``
matches ``a1_blue.png`` and gives ``a1``. ``*`` stands for anything, a ``/`` lets the
template look at folders (``blue/{name}``), and case does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cellwright.errors import ConfigError
from cellwright.images.read import stem_of
from cellwright.inference.identity import NamedImage
from cellwright.inference.well_names import up_to_well

_LAST_NUMBER = re.compile(r"(?P<start>.*[^\W_].*?)[ _.\-/]+[a-z]{0,2}\d+")

UNNAMED_GROUP = "all"
"""Group of images that are called by a number alone."""

ALL_IMAGES = "(all images)"
"""What stands for all groups together."""


@dataclass(frozen=True)
class Template:
    """A compiled template; :func:`parse_template` makes it."""

    text: str
    expression: re.Pattern[str]
    depth: int

    def match(self, path: Path) -> str | None:
        """What the placeholder stands for in ``path``, with the folders above; None if no match."""
        parts = path.with_name(stem_of(path)).parts
        above, seen = parts[: -self.depth], parts[-self.depth :]
        found = self.expression.fullmatch("/".join(seen))
        return None if found is None else "/".join((*above, found.group("value")))


def parse_template(text: str, *, placeholder: str = "name") -> Template:
    """Compile a template.

    >>> parse_template("{name}_blue*").match(Path("day1/a_Blue_001.ome.tif"))
    'day1/a'

    Raises:
        ConfigError: the placeholder does not stand in it exactly once.
    """
    mark = "{" + placeholder + "}"
    if text.count(mark) != 1:
        raise ConfigError(
            f"the pattern {text!r} must hold {mark} exactly once",
            remedy=f"for instance {mark}_*",
        )
    pieces = re.split(rf"({re.escape(mark)}|\*)", text)
    meaning = {mark: "(?P<value>[^/]+)", "*": "[^/]*"}
    expression = "".join(meaning.get(piece, re.escape(piece)) for piece in pieces)
    return Template(text, re.compile(expression, re.IGNORECASE), text.count("/") + 1)


def parse_group(text: str) -> Template | None:
    """The template that picks an image's group; None for an empty one.

    Raises:
        ConfigError: it does not hold ``{group}`` exactly once.
    """
    return parse_template(text, placeholder="group") if text else None


def short_names(keys: Sequence[str]) -> list[str]:
    """The last part of every key; with as many folders before it as make them all differ.

    >>> short_names(["x/day1/a", "x/day1/b"]), short_names(["x/day1/a", "x/day2/a"])
    (['a', 'b'], ['day1/a', 'day2/a'])
    """
    parts = [[part for part in key.split("/") if part] for key in keys]
    for length in range(1, max(map(len, parts), default=0)):
        names = ["/".join(part[-length:]) for part in parts]
        if len({name.casefold() for name in names}) == len(names):
            return names
    return ["/".join(part) for part in parts]


def with_groups(
    images: Sequence[NamedImage], keys: Sequence[Path], *, template: Template | None
) -> list[NamedImage]:
    """The images, each with what it is pooled with as its group.

    Without ``template``, images of different folders are never pooled, whether their names are
    alike or not: a folder a class, day or plate is what ``predict`` groups by, too.

    Args:
        images: named, as ``predict`` names them.
        keys: folder and name of each by which it is pooled, without suffix: the file of a single
            image, what the two files of a pair share.
        template: picks the group out of the image's id.

    Raises:
        ConfigError: ``template`` does not match a name.
    """
    above = [key.absolute().parent.as_posix() for key in keys]
    folders = sorted(set(above))
    short = dict(zip(folders, short_names(folders), strict=True)) if len(folders) > 1 else {}
    return [
        replace(
            image,
            group=group_of(image.id, template=template)
            if template is not None
            else group_of(key.name, well=image.well, folder=short.get(folder, "")),
        )
        for image, key, folder in zip(images, keys, above, strict=True)
    ]


def rows_with_groups(
    rows: Sequence[Mapping[str, str]], template: Template | None
) -> Iterator[tuple[Mapping[str, str], str]]:
    """Rows of the ``summary.csv`` that ``predict`` wrote, each with the group of its image.

    Images are pooled as :func:`with_groups` says.

    Raises:
        ConfigError: ``template`` does not match a name.
    """
    images = [
        NamedImage(Path(row["file"]), row["image_id"], row["group"], row["well"], row["field"])
        for row in rows
    ]
    pooled = with_groups(images, [key_of(one.path) for one in images], template=template)
    return ((row, image.group) for row, image in zip(rows, pooled, strict=True))


def key_of(path: Path) -> Path:
    """Folder and name without suffix of an image file."""
    return path.with_name(stem_of(path))


def group_of(
    name: str, *, well: str = "", template: Template | None = None, folder: str = ""
) -> str:
    """What an image called ``name`` is pooled with.

    What ``template`` picks; without one, its well with what stands before it, or else the name
    without its last number, behind its ``folder`` where images lie in several. A name without
    such a number, or of nothing else, is pooled by its folder alone.

    >>> group_of("plate2_B07_f3", well="B07"), group_of("hypoxia_003")
    ('plate2_B07', 'hypoxia')
    >>> group_of("hypoxia_003", folder="day1"), group_of("17", folder="G1")
    ('day1__hypoxia', 'G1')

    Raises:
        ConfigError: ``template`` does not match the name.
    """
    if template is not None:
        picked = template.match(Path(name))
        if picked is None:
            raise ConfigError(
                f"the group pattern {template.text!r} does not match",
                where=name,
                remedy="change the pattern, or leave it out",
            )
        return picked
    counted = None if name.isdecimal() else _LAST_NUMBER.fullmatch(name)
    if well:
        pooled = up_to_well(name, well) or name
    elif counted:
        pooled = counted.group("start")
    elif folder:
        return folder
    else:
        return UNNAMED_GROUP if name.isdecimal() else name
    return f"{folder}__{pooled}" if folder else pooled
