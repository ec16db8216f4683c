"""Whether a process of this machine that left its name somewhere still runs."""

from __future__ import annotations

import psutil


def runs(pid: int, started: float, *, within_s: float) -> bool:
    """Whether the process still runs, and is not another of its number.

    Args:
        pid: its number.
        started: when it was started, seconds since 1970, as far as that was noted.
        within_s: how exactly it was.
    """
    try:
        found: float = psutil.Process(pid).create_time()
    except psutil.Error:
        return False
    return abs(found - started) < within_s
