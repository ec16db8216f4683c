"""Results files: a figure with the command, commit, machine and settings it came from."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from cellwright.images.write import atomic_path
from cellwright.learning.provenance import commit, machine

RESULTS = Path(__file__).parent / "results"


def write_results(name: str, content: dict[str, Any]) -> Path:
    """Write ``benchmarks/results/NAME.json`` under the command that started this process."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    origin = {
        "command": shlex.join(["python", *sys.argv]),
        "commit": commit(),
        "machine": machine(),
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(origin | content, indent=2) + "\n", encoding="utf-8")
    return path
