"""Long runs end when they are told to."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GOES_ON = "images that are done are kept; the same command goes on with the others"
GOES_ON_WITHOUT_REPLACE = (
    "images that are done are kept; the same command without --existing replace goes on"
)
BEGINS_ANEW = "no table or report was written; the same command begins anew"


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


@contextmanager
def told_when_stopped(then: str) -> Iterator[None]:
    """Says on stderr, after Ctrl-C within it, what that left and what the same command does."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nstopped: {then}", file=sys.stderr, flush=True)
        raise


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
