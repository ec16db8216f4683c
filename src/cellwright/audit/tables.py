"""``suspects.csv``: written for a person with a spreadsheet, read back with their decisions.

Spreadsheets change files: they use semicolons where the comma is the decimal sign, add a byte
order mark, and turn ``007`` into 7. So a suspect is known by its own ``id``, which no
spreadsheet takes for a number, and only ``id`` and ``accept`` are read back.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from cellwright.audit.suspects import Suspect
from cellwright.data.csv_rows import table_text
from cellwright.errors import ConfigError
from cellwright.images.csv_table import write_csv

TABLE = "suspects.csv"
COLUMNS = (
    *("rank", "accept", "image", "kind", "label", "class", "proposed_class"),
    *("x_min", "y_min", "x_max", "y_max", "score", "reason", "seen_in_training", "model", "id"),
)

_WORDS = {
    **dict.fromkeys(("yes", "y", "true", "1", "x"), True),
    **dict.fromkeys(("no", "n", "false", "0", ""), False),
}


def write_suspects(
    path: Path, suspects: Sequence[Suspect], accepted: Mapping[str, bool] | None = None
) -> None:
    """One row a suspect, the most certain first; ``accept`` is empty where nothing is decided."""
    decided = accepted or {}
    words = {True: "yes", False: "no", None: ""}
    rows = (
        (
            *(one.rank, words[decided.get(one.id)], one.image, one.kind, one.label),
            *(one.class_name, one.proposed_class),
            *(round(value, 2) for value in one.corners),
            *(round(one.score, 4), one.reason, one.seen, one.model, one.id),
        )
        for one in suspects
    )
    write_csv(path, COLUMNS, rows)


def read_decisions(path: Path) -> dict[str, bool]:
    """Whether each suspect is accepted, by its id; rows with an empty ``accept`` are left out.

    Raises:
        ConfigError: unreadable, the columns ``id`` and ``accept`` are missing, a word that is
            neither yes nor no, or two decisions about one suspect.
    """
    remedy = f"give the {TABLE} of an audit, saved as CSV in UTF-8"
    text = table_text(path, kind=ConfigError, remedy=remedy)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return _decisions(csv.DictReader(io.StringIO(text), delimiter=delimiter), path)
    except csv.Error as error:
        raise ConfigError(
            f"cannot be read ({error})",
            where=path,
            remedy="correct it, or take the table anew from the audit",
        ) from error


def _decisions(reader: csv.DictReader[str], path: Path) -> dict[str, bool]:
    missing = {"id", "accept"} - set(reader.fieldnames or ())
    if missing:
        raise ConfigError(
            f"the column {sorted(missing)[0]!r} is missing",
            where=path,
            remedy=f"take the {TABLE} of an audit and fill in its column accept with yes or no",
        )
    found: dict[str, bool] = {}
    for row in reader:
        word, name = (row["accept"] or "").strip().lower(), (row["id"] or "").strip()
        where = f"{path}:{reader.line_num}"
        if word not in _WORDS:
            raise ConfigError(
                f"{row['accept']!r} is neither yes nor no", where=where, remedy="write yes or no"
            )
        if not word:
            continue
        if not name:
            raise ConfigError(
                "the row is decided but has no id", where=where, remedy="keep the column id"
            )
        if found.setdefault(name, _WORDS[word]) != _WORDS[word]:
            raise ConfigError(f"{name!r} is decided both ways", where=where, remedy="keep one row")
    return found


def holds_decisions(path: Path) -> bool:
    """Whether someone has decided anything in the table at ``path``."""
    return path.is_file() and bool(read_decisions(path))


def accepted_of(suspects: Sequence[Suspect], decisions: Mapping[str, bool]) -> list[Suspect]:
    """The suspects that were accepted.

    Raises:
        ConfigError: decisions about suspects that this audit does not have.
    """
    known = {one.id for one in suspects}
    strange = [name for name, accepted in decisions.items() if accepted and name not in known]
    if strange:
        raise ConfigError(
            f"{len(strange)} accepted rows are no suspects of this audit, for instance "
            f"{', '.join(strange[:3])}",
            where=TABLE,
            remedy="use the model, labels, split and runtime with which the table was made",
        )
    return [one for one in suspects if decisions.get(one.id)]
