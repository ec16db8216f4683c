"""Running a grid: each cell once, its result in a file of its own, failures recorded.

    OUT/study.json          what was asked for
    OUT/cells/NAME.json     a finished cell: figures, command, commit, seed, data, machine
    OUT/cells/NAME.txt      the traceback of a failed one
    OUT/work/NAME/          what a cell needs while it works

A run may be of some of the cells only, by their names; the others come in a later run of the
same folder. A killed run started again does what is missing; a cell is done anew by deleting its
file.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cellwright.errors import (
    CellwrightError,
    ConfigError,
    DatasetError,
    MissingExtraError,
    UnknownNameError,
)
from cellwright.images.write import atomic_path
from cellwright.learning.provenance import commit, machine
from cellwright.studies.labels import load_set
from cellwright.studies.study import (
    Cell,
    Figure,
    NotAttempted,
    Outcome,
    Record,
    Records,
    Request,
    Study,
)

Told = Callable[[str], None]
"""Called with a sentence before and after each cell."""

ASKED = "study.json"


def run_study(
    study: Study,
    request: Request,
    *,
    only: Sequence[str] = (),
    command: str = "",
    tell: Told = lambda _: None,
) -> Records:
    """Measure what is missing.

    Args:
        study: whose grid.
        request: preset, data and folder of the run.
        only: names or patterns (``int8-*``) of cells; none for all of them.
        command: kept with every figure.
        tell: called with a sentence before and after each cell.

    Returns:
        Records of all cells that are done by now, in this run or before.

    Raises:
        ConfigError: the folder holds a run of another study, preset or data.
        DatasetError, AnnotationError: the data cannot be read.
        UnknownNameError: the study has no such preset or cell.
    """
    grid = study.plan(request)
    cells = cells_named(grid, only)
    before = (read_record(request.out, cell.name) for cell in cells)
    if request.data is not None and any(one is None or one.finish != "done" for one in before):
        load_set(request.data)  # else every cell would fail on its own, for the same reason
    claim(study, request)
    for number, cell in enumerate(cells, start=1):
        place = f"{number} of {len(cells)}: {cell.name}"
        held = read_record(request.out, cell.name)
        if held is not None and held.finish == "done":
            tell(f"{place}: done before")
            continue
        tell(f"{place} …")
        record = measure(cell, request.out, command=command)
        write_record(request.out, study.name, record)
        seconds = record.origin["seconds"]
        tell(f"{place}: {record.finish} after {seconds:.0f} s {record.reason}".rstrip())
    return records_of(grid, request.out)


def cells_named(cells: Sequence[Cell], only: Sequence[str]) -> list[Cell]:
    """The cells that any of the patterns names, in the order of the grid; all without patterns.

    Raises:
        UnknownNameError: a pattern names no cell.
    """
    for pattern in only:
        if not any(fnmatchcase(cell.name, pattern) for cell in cells):
            raise UnknownNameError("cell", pattern, [cell.name for cell in cells])
    if not only:
        return list(cells)
    return [cell for cell in cells if any(fnmatchcase(cell.name, pattern) for pattern in only)]


def measure(cell: Cell, out: Path, *, command: str) -> Record:
    """Run one cell; whatever goes wrong in it becomes its record."""
    start = time.perf_counter()
    outcome, reason = Outcome(()), ""
    finish: Any = "done"
    try:
        measured = cell.measure(out / "work" / cell.name)
        _json(asdict(measured))  # what cannot be written is a failure of this cell
        outcome = measured
    except (NotAttempted, MissingExtraError) as stop:
        finish, reason = "not attempted", stop.what
    except Exception as error:  # the rest of a long run must not fall with it
        finish = "failed"
        expected = isinstance(error, CellwrightError)
        reason = str(error) if expected else f"{type(error).__name__}: {error}"
        with atomic_path(out / "cells" / f"{cell.name}.txt") as temporary:
            temporary.write_text(traceback.format_exc(), encoding="utf-8")
    origin = {
        "command": command,
        "commit": commit(),
        "machine": machine(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - start, 1),
    }
    return Record(cell.name, finish, outcome, reason, origin)


def claim(study: Study, request: Request) -> None:
    """Write what is asked for into a new folder, or check that it is what the folder holds.

    Raises:
        ConfigError: something else was asked for there, or the preset was another then.
    """
    settings = study.settings(request.preset)
    wanted = {"study": study.name, "preset": request.preset, "data": request.data}
    path = request.out / ASKED
    if not path.exists():
        _write_json(path, wanted | {"settings": settings})
        return
    held = json.loads(path.read_text(encoding="utf-8"))
    # Tuples and paths become what they are in the file.
    changed = held.pop("settings", None) != json.loads(_json(settings))
    if changed or held != wanted:
        run = f"the run {_words(held)}" + (" with other settings" if held == wanted else "")
        raise ConfigError(
            f"the folder holds {run}, not {_words(wanted)}",
            where=request.out,
            remedy="choose another --out, or delete this folder",
        )


def asked(study: Study, out: Path) -> Request:
    """The request whose run lies in ``out``.

    Raises:
        DatasetError: there is no run, or one of another study.
    """
    path = out / ASKED
    if not path.exists():
        raise DatasetError(
            f"there is no run of {study.name} here",
            where=out,
            remedy=f"run `cellwright study run {study.name}` first, or give its --out",
        )
    held = json.loads(path.read_text(encoding="utf-8"))
    if held["study"] != study.name:
        raise DatasetError(f"this is a run of {held['study']}, not of {study.name}", where=out)
    return Request(held["preset"], held["data"], out)


def records_of(cells: Sequence[Cell], out: Path) -> Records:
    """Records of the cells that were run, in the order of the grid."""
    found = {cell.name: read_record(out, cell.name) for cell in cells}
    return {name: record for name, record in found.items() if record is not None}


def read_record(out: Path, name: str) -> Record | None:
    """The record of a cell, None where it was not run."""
    path = out / "cells" / f"{name}.json"
    if not path.exists():
        return None
    held = json.loads(path.read_text(encoding="utf-8"))
    figures = tuple(Figure(**figure) for figure in held["figures"])
    keys = ("seed", "data", "data_checksum", "details")
    outcome = Outcome(figures, **{key: held[key] for key in keys})
    return Record(name, held["finish"], outcome, held["reason"], held["origin"])


def write_record(out: Path, study: str, record: Record) -> None:
    """Write ``OUT/cells/NAME.json``; a trace of an earlier failure goes with success."""
    outcome = asdict(record.outcome)
    content = {
        "study": study,
        "cell": record.cell,
        "finish": record.finish,
        "reason": record.reason,
        **outcome,
        "origin": dict(record.origin),
    }
    _write_json(out / "cells" / f"{record.cell}.json", content)
    if record.finish != "failed":
        (out / "cells" / f"{record.cell}.txt").unlink(missing_ok=True)


def _write_json(path: Path, content: object) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(_json(content) + "\n", encoding="utf-8")


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _words(asked_for: dict[str, Any]) -> str:
    data = f" --data {asked_for['data']}" if asked_for["data"] else ""
    return f"`{asked_for['study']} --preset {asked_for['preset']}{data}`"
