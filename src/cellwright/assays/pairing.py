"""Two files a field: which blue image belongs to which red one, told by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cellwright.assays.names import Template, parse_template, short_names, untaken, whole
from cellwright.assays.tables import LeftOut
from cellwright.images.read import stem_of

_Key: TypeAlias = tuple[str, str]
"""Folder and name in lower case."""


@dataclass(frozen=True)
class ImagePair:
    """The two images of one field.

    Attributes:
        name: unique in a run and fit for a file name.
        blue: the file that shows every nucleus.
        red: the file that shows dead cells.
        key: what the names of both share, with the folders above, from the root on.
    """

    name: str
    blue: Path
    red: Path
    key: Path


@dataclass(frozen=True)
class Pairing:
    """Pairs in order of their names, and every file that is in none, with the reason."""

    pairs: tuple[ImagePair, ...]
    left_out: tuple[LeftOut, ...]


def pair_images(paths: Sequence[Path], *, blue: str, red: str) -> Pairing:
    """Pair files whose names give the same ``{name}`` in the same folder.

    The case of names does not matter, that of folders does.

    Args:
        paths: image files.
        blue: template of the images that show every nucleus, such as ``{name}_blue``.
        red: template of the images that show dead cells.

    Raises:
        ConfigError: a template without ``{name}``.
    """
    templates = {"blue": parse_template(blue), "red": parse_template(red)}
    found: dict[_Key, dict[str, list[Path]]] = defaultdict(lambda: {"blue": [], "red": []})
    left_out: list[LeftOut] = []
    for path in paths:
        keys = {colour: template.match(whole(path)) for colour, template in templates.items()}
        matched = {colour: key for colour, key in keys.items() if key is not None}
        if len(matched) == 1:
            [(colour, key)] = matched.items()
            folder, _, name = key.rpartition("/")
            found[folder, name.casefold()][colour].append(path)
        else:
            left_out.append(_unclear(path, templates, count=len(matched)))
    complete = {}
    for (_, name), files in sorted(found.items()):
        if len(files["blue"]) == len(files["red"]) == 1:
            complete[_shared_name(files["blue"][0], templates["blue"])] = files
        else:
            left_out.extend(_incomplete(files, templates, name))
    pairs = tuple(
        ImagePair(name, files["blue"][0], files["red"][0], Path(key))
        for name, (key, files) in zip(_file_names(list(complete)), complete.items(), strict=True)
    )
    return Pairing(pairs, tuple(left_out))


def _shared_name(path: Path, template: Template) -> str:
    return template.match(whole(path)) or path.stem


def _file_names(keys: Sequence[str]) -> list[str]:
    """A short name for each key that no other has, even where case is not told apart."""
    names: list[str] = []
    taken: set[str] = set()
    for short in short_names(keys):
        name = short.replace("/", "__")
        names.append(name + untaken(name.casefold(), taken).removeprefix(name.casefold()))
        taken.add(names[-1].casefold())
    return names


def _unclear(path: Path, templates: dict[str, Template], *, count: int) -> LeftOut:
    patterns = f"{templates['blue'].text!r} (blue) and {templates['red'].text!r} (red)"
    reason = "matches neither pattern" if count == 0 else "matches both patterns"
    remedy = f"the patterns are {patterns}: rename the file or change them"
    return LeftOut(stem_of(path), str(path), reason, remedy)


def _incomplete(
    files: dict[str, list[Path]], templates: dict[str, Template], name: str
) -> list[LeftOut]:
    """One row a file of a field that lacks a partner or has too many."""
    rows = []
    for colour, other in (("blue", "red"), ("red", "blue")):
        for path in files[colour]:
            if len(files[colour]) > 1:
                reason = f"{len(files[colour])} {colour} images are called {name}"
                remedy = "keep one of them, or make the pattern tell them apart"
            elif not files[other]:
                reason = f"its {other} partner is missing"
                remedy = f"add the image that matches {templates[other].text!r}"
            else:
                reason = f"{len(files[other])} {other} images could be its partner"
                remedy = "keep one of them, or make the pattern tell them apart"
            rows.append(LeftOut(stem_of(path), str(path), reason, remedy))
    return rows
