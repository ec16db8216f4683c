"""What file names say: which images show one field, and what is pooled.

A template is a file name (without its suffix) with one placeholder: ``{name}_blue``
matches ``a1_blue.png`` and gives ``a1``. ``*`` stands for anything, a ``/`` lets the
template look at folders (``blue/{name}``), and case does not matter.

Without a template a name is pooled by its well, or else without its last number. A decimal that
stands alone (``0.5``, ``v1.2``) is one number and is never cut; ``2024.01``, ``001.002`` and
``2024.01.05`` are several numbers with dots between, as dates and counters are written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cellwright.errors import ConfigError
from cellwright.images.read import stem_of
from cellwright.inference.identity import NamedImage
from cellwright.inference.well_names import up_to_well

_DECIMAL = r"(?:0|[1-9]\d{0,2})\.\d+"
_START = r"(?P<start>.*[^\W_].*?)"
_LAST_NUMBERS = (
    re.compile(rf"{_START}(?:[ _\-/]+|(?<!\d)\.)[a-z]{{0,2}}{_DECIMAL}"),
    re.compile(rf"(?![a-z]{{0,2}}{_DECIMAL}\Z){_START}[ _.\-/]+[a-z]{{0,2}}\d+"),
)
"""A name up to its last number: first to be tried where that is a decimal, then a whole one."""

_ONLY_A_NUMBER = re.compile(rf"\d+|{_DECIMAL}")

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
        parts = key_of(path).parts
        picked = self.match_name("/".join(parts[-self.depth :]))
        return None if picked is None else Path(*parts[: -self.depth], picked).as_posix()

    def match_name(self, name: str) -> str | None:
        """What the placeholder stands for in ``name``, which has no suffix; None if no match.

        >>> parse_template("{name}_*").match_name("drug_0.5uM_01")
        'drug_0.5uM'
        """
        found = self.expression.fullmatch(name)
        return None if found is None else found.group("value")


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
    for same in (str.casefold, str):
        for length in range(1, max(map(len, parts), default=0)):
            names = ["/".join(part[-length:]) for part in parts]
            if len(set(map(same, names))) == len(names):
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
        template: picks the group out of the image's id, from which a suffix is left away.

    Raises:
        ConfigError: ``template`` does not match a name.
    """
    if template is not None:
        return [
            replace(image, group=group_of(_without_suffix(image), template=template))
            for image in images
        ]
    above = [whole(key).parent.as_posix() for key in keys]
    folders = sorted(set(above))
    short = dict(zip(folders, short_names(folders), strict=True)) if len(folders) > 1 else {}
    told = [
        (folder, group_of(key.name, well=image.well, folder=short.get(folder, "")))
        for image, key, folder in zip(images, keys, above, strict=True)
    ]
    names = _apart(told)
    return [replace(image, group=names[one]) for image, one in zip(images, told, strict=True)]


def _without_suffix(image: NamedImage) -> str:
    """The image's id; where stems are alike, :func:`name_images` leaves the suffix in it."""
    return image.id.removesuffix(image.path.name.removeprefix(stem_of(image.path)))


def _apart(told: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A name of its own for each group of each folder: ``a/b__c`` and ``a__b/c`` look alike."""
    names: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for folder, group in told:
        if (folder, group) not in names:
            names[folder, group] = untaken(group, taken)
            taken.add(names[folder, group])
    return names


def untaken(name: str, taken: Collection[str]) -> str:
    """``name``, with as many underscores behind it as make it one that is not ``taken``."""
    while name in taken:
        name += "_"
    return name


def whole(path: Path) -> Path:
    """The same for every spelling of a path; links are not followed."""
    return Path(os.path.normpath(path.absolute()))


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

    >>> group_of("plate2_B07_f3", well="B07"), group_of("hypoxia_003"), group_of("drug_0.5uM_01")
    ('plate2_B07', 'hypoxia', 'drug_0.5uM')
    >>> group_of("hypoxia_003", folder="day1"), group_of("17", folder="G1")
    ('day1__hypoxia', 'G1')

    Raises:
        ConfigError: ``template`` does not match the name.
    """
    if template is not None:
        picked = template.match_name(name)
        if picked is None:
            raise ConfigError(
                f"the group pattern {template.text!r} does not match",
                where=name,
                remedy="change the pattern, or leave it out",
            )
        return picked
    bare = _ONLY_A_NUMBER.fullmatch(name) is not None
    if well:
        pooled = up_to_well(name, well) or name
    elif not bare and (start := _before_last_number(name)):
        pooled = start
    elif folder:
        return folder
    else:
        return UNNAMED_GROUP if bare else name
    return f"{folder}__{pooled}" if folder else pooled


def _before_last_number(name: str) -> str | None:
    matches = (expression.fullmatch(name) for expression in _LAST_NUMBERS)
    return next((found.group("start") for found in matches if found), None)
