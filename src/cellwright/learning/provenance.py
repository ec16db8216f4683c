"""Where a figure comes from: the commit and the machine it was made on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import torch


def commit() -> str:
    """Commit of the source tree this package runs from, ``+changes`` if edited, else empty."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", *words],  # noqa: S607 - whichever git the user has
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        revision = git("rev-parse", "--short=12", "HEAD")
        edited = git("status", "--porcelain", "--untracked-files=no", "--", str(here.parent))
    except FileNotFoundError:
        return ""
    return f"{revision}+changes" if revision and edited else revision


def machine() -> str:
    """Processor, cores, threads in use and accelerator, in words; names no host or person."""
    cpu = torch.cpu.get_capabilities().get("cpu_name") or platform.processor()
    parts = [
        f"{cpu} {platform.machine()}",
        f"{os.cpu_count()} cores",
        f"{torch.get_num_threads()} threads",
        f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}",
    ]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)
