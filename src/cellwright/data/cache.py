"""Where Cellwright keeps what it fetched or unpacked."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """The folder ``CELLWRIGHT_CACHE`` names, else ``cellwright`` in the user's cache folder."""
    return Path(os.environ.get("CELLWRIGHT_CACHE") or user_cache_path("cellwright"))
