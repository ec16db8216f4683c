"""The tables in a study's README, written from its committed ``results.csv``, never by hand.

A block stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a table of the
results, or ``origin`` for where they come from.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cellwright.errors import DatasetError
from cellwright.images.write import atomic_path
from cellwright.studies.results import NOT_RUN, write_lines
from cellwright.studies.study import Place, Records, Study

RESULTS, ORIGIN, README = "results.csv", "origin.json", "README.md"
BLOCK = re.compile(r"<!-- table: (?P<name>[\w -]+) -->\n.*?<!-- end -->", re.DOTALL)

Line = dict[str, str]


def publish(study: Study, records: Records, table: Path) -> Path:
    """Make ``table`` the study's committed results and renew its README.

    Where a cell was not run the committed line stays, and the origin names both runs.

    Returns:
        The README.
    """
    lines, origin = _read_lines(table), origin_of(records)
    committed = study.folder / RESULTS
    if committed.exists() and any(line["note"] == NOT_RUN for line in lines):
        lines = _merged(_read_lines(committed), lines)
        origin = joined(json.loads((study.folder / ORIGIN).read_text(encoding="utf-8")), origin)
    write_lines(committed, lines)
    with atomic_path(study.folder / ORIGIN) as temporary:
        text = json.dumps(origin, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    page = study.folder / README
    text = filled(study)
    with atomic_path(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


def _read_lines(path: Path) -> list[Line]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _merged(committed: Sequence[Line], fresh: Sequence[Line]) -> list[Line]:
    """Fresh lines, committed ones where nothing was run; in the committed order, new ones last."""
    by_place = {_place(line): line for line in fresh}
    kept = {
        place: line if by_place[place]["note"] == NOT_RUN else by_place[place]
        for place, line in ((_place(line), line) for line in committed)
        if place in by_place
    }
    return list((kept | {p: line for p, line in by_place.items() if p not in kept}).values())


def _place(line: Line) -> Place:
    return line["table"], line["row"], line["metric"]


def origin_of(records: Records) -> dict[str, Any]:
    """Everything the cells of a run have in common, or each value where they differ."""
    done = [record for record in records.values() if record.finish == "done"]

    def distinct(values: Sequence[Any]) -> list[Any]:
        return sorted({value for value in values if value not in ("", None)})

    return {
        **{
            key: distinct([record.origin.get(key) for record in done])
            for key in ("command", "commit", "machine")
        },
        "date": max((record.origin["date"][:10] for record in done), default=""),
        "hours": round(sum(record.origin["seconds"] for record in done) / 3600, 2),
        "seeds": distinct([record.outcome.seed for record in done]),
        "data_checksums": distinct([record.outcome.data_checksum for record in done]),
    }


def joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The origin of figures of two runs; hours add up, the date is the later one."""
    lists = {
        key: sorted({*held, *other[key]}) for key, held in one.items() if isinstance(held, list)
    }
    return {
        **one,
        **lists,
        "date": max(one["date"], other["date"]),
        "hours": round(one["hours"] + other["hours"], 2),
    }


def filled(study: Study) -> str:
    """The study's README with every block made anew from its committed results.

    Raises:
        DatasetError: a block names a table that the results do not hold.
    """
    page = study.folder / README
    text = page.read_text(encoding="utf-8")
    results = study.folder / RESULTS
    if not results.exists():
        return text
    lines = _read_lines(results)

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        inner = _origin_words(study.folder / ORIGIN) if name == "origin" else pivot(lines, name)
        if not inner:
            raise DatasetError(f"the results hold no table {name!r}", where=page)
        return f"<!-- table: {name} -->\n{inner}\n<!-- end -->"

    return BLOCK.sub(block, text)


def pivot(lines: Sequence[Line], table: str) -> str:
    """A Markdown table, a column a metric: ours with its interval, then [published]."""
    own = [line for line in lines if line["table"] == table]
    metrics = list(dict.fromkeys(line["metric"] for line in own))
    cells: dict[str, dict[str, str]] = {}
    for line in own:
        cells.setdefault(line["row"], {})[line["metric"]] = shown(line)
    rows = [[row, *(found.get(metric, "") for metric in metrics)] for row, found in cells.items()]
    if not rows:
        return ""
    written = [["", *metrics], ["---"] * (1 + len(metrics)), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in written)


def shown(line: Line) -> str:
    """``95.3 (94.1 to 96.2) [95.2]``; ``not attempted: why [95.2]`` where there is no figure."""
    published = f" [{line['published']}]" if line["published"] else ""
    if line["status"] == "not attempted":
        return f"not attempted: {line['note']}{published}"
    ends = f" ({_short(line['low'])} to {_short(line['high'])})" if line["low"] else ""
    return f"{_short(line['value'])}{ends}{published}"


def _short(number: str) -> str:
    return f"{float(number):.3g}" if abs(float(number)) < 1000 else f"{float(number):,.0f}"


def _origin_words(path: Path) -> str:
    held = json.loads(path.read_text(encoding="utf-8"))
    commands = ", ".join(f"`{command}`" for command in held["command"])
    checksums = ", ".join(f"`{value[:16]}…`" for value in held["data_checksums"])
    return (
        f"{commands}; commit {', '.join(held['commit'])}; {held['date']}; "
        f"{'; '.join(held['machine'])}; {held['hours']} hours; seeds "
        f"{', '.join(map(str, held['seeds']))}; data checksum {checksums}."
    )
