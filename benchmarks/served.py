"""A service of its own process, for benchmarks that look at it from outside."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def serving(data: Path, *options: str) -> Iterator[tuple[str, psutil.Process]]:
    """``HOST:PORT`` and process of ``cellwright serve``, ended when the block is."""
    command = [sys.executable, "-m", "cellwright.cli.main", "serve", "--port", "0"]
    command += ["--data", str(data), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://([\d.:]+)", process.stderr.readline() if process.stderr else "")
        if found is None:
            raise RuntimeError("the service did not start")
        yield found[1], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)
