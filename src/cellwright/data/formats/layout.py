"""What all folder formats share: finding images, naming records, copying images out.

A record's id is the file's stem where stems are unique in the set, else the path below
the set's folder. What a format has no place for (group, pixel size, split) stands in
the sidecar ``cellwright.csv``, see :mod:`cellwright.data.formats.sidecar`.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cellwright.data.formats.sidecar import NO_ROW, SidecarRow, read_sidecar, write_sidecar
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import (
    AnnotationError,
    CellwrightError,
    DatasetError,
    unwritable,
    why_unreadable,
)
from cellwright.images.read import IMAGE_SUFFIXES, stem_of
from cellwright.images.write import make_folder
from cellwright.types import Annotation

SPLIT_OF_FOLDER = {"train": "train", "valid": "val", "val": "val", "test": "test"}
"""Folder names that say which part of a split their images belong to."""

FOLDER_OF_SPLIT = {"train": "train", "val": "valid", "test": "test"}
"""The folder names written, as Roboflow writes them."""

MAX_TEXT_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Known:
    """An annotation that was read with the label file: a picklable call that returns it."""

    annotation: Annotation | None

    def __call__(self) -> Annotation | None:
        """The annotation."""
        return self.annotation


class Unreadable:
    """The annotation of an image that cannot be had: calling it raises what was wrong.

    So one damaged file does not hide what the others hold.

    Attributes:
        error: of the image, or an AnnotationError of its labels.
    """

    def __init__(self, error: CellwrightError) -> None:
        self.error = error

    def __call__(self) -> Annotation | None:
        """Raise the error."""
        # A copy: one that is raised again and again gathers the tracebacks of all its readers.
        raise copy(self.error)


class Entry(NamedTuple):
    """An image a reader found, before it has an id; without a group it is one of its own."""

    image_path: Path
    load_annotation: Callable[[], Annotation | None]
    split: str | None = None
    problems: tuple[str, ...] = ()
    group: str = ""


def refusal(errors: Sequence[CellwrightError]) -> CellwrightError:
    """The first of the errors, which says how many others there are."""
    first, others = copy(errors[0]), len(errors) - 1
    if not others:
        return first
    remedy = f"{first.remedy}; " if first.remedy else ""
    images = f"{others} more image{'' if others == 1 else 's'}"
    more = f"so with the labels of {images}: `cellwright data inspect` lists them all"
    return type(first)(first.what, where=first.where, remedy=remedy + more)


class Placed(NamedTuple):
    """A record and where a writer put its image."""

    record: Record
    image_path: Path


def is_image(path: Path) -> bool:
    """Whether a file's name is that of an image; hidden files never are."""
    return path.name.lower().endswith(tuple(IMAGE_SUFFIXES)) and not path.name.startswith(".")


def find_images(folder: Path, *, pattern: str = "*") -> list[Path]:
    """The images directly in a folder (``pattern="**/*"``: also below it), sorted."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.glob(pattern) if not is_hidden(path, folder))
    return sorted(path for path in found if is_image(path) and path.is_file())


def is_hidden(path: Path, folder: Path) -> bool:
    """Whether a path below the folder is hidden, or in what is: so notebooks keep old copies."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def flat_images(folder: Path) -> list[Path]:
    """:func:`find_images` of a layout that pairs names in one folder with names in another.

    Raises:
        DatasetError: images in a folder within, whose labels nobody would look for.
    """
    images = find_images(folder)
    deeper = sorted(set(find_images(folder, pattern="**/*")) - set(images))
    if deeper:
        raise DatasetError(
            f"{len(deeper)} images lie in folders within, for instance "
            f"{deeper[0].relative_to(folder).as_posix()}",
            where=folder,
            remedy="put the images side by side, and so their labels, or move those folders away",
        )
    return images


def by_stem(images: Iterable[Path]) -> dict[str, Path]:
    """Images, or label files, of one folder by stem, so that they meet.

    The labels of ``a.ome.tif`` may be called ``a.txt`` or ``a.ome.txt``.

    Raises:
        DatasetError: two of one stem, so that it could mean either.
    """
    found: dict[str, Path] = {}
    for path in images:
        other = found.setdefault(stem_of(path), path)
        if other != path:
            raise DatasetError(
                f"{other.name} and {path.name} share a stem: their labels cannot be told apart",
                where=path.parent,
                remedy="rename one of the two",
            )
    return found


def first_folder(root: Path, names: Sequence[str]) -> Path | None:
    """The first of these folders that exists below ``root``."""
    return next((root / name for name in names if (root / name).is_dir()), None)


def refuse_orphans(labels: Iterable[Path], images: Iterable[str], *, where: Path) -> None:
    """Refuse label files whose image is missing; files are matched by stem.

    Raises:
        DatasetError: names how many there are and the first.
    """
    orphans = sorted({stem_of(path) for path in labels} - set(images))
    if orphans:
        raise DatasetError(
            f"{len(orphans)} label files have no image, for instance {orphans[0]!r}",
            where=where,
            remedy="add the images or remove the label files",
        )


