"""Files of several scenes, times and depths: what microscopes write, plane by plane.

A row of :data:`SCENES` for each kind of file. Their readers come with the extra ``bio`` (TIFF needs
none) and were chosen for their licences: each may be shipped beside closed software.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from cellwright.errors import ConfigError, ImageError
from cellwright.images.headers import stack_kind_of
from cellwright.images.picture import MAX_PIXELS
from cellwright.images.scenes.czi import open_czi
from cellwright.images.scenes.lif import open_lif
from cellwright.images.scenes.nd2 import open_nd2
from cellwright.images.scenes.ome_zarr import is_ome_zarr, open_ome_zarr
from cellwright.images.scenes.scene import Scene
from cellwright.images.scenes.tiff import open_tiff_scenes

__all__ = ["SCENES", "Kind", "Scene", "kind_of_scenes", "list_scene_files", "open_scenes"]


class Kind(NamedTuple):
    """A kind of file: how it is opened, and how its name ends."""

    open: Callable[..., AbstractContextManager[tuple[Scene, ...]]]
    suffixes: tuple[str, ...]


SCENES: dict[str, Kind] = {
    "CZI": Kind(open_czi, (".czi",)),
    "LIF": Kind(open_lif, (".lif",)),
    "ND2": Kind(open_nd2, (".nd2",)),
    "OME-Zarr": Kind(open_ome_zarr, (".zarr",)),
    "TIFF": Kind(open_tiff_scenes, (".tif", ".tiff", ".lsm", ".stk")),
}
"""By the name of the kind; each opener takes a path and ``max_pixels``, the limit of a plane."""


def kind_of_scenes(path: Path) -> str:
    """Row of :data:`SCENES`, told by the content.

    Raises:
        ImageError: no such file, or another kind.
    """
    if is_ome_zarr(path):
        return "OME-Zarr"
    kind = stack_kind_of(path)
    if kind is None and not path.stat().st_size:
        raise ImageError("the file is empty (0 bytes)", where=path, remedy="copy it again")
    if kind is None:
        raise ImageError(
            "holds no stack that can be taken apart",
            where=path,
            remedy=f"give files of one of these kinds: {', '.join(SCENES)}",
        )
    return kind


def open_scenes(
    path: Path, *, max_pixels: int = MAX_PIXELS
) -> AbstractContextManager[tuple[Scene, ...]]:
    """Everything that a file holds; the scenes can be read while the block runs.

    Args:
        path: a file, or a folder of OME-Zarr.
        max_pixels: refuse planes with more values (channels x height x width).

    Raises:
        ImageError: damaged, too large, of another kind, or stored in a way that is not supported.
        MissingExtraError: the kind needs the extra ``bio``.
    """
    return SCENES[kind_of_scenes(path)].open(path, max_pixels=max_pixels)


def list_scene_files(inputs: Sequence[Path], *, apart_from: Path | None = None) -> list[Path]:
    """Files as given, and those that lie in folders, by their suffix; each once.

    Args:
        inputs: files and folders.
        apart_from: a folder below them that is passed over: where their pictures go.

    Raises:
        ConfigError: ``apart_from`` is one of the folders.
        ImageError: a path that does not exist, or a folder without such a file.
    """
    found: dict[Path, None] = {}
    for given in inputs:
        if not os.path.lexists(given):
            raise ImageError("does not exist", where=given, remedy="check the path")
        if not given.is_dir() or is_ome_zarr(given):
            found[given] = None
            continue
        if apart_from is not None and given.resolve() == apart_from.resolve():
            raise ConfigError(
                f"{given} is to be unpacked into itself: its pictures would lie among its stacks",
                remedy="give --out another folder; it may lie below this one",
            )
        below = sorted(_below(given, apart_from))
        if not below:
            suffixes = ", ".join(suffix for kind in SCENES.values() for suffix in kind.suffixes)
            raise ImageError(
                "the folder holds no such files", where=given, remedy=f"they end in {suffixes}"
            )
        found.update(dict.fromkeys(below))
    return list(found)


def _below(folder: Path, apart_from: Path | None) -> Iterator[Path]:
    left_out = None if apart_from is None else apart_from.resolve()
    suffixes = tuple(suffix for kind in SCENES.values() for suffix in kind.suffixes)
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(where, name).resolve() != left_out]
        pyramids = {name for name in folders if is_ome_zarr(Path(where, name))}
        yield from (Path(where, name) for name in pyramids)
        folders[:] = [name for name in folders if name not in pyramids and name[0] != "."]
        for name in files:
            if name[0] != "." and name.lower().endswith(suffixes):
                yield Path(where, name)
