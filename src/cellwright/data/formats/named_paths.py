"""Paths that stand in a label file: checked before the system is asked for them."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from cellwright.errors import AnnotationError


def inner_path(name: str, *, where: object) -> str:
    """A path named inside a label file, checked to stay below the set's folder.

    Raises:
        AnnotationError: an absolute path, one that climbs out with ``..``, or one too long for any.
    """
    refuse_long(name, where=where)
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or "\0" in name:
        raise AnnotationError(
            f"the path {name!r} leads out of the data set",
            where=where,
            remedy="name files relative to the set's own folder",
        )
    return path.as_posix()


def refuse_long(name: str, *, where: object) -> None:
    """Refuse a path longer than systems allow, which they answer with an error of their own.

    Raises:
        AnnotationError: it is.
    """
    if len(name) > 4000 or any(
        len(part.encode(errors="replace")) > 255 for part in name.split("/")
    ):
        raise AnnotationError(
            f"the path {name[:40]!r}… is longer than any file's", where=where, remedy="correct it"
        )
