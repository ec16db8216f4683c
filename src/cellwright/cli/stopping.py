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
    """Within it SIGTERM and Ctrl-C end the process at once, whoever else handles them.

    Batch systems, systemd, ``timeout`` and a terminal tell all processes of a run. Those that load
    images then die first, the trainer raises, and a run that goes on after the failure of a part
    would begin the next one. An exception would not do: the death of a loader raises another in
    its place. Lightning alone would end the training and let the command go on as if it were
    done, or end it with the exit code of an error. What is on disk is whole at any moment, so
    nothing is lost.
    """
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    signal.signal(number, signal.SIG_DFL)
    # Loaders that outlive this process print how their connection broke. They go first, and
    # nobody is told of their death.
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for child in multiprocessing.active_children():
        child.kill()
    if number == signal.SIGINT and multiprocessing.parent_process() is None:
        os.write(2, b"\nstopped: what is done is kept\n")
    os.kill(os.getpid(), number)
