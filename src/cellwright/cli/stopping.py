"""Long runs end when they are told to."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ends_when_told() -> Iterator[None]:
    """Within it SIGTERM ends the process at once, whoever else handles it.

    Batch systems, systemd and ``timeout`` send it to all processes of a run. Those that load
    images then die first, the trainer raises, and a run that goes on after the failure of a part
    would begin the next one. An exception would not do: the death of a loader raises another in
    its place. Lightning alone would end the training and let the command go on as if it were
    done. What is on disk is whole at any moment, so nothing is lost.
    """
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    signal.signal(number, signal.SIG_DFL)
    # Loaders that outlive this process print how their connection broke. They go first, and
    # nobody is told of their death.
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for child in multiprocessing.active_children():
        child.kill()
    os.kill(os.getpid(), number)
