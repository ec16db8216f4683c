"""Stacks of microscopes taken apart into single pictures, which everything else here reads.

Each picture becomes an OME-TIFF with its scale and channel names. Its file name says scene, or well
and field, time and depth, so that tables of a run and splits by group find them; ``images.csv``
says the same as columns. Numbers count from 1, as the sliders of Fiji do.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from cellwright.errors import CellwrightError, ConfigError, ImageError, why_unreadable
from cellwright.images.picture import MAX_PIXELS
from cellwright.images.provenance import Mark, mark_of, read_mark
from cellwright.images.read import stem_of
from cellwright.images.scenes import Scene, open_scenes
from cellwright.images.write import atomic_path, write_tiff
from cellwright.types import Image

EACH = "each"
TOGETHER = "together"
PROJECTIONS = ("max", "mean", "sharpest")
"""The brightest value of each pixel over all depths, the mean, or the depth that is in focus."""

TABLE, ERRORS = "images.csv", "errors.csv"
COLUMNS = (
    *("image", "source", "scene", "well", "field", "time", "depth", "channels"),
    *("height", "width", "pixel_size_um"),
)


@dataclass(frozen=True)
class Choice:
    """Which planes become pictures.

    Attributes:
        depth: ``each``, a row of :data:`PROJECTIONS`, or a number from 1; None where there must be
            one depth only.
        time: ``each`` or a number from 1.
        channel: ``together`` in one picture, ``each`` in its own, a name, or a number from 1.
    """

    depth: str | None = None
    time: str = EACH
    channel: str = TOGETHER


@dataclass(frozen=True)
class Piece:
    """One picture of a scene: what is in it, and how its file name goes on."""

    time: int
    depth: str
    channels: tuple[int, ...]
    suffix: str


@dataclass(frozen=True)
class Unpacked:
    """What became of the files.

    Attributes:
        rows: of the table, a dictionary an image.
        errors: file -> why it could not be taken apart.
        n_kept: pictures that were there already.
    """

    rows: list[dict[str, str]]
    errors: dict[Path, CellwrightError]
    n_kept: int


def unpack(
    files: Sequence[Path],
    out: Path,
    choice: Choice,
    *,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Unpacked:
    """Write every picture of ``files`` into ``out``, with a table of them and one of errors.

    Pictures that are in ``out`` already, of the same file as it is now, stay as they are: a run
    that was stopped goes on. A picture of another file is never overwritten, nor a file that is no
    such picture; rows of files unpacked here before stay in the table.

    Args:
        files: as :func:`~cellwright.images.scenes.list_scene_files` gives them.
        out: folder; made if missing.
        choice: which planes.
        max_pixels: refuse planes with more values.
        progress: told of every file done.

    Raises:
        ConfigError: two files of one name, a choice of no known form, or a table in ``out`` that is
            none of this command.
        CellwrightError: ``out`` cannot be written.
    """
    _check(choice)
    stems = _stems(files)
    earlier = _earlier_rows(out / TABLE, files)
    taken: set[str] = set()
    rows: list[dict[str, str]] = []
    errors: dict[Path, CellwrightError] = {}
    n_kept = 0
    for done, path in enumerate(files, start=1):
        try:
            with open_scenes(path, max_pixels=max_pixels) as scenes:
                for target, scene, piece in _pictures(scenes, path, out / stems[path], choice):
                    n_kept += _keep_or_write(target, scene, piece, taken)
                    rows.append(_row(target, scene, piece))
        except ImageError as error:
            errors[path] = error
        progress(done, len(files))
    written = {row["image"] for row in rows}
    earlier = [row for row in earlier if row["image"] not in written]
    _write_table(out / TABLE, COLUMNS, [*earlier, *rows])
    _write_table(
        out / ERRORS,
        ("source", "error", "remedy"),
        [
            {"source": str(path), "error": error.what, "remedy": error.remedy}
            for path, error in errors.items()
        ],
    )
    return Unpacked(rows, errors, n_kept)


def _pictures(
    scenes: Sequence[Scene], path: Path, start: Path, choice: Choice
) -> Iterator[tuple[Path, Scene, Piece]]:
    """Where each picture of a file goes; ``start`` is how their paths begin."""
    if not scenes:
        raise ImageError("holds no image", where=path)
    for number, scene in enumerate(scenes, start=1):
        place = _place(scene, number, len(scenes))
        for piece in pieces(scene, choice):
            yield start.with_name(f"{start.name}{place}{piece.suffix}.ome.tif"), scene, piece


def _keep_or_write(target: Path, scene: Scene, piece: Piece, taken: set[str]) -> bool:
    """Make sure of a picture; True where it was there already.

    Args:
        target: where it goes.
        scene: what it is of.
        piece: what it shows.
        taken: names that this run has used, to which this one is added.

    Raises:
        ImageError: its name is that of another picture or file.
    """
    mark = mark_of(scene.where, (scene.name, piece))
    clash = ""
    if target.name.casefold() in taken:
        clash = f"would be a second picture called {target.name}"
    elif target.exists():
        found = read_mark(target)
        if found == mark:
            taken.add(target.name.casefold())
            return True
        if found is None or found.source != mark.source:
            clash = f"{target} is there already, and was not unpacked from this file"
    if clash:
        raise ImageError(
            clash,
            where=scene.where,
            remedy="give --out a folder of its own, or rename the file",
        )
    taken.add(target.name.casefold())
    _write(target, scene, piece, mark)
    return False


def pieces(scene: Scene, choice: Choice) -> list[Piece]:
    """The pictures of a scene under a choice.

    Raises:
        ImageError: a time, depth or channel that the scene has not; or several depths and no
            choice among them.
    """
    times = _chosen(choice.time, scene.n_times, "time points", scene)
    if scene.n_depths > 1 and choice.depth is None:
        raise ImageError(
            f"holds {scene.n_depths} planes in depth",
            where=scene.where,
            remedy=f"say which with --z: {', '.join((EACH, *PROJECTIONS))}, or a number",
        )
    depth = choice.depth if scene.n_depths > 1 or choice.depth not in PROJECTIONS else None
    depths = (
        [depth] if depth in PROJECTIONS else _chosen(depth or EACH, scene.n_depths, "planes", scene)
    )
    found = []
    for time, plane, channels in product(times, depths, _channels(scene, choice.channel)):
        suffix = f"_t{time:03d}" if scene.n_times > 1 else ""
        if scene.n_depths > 1:
            suffix += f"_z{plane}" if isinstance(plane, str) else f"_z{plane:03d}"
        if len(channels) < scene.shape[0]:
            suffix += f"_{_channel_word(scene, channels[0])}"
        found.append(Piece(time, str(plane), channels, suffix))
    return found


def _chosen(word: str, count: int, what: str, scene: Scene) -> list[int]:
    if word == EACH:
        return list(range(1, count + 1))
    number = int(word)
    if not 1 <= number <= count:
        raise ImageError(
            f"has {count} {what}, none of number {number}",
            where=scene.where,
            remedy=f"choose from 1 to {count}",
        )
    return [number]


def _channels(scene: Scene, word: str) -> list[tuple[int, ...]]:
    count = scene.shape[0]
    if word == TOGETHER:
        return [tuple(range(count))]
    if word == EACH:
        return [(index,) for index in range(count)]
    if word in scene.channel_names:
        return [(scene.channel_names.index(word),)]
    if word.isdecimal() and 1 <= int(word) <= count:
        return [(int(word) - 1,)]
    names = [*scene.channel_names, *(str(number) for number in range(1, count + 1))]
    raise ImageError(
        f"has no channel {word!r}", where=scene.where, remedy=f"choose one of: {', '.join(names)}"
    )


def _channel_word(scene: Scene, channel: int) -> str:
    """Its name, with its number where another channel would be called the same."""
    words = [_fit_for_a_name(name) for name in scene.channel_names]
    if not words or not words[channel]:
        return f"c{channel + 1}"
    word = words[channel]
    twice = [other.casefold() for other in words].count(word.casefold()) > 1
    return f"{word}-c{channel + 1}" if twice else word


def _place(scene: Scene, number: int, n_scenes: int) -> str:
    """How a file name says where a scene lies: well and field, or its number."""
    if scene.well:
        return f"_{scene.well}" + (f"_f{scene.field}" if scene.field else f"_s{number}")
    return f"_s{number:03d}" if n_scenes > 1 else ""


def _fit_for_a_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", text).strip("-.")


def _write(target: Path, scene: Scene, piece: Piece, mark: Mark) -> None:
    pixels = _picture(scene, piece)[list(piece.channels)]
    names = [scene.channel_names[index] for index in piece.channels] if scene.channel_names else []
    write_tiff(
        target,
        pixels,
        pixel_size_um=scene.pixel_size_um,
        channel_names=names,
        description=str(mark),
    )


def _picture(scene: Scene, piece: Piece) -> Image:
    """``(C, H, W)``: one plane, or all depths of a time made into one."""
    time = piece.time - 1
    if piece.depth not in PROJECTIONS:
        return scene.plane(time, int(piece.depth) - 1)
    planes = (scene.plane(time, depth) for depth in range(scene.n_depths))
    if piece.depth == "sharpest":
        return max(planes, key=focus)
    picture = next(planes)
    if piece.depth == "max":
        for plane in planes:
            picture = np.maximum(picture, plane)
        return picture
    total = picture.astype(np.float64)
    for plane in planes:
        total += plane
    mean = total / scene.n_depths
    return (np.rint(mean) if picture.dtype.kind == "u" else mean).astype(picture.dtype)


def focus(image: Image) -> float:
    """How sharp a picture is: the variance of its Laplacian, summed over channels.

    Pertuz, Puig and Garcia, Analysis of focus measure operators for shape-from-focus, Pattern
    Recognition 46, 2013, measure LAP4.
    """
    return float(sum(cv2.Laplacian(one.astype(np.float32), cv2.CV_32F).var() for one in image))


def _check(choice: Choice) -> None:
    allowed = {
        "--z": (choice.depth, (EACH, *PROJECTIONS)),
        "--t": (choice.time, (EACH,)),
    }
    for option, (word, words) in allowed.items():
        if word is not None and word not in words and not word.isdecimal():
            raise ConfigError(f"{option} {word}", remedy=f"choose {', '.join(words)} or a number")


def _stems(files: Sequence[Path]) -> dict[Path, str]:
    """How the names of each file's pictures begin.

    Raises:
        ConfigError: two would begin alike.
    """
    stems: dict[Path, str] = {}
    owner: dict[str, Path] = {}
    for path in files:
        stem = stem_of(path)
        other = owner.setdefault(stem.casefold(), path)
        if other != path:
            raise ConfigError(
                f"{other} and {path} have one name, and so would their pictures",
                remedy="unpack them into folders of their own, or rename one",
            )
        stems[path] = stem
    return stems


def _row(target: Path, scene: Scene, piece: Piece) -> dict[str, str]:
    named = [scene.channel_names[index] for index in piece.channels] if scene.channel_names else []
    return {
        "image": target.name,
        "source": str(scene.where),
        "scene": scene.name,
        "well": scene.well,
        "field": scene.field,
        "time": str(piece.time),
        "depth": piece.depth,
        "channels": "; ".join(named) or str(len(piece.channels)),
        "height": str(scene.shape[1]),
        "width": str(scene.shape[2]),
        "pixel_size_um": "" if scene.pixel_size_um is None else f"{scene.pixel_size_um:.6g}",
    }


def _earlier_rows(path: Path, files: Sequence[Path]) -> list[dict[str, str]]:
    """Rows of a table that is there already, of other files than these, whose pictures exist.

    Raises:
        ConfigError: it is no table of pictures; it would be overwritten.
    """
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _no_table(path, why_unreadable(error)) from error
    if tuple(table.fieldnames or ()) != COLUMNS or any(None in row.values() for row in rows):
        raise _no_table(path, "it has other columns")
    sources = {str(one) for one in files}
    return [
        row
        for row in rows
        if row["source"] not in sources and (path.parent / row["image"]).is_file()
    ]


def _no_table(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"is there already, but is no table of `data unpack` ({why})",
        where=path,
        remedy="give --out a folder of its own, or move the file away",
    )


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
