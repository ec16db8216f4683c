"""What the file of a new bundle may be called: its stem becomes the model's name."""

from __future__ import annotations

import re
from pathlib import Path

from cellwright.bundles.bundle import SUFFIX, Bundle
from cellwright.bundles.card import NAME_IN_WORDS, NAME_PATTERN
from cellwright.errors import ConfigError


def check_name(out: Path, bundle: Bundle) -> None:
    """Refuse a name before any work.

    Args:
        out: the new bundle.
        bundle: what it is made from.

    Raises:
        ConfigError: ``out`` cannot be the name of a bundle, or is the bundle itself.
    """
    if out.suffix != SUFFIX or not re.fullmatch(NAME_PATTERN, out.stem):
        raise ConfigError(
            "this cannot be the name of a bundle",
            where=out,
            remedy=f"give a file like {bundle.card.name}-new{SUFFIX}: {NAME_IN_WORDS}",
        )
    if out.exists() and out.samefile(bundle.path):
        raise ConfigError(
            "the new bundle would replace the one it is made from",
            where=out,
            remedy="give it another name",
        )