def read_text(path: Path, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """A label file's text (UTF-8, with or without byte order mark).

    Raises:
        AnnotationError: unreadable, too large or not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise AnnotationError(
                f"{size / 2**20:.0f} MiB is more than a label file may have "
                f"({max_bytes / 2**20:.0f} MiB)",
                where=path,
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AnnotationError(
            f"cannot be read ({why_unreadable(error)})",
            where=path,
            remedy="see that it is there and that you may read it",
        ) from error
    except UnicodeDecodeError as error:
        raise AnnotationError("is not UTF-8 text", where=path) from error


def read_filled(path: Path, *, remedy: str, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """:func:`read_text` of a file that must say something, since emptiness has no meaning there.

    Raises:
        AnnotationError: empty, unreadable, too large or not UTF-8.
    """
    text = read_text(path, max_bytes=max_bytes)
    if not text.strip():
        raise AnnotationError("the label file is empty", where=path, remedy=remedy)
    return text


def assemble(root: Path, entries: Iterable[Entry], classes: Sequence[str]) -> LabelledSet:
    """Give every entry its id, group, split and pixel size, and make the set.

    Raises:
        DatasetError: no images at all, or a sidecar row without its image.
    """
    found = list(entries)
    if not found:
        raise DatasetError("holds no images", where=root, remedy="check the path")
    names = _ids(root, [entry.image_path for entry in found])
    sidecar = read_sidecar(root)
    grouped = any(row.group != row.id.strip() for row in sidecar.values())
    records = []
    for name, entry in zip(names, found, strict=True):
        row = sidecar.pop(entry.image_path.relative_to(root).as_posix(), None)
        alone = grouped and row is None and not entry.group
        row = row or SidecarRow(name, entry.group or name, entry.split, None)
        records.append(
            Record(
                id=row.id,
                image_path=entry.image_path,
                load_annotation=entry.load_annotation,
                group=row.group,
                split=row.split,
                pixel_size_um=row.pixel_size_um,
                problems=(*entry.problems, NO_ROW) if alone else entry.problems,
            )
        )
    if sidecar:
        raise DatasetError(
            f"{len(sidecar)} rows of cellwright.csv have no image, for instance "
            f"{next(iter(sidecar))!r}",
            where=root,
            remedy="add the images or remove the rows",
        )
    records.sort(key=lambda record: record.id)
    return LabelledSet(root.resolve().name, tuple(classes), tuple(records))


def _ids(root: Path, images: Sequence[Path]) -> list[str]:
    """Stems where unique, else paths below root without suffix, else with it."""
    relative = [path.relative_to(root) for path in images]
    stems = Counter(stem_of(path) for path in relative)
    places = [path.with_name(stem_of(path)).as_posix() for path in relative]
    counts = Counter(places)
    return [
        stem_of(path)
        if stems[stem_of(path)] == 1
        else (place if counts[place] == 1 else path.as_posix())
        for path, place in zip(relative, places, strict=True)
    ]


def refuse_filled(path: Path) -> None:
    """Refuse a place for a new folder before any work.

    Raises:
        DatasetError: something stands there already, or it is the folder one works in.
    """
    if path.resolve() == Path.cwd():
        raise DatasetError(
            "is the folder you are in, which cannot be put in place when it is complete",
            where=path,
            remedy="name a new folder",
        )
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise DatasetError(
            "stands there already and is not an empty folder",
            where=path,
            remedy="name a new folder",
        )


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that appears under its name only when everything in it is written.

    Raises:
        DatasetError: something stands there already.
        CellwrightError: the place cannot be written.
    """
    refuse_filled(path)
    path = path.resolve()  # a link stays, what it leads to is filled
    make_folder(path.parent)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        told = unwritable(path, error)
        if told is None:
            raise
        raise told from error
    try:
        temporary.chmod(0o755)
        yield temporary
        if path.exists():
            path.rmdir()
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def fill_once(path: Path, fill: Callable[[Path], None]) -> None:
    """A folder of the cache that ``fill`` fills, unless it holds something already.

    For content that any process would write alike: of two that write it at once, the folder of
    the first stays. What a user asked to be written is for :func:`new_folder`.
    """
    if is_filled(path):
        return
    try:
        with new_folder(path) as temporary:
            fill(temporary)
    except (OSError, DatasetError):
        # A folder that came meanwhile is complete: it appears under its name only then.
        if not is_filled(path):
            raise


def is_filled(path: Path) -> bool:
    """Whether this is a folder that holds something."""
    return path.is_dir() and any(path.iterdir())


def place_images(
    labelled: LabelledSet, out: Path, *, folder_of: Callable[[Record], str]
) -> list[Placed]:
    """Copy every image, byte for byte, below ``out`` and write the sidecar.

    Stems are unique in the whole set, so label files named after them cannot collide.

    Raises:
        DatasetError: an image file is missing.
    """
    placed: list[Placed] = []
    rows: dict[str, SidecarRow] = {}
    taken: set[str] = set()
    for record in labelled:
        place = PurePosixPath(folder_of(record), _free_name(record, taken))
        target = out / place
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(record.image_path, target)
        except OSError as error:
            raise DatasetError(
                f"the image of {record.id!r} cannot be copied ({why_unreadable(error)})",
                where=record.image_path,
                remedy="see that you may read it, and that the disk has room for it",
            ) from error
        placed.append(Placed(record, target))
        rows[place.as_posix()] = SidecarRow(
            record.id, record.group, record.split, record.pixel_size_um
        )
    write_sidecar(out, rows)
    return placed


def _free_name(record: Record, taken: set[str]) -> str:
    """A portable file name for the record's image; its stem is added to ``taken``."""
    suffix = record.image_path.name[len(stem_of(record.image_path)) :].lower()
    base = plain_stem(record.id)
    stem, number = base, 1
    # Compared without case: some file systems do not tell A.png from a.png.
    while stem.lower() in taken:
        number += 1
        stem = f"{base}_{number}"
    taken.add(stem.lower())
    return stem + suffix


def plain_stem(name: str) -> str:
    """A stem that every file system takes, for an image of this id."""
    return re.sub(r"[^\w.()-]+", "_", name, flags=re.ASCII).strip(".") or "image"
