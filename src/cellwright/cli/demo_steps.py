"""What the parts of ``cellwright demo`` share: saying what comes next, watching it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from cellwright.cli.console import Progress, say

Item = TypeVar("Item")


def announce(title: str, *command: str | Path) -> None:
    """Say what comes next, and the command that does it."""
    say(f"\n==> {title}")
    if command:
        say(f"    $ cellwright {shlex.join(map(str, command))}")


def watched(items: Iterable[Item], *, total: int, progress: Progress) -> Iterator[Item]:
    """The same items; ``progress`` hears of each that has been dealt with."""
    for done, item in enumerate(items):
        progress(done, total)
        yield item
    progress(total, total)
