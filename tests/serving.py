"""A real ``cellwright serve`` in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

PATIENCE_S = 300

Served = tuple[str, "subprocess.Popen[str]"]


@contextmanager
def served(data: Path, *more: object, port: int = 0) -> Iterator[Served]:
    """Address and process of a service that keeps its files in ``data``; killed at the end.

    ``more``: further words of the command line, as ``"--model", path``.
    """
    command = [sys.executable, "-m", "cellwright.cli.main", "serve", "--port", str(port)]
    command += ["--data", str(data), "--threads", "1", "--runtime", "onnxruntime"]
    command += map(str, more)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    try:
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found, process.stderr.read()
        yield found[0], process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def wait_for(
    client: httpx.Client, job: str, enough: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The job once it is ``enough``."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        state: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
        if enough(state):
            return state
        time.sleep(0.02)
    raise AssertionError(state)
