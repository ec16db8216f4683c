"""Long runs end when they are told to."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNAL_EXIT = 128
"""A shell's exit code of a process that a signal ended, less the signal's number."""


@contextmanager
def ends_when_told() -> Iterator[None]:
    """Within it SIGTERM raises ``SystemExit``, as Ctrl-C raises ``KeyboardInterrupt``.

    Batch systems, systemd and ``timeout`` send it to all processes of a run. Those that load
    images then die first, and a run that goes on after the failure of a part would take that
    for one and begin the next part.
    """
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    raise SystemExit(SIGNAL_EXIT + number)
