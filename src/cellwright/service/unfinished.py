"""Files on their way, named after the process that makes them, so that none outlives it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from cellwright.service.processes import runs

FORGOTTEN_S = 24 * 3600
"""What another machine began is taken for left behind after so long."""

_NAME = re.compile(r"\.?(?P<host>.+)\.(?P<pid>\d+)\.(?P<born>\d+)\.[0-9a-f]{32}")


def unfinished_name() -> str:
    """A new name that tells this process."""
    pid = os.getpid()
    born = int(psutil.Process(pid).create_time())
    return f"{socket.gethostname()[:100]}.{pid}.{born}.{secrets.token_hex(16)}"


def remove_left_behind(paths: Iterable[Path]) -> None:
    """Delete those files and folders whose process is gone, or whose name tells none."""
    for path in paths:
        if _is_left_behind(path):
            shutil.rmtree(path, ignore_errors=True)
            if not path.is_dir():
                path.unlink(missing_ok=True)


def _is_left_behind(path: Path) -> bool:
    told = _NAME.fullmatch(path.name)
    if told is None or told["host"] != socket.gethostname()[:100]:
        try:
            return time.time() - path.stat().st_mtime > FORGOTTEN_S
        except FileNotFoundError:
            return False
    return not runs(int(told["pid"]), int(told["born"]), within_s=2)
