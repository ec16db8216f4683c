"""Where Cellwright keeps what it fetched or unpacked."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """The folder ``CELLWRIGHT_CACHE`` names, else ``cellwright`` in the user's cache folder."""
    return Path(os.environ.get("CELLWRIGHT_CACHE") or user_cache_path("cellwright"))


def unpacked_folder() -> Path:
    """Where pictures lie that were written here, out of archives and files of channels."""
    return cache_folder() / "unpacked"


def was_unpacked(path: Path) -> bool:
    """Whether a picture was written here, and is not a file of somebody's set."""
    return unpacked_folder() in path.parents
