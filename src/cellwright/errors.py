"""Every error Cellwright raises on purpose, and the sentence each one owes its reader.

A message says what is wrong, where, and the remedy. The command line prints it
without a traceback and exits with code 2; code that calls the library catches
:class:`CellwrightError` and nothing wider.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class CellwrightError(Exception):
    """Base of all expected errors: ``what`` is wrong, ``where``, and the ``remedy``.

    >>> str(CellwrightError("the file is empty", where="a.png", remedy="copy it again"))
    'a.png: the file is empty; copy it again'
    """

    def __init__(self, what: str, *, where: object = None, remedy: str = "") -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy
        message = what if self.where is None else f"{self.where}: {what}"
        super().__init__(f"{message}; {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors come back from the processes of a cluster as they were raised there.
        return _rebuilt, (type(self), self.args, dict(self.__dict__))


class ImageError(CellwrightError):
    """An image file that cannot be used: unreadable, hostile, or of a kind not supported."""


class AnnotationError(CellwrightError):
    """A label file or annotation that contradicts itself or its image."""


class DatasetError(CellwrightError):
    """A data set that is missing, incomplete, or of a layout that cannot be told."""


class LeakError(DatasetError):
    """A split in which the same picture, or the same group, stands on both sides."""


class ConfigError(CellwrightError):
    """A setting that is unknown or out of range."""


class BundleError(CellwrightError):
    """A bundle that is damaged, of another version, or fails its own test tensors."""


class MissingExtraError(CellwrightError):
    """An optional part of Cellwright that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs the package {package!r}, which is not installed",
            remedy=f"run: pip install 'cellwright[{extra}]'",
        )


class UnknownNameError(CellwrightError):
    """A name that stands in none of the rows of a table; the message lists the choices."""

    def __init__(self, kind: str, name: str, choices: Iterable[str]) -> None:
        known = sorted(choices)
        super().__init__(
            f"unknown {kind} {name!r}",
            remedy=f"{did_you_mean(name, known)}choose one of: {', '.join(known) or '(none)'}",
        )
        self.choices = known


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """A question that names the choice most like ``name``, with a blank behind; else empty.

    Case does not count, and the beginning of a name is enough.

    >>> did_you_mean("YOLO", ["coco", "yolo"]), did_you_mean("bccd", ["bccd_blood_cells"])
    ("did you mean 'yolo'? ", "did you mean 'bccd_blood_cells'? ")
    """
    by_case = {one.casefold(): one for one in sorted(choices)}
    typed = name.casefold()
    begun = [one for one in by_case if len(typed) > 2 and one.startswith(typed)]
    near = begun[:1] or get_close_matches(typed, by_case, n=1)
    return f"did you mean {by_case[near[0]]!r}? " if near else ""


_NO_TEXT = re.compile("[\ud800-\udfff]")

_REMEDY = "choose a folder you may write to, with room on its disk"

_CANNOT_WRITE = {
    **dict.fromkeys(
        (errno.EEXIST, errno.ENOTDIR), ("a file stands where a folder is needed", _REMEDY)
    ),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT), ("", _REMEDY)
    ),
    errno.EISDIR: ("it is a folder", "name a file, for instance one in it"),
    errno.ENOENT: ("its folder is not there", _REMEDY),
    errno.ENAMETOOLONG: ("its name is too long", "choose a shorter one"),
}


def unwritable(path: object, error: OSError) -> CellwrightError | None:
    """What the system says against writing ``path``, in words; None for what is no such thing.

    >>> str(unwritable("a/b.csv", NotADirectoryError(errno.ENOTDIR, "Not a directory")))[:62]
    'a/b.csv: cannot be written (a file stands where a folder is ne'
    """
    if error.errno not in _CANNOT_WRITE:
        return None
    what, remedy = _CANNOT_WRITE[error.errno]
    return CellwrightError(
        f"cannot be written ({what or error.strerror})", where=path, remedy=remedy
    )


def printable(text: str) -> str:
    r"""``text`` as a file in UTF-8 can hold it: a mark for each byte of a name that is no text.

    >>> printable("Zell\udce9_1.png") == "Zell\ufffd_1.png"
    True
    """
    return _NO_TEXT.sub("\ufffd", text)


def why_unreadable(error: Exception) -> str:
    """Why a file could not be read, in words: without the system's numbers or a codec's.

    >>> why_unreadable(PermissionError(errno.EACCES, "Permission denied", "a.csv"))
    'permission denied'
    """
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)


def _rebuilt(
    kind: type[CellwrightError], args: tuple[Any, ...], state: dict[str, Any]
) -> CellwrightError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error
