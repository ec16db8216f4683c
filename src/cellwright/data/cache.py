"""Where Cellwright keeps what it fetched or unpacked."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

UNPACKED = "unpacked"
"""Folder in the cache of pictures that were written here, out of archives and files of channels."""


def cache_folder() -> Path:
    """The folder ``CELLWRIGHT_CACHE`` names, else ``cellwright`` in the user's cache folder."""
    return Path(os.environ.get("CELLWRIGHT_CACHE") or user_cache_path("cellwright"))


def was_unpacked(path: Path) -> bool:
    """Whether a picture was written here, and is not a file of somebody's set."""
    return cache_folder() / UNPACKED in path.parents
