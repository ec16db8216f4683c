"""What a person sees: results on stdout, progress and remarks on stderr.

A bar is drawn only on a terminal, so logs and pipes stay clean.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cellwright.errors import CellwrightError, ConfigError, printable

if TYPE_CHECKING:
    from cellwright.assays.tables import LeftOut

Cell: TypeAlias = str | int | float | None
Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) after every step."""

STDOUT = Path("-")
EXIT_EXPECTED_ERROR = 2

KINDS_SHOWN = 5
"""Kinds of reasons that are told on the terminal; the tables hold all."""


def say(text: str) -> None:
    """A remark for the person at the terminal, on stderr."""
    print(text, file=sys.stderr, flush=True)


def typed_command() -> str:
    """What was typed, for a card or a table: whoever reads it can do the same again."""
    return shlex.join(["cellwright", *sys.argv[1:]])


def file_for_json(target: Path | None) -> Path | None:
    """The option ``--json`` as it was given, looked at before the work whose figures it gets.

    Raises:
        ConfigError: it is a folder, or would lie below a file.
    """
    if target is None or target == STDOUT:
        return target
    if target.is_dir():
        raise ConfigError(
            "--json names a folder", where=target, remedy="name a file, for instance one in it"
        )
    above = next(folder for folder in target.absolute().parents if folder.exists())
    if not above.is_dir():
        raise ConfigError(
            f"--json names a file below {above}, which is no folder",
            where=target,
            remedy="name a file in a folder",
        )
    return target


def file_that_is_new(target: Path) -> Path:
    """An option that names what a command makes once, looked at before the work.

    Raises:
        ConfigError: a file of that name is there; what was made with it could not be made again.
    """
    if target.is_file():
        raise ConfigError(
            "a file of this name is there already, and is kept",
            where=target,
            remedy="give --out another name, or remove the file first",
        )
    return target


def write_json(value: object, target: Path | None) -> bool:
    """Write ``value`` as JSON into ``target``, or onto stdout where that is ``-``.

    Returns:
        Whether stdout is taken, so that nothing for people may be printed there.
    """
    if target is None:
        return False
    text = printable(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"
    if target == STDOUT:
        sys.stdout.write(text)
        return True
    from cellwright.images.write import atomic_path

    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return False


def counted(number: int, noun: str) -> str:
    """``1 image``, ``2,000 images``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shown(value: Cell) -> str:
    """A table cell as text: four digits for fractions, a dash for what is unknown.

    >>> [shown(value) for value in (0.98765, 12, "a", None)]
    ['0.9877', '12', 'a', '–']
    """
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str = "") -> None:
    """A table on stdout, as wide as it needs to be where stdout is no terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    values = [tuple(row) for row in rows]
    for index, column in enumerate(columns):
        numeric = values and all(isinstance(row[index], int | float | None) for row in values)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in values:
        table.add_row(*(Text(shown(value)) for value in row))
    width = None if sys.stdout.isatty() else 200
    if title:
        print(title)  # rich would fold it to the width of the table
    Console(width=width, highlight=False).print(table)


@contextmanager
def progress_bar(description: str) -> Iterator[Progress]:
    """A bar on stderr for the steps of one job; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class DownloadBar:
    """Bytes of a download on stderr; draws nothing where stderr is no terminal.

    Attributes:
        total: bytes expected; whoever downloads sets it.
    """

    def __init__(self, description: str) -> None:
        from rich import progress as rich_progress
        from rich.console import Console

        self.total = 0
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(),
            rich_progress.DownloadColumn(),
            rich_progress.TransferSpeedColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(description, total=None)
        self._bar.start()

    def update(self, n_bytes: int) -> None:
        """So many bytes more have come."""
        self._bar.update(self._task, advance=n_bytes, total=self.total or None)

    def reset(self) -> None:
        """Count from zero again."""
        self._bar.reset(self._task)

    def close(self) -> None:
        """Leave the finished bar on the terminal."""
        self._bar.stop()


class Missed(NamedTuple):
    """An input without a result: which, why, and what helps."""

    name: str
    reason: str
    remedy: str


def say_missed(missed: Sequence[Missed], listed: Path, *, n_done: int, verb: str) -> None:
    """What has no result on stderr: each kind of reason once, with its remedy; where all stand.

    Args:
        missed: inputs without a result.
        listed: the table that holds all of them.
        n_done: how many have one.
        verb: what was not done to the others, for instance ``not counted``.

    Raises:
        CellwrightError: none has a result; it says the first reason and its remedy.
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for name, reason, remedy in missed:
        kinds.setdefault((reason, remedy), []).append(name)
    # The first is in the error where there is no result at all.
    shown = list(kinds.items())[0 if n_done else 1 : KINDS_SHOWN]
    for (reason, remedy), (first, *others) in shown:
        more = f" and {len(others):,} more" if others else ""
        say(f"{verb}: {first}{more}: {reason}{f'; {remedy}' if remedy else ''}")
    if missed and not n_done:
        first, reason, remedy = missed[0]
        everyone = f"{counted(len(missed), 'file')} listed in {listed}"
        raise CellwrightError(
            f"there is no result at all: {first}: {reason}",
            remedy=f"{remedy} ({everyone})" if remedy else everyone,
        )
    if missed:
        say(f"{counted(len(missed), 'file')} {verb}: all are listed in {listed}")


def say_no_cells(n_images: int, n_cells: int) -> None:
    """That images were looked at and no cell was found, on stderr."""
    if n_images and not n_cells:
        say(
            f"No cell was found in {counted(n_images, 'image')}: check that the model is for such "
            "images, and that their pixel size is right (--pixel-size)"
        )


def say_end(
    left_out: Sequence[LeftOut], out: Path, *, n_images: int, n_cells: int, verb: str
) -> None:
    """The end of an assay on stderr: what has no result, whether there are cells, the report.

    Args:
        left_out: files without a result.
        out: the run's folder.
        n_images: images with a result.
        n_cells: cells in them.
        verb: what was not done to the others, for instance ``not counted``.

    Raises:
        CellwrightError: there is no result at all.
    """
    missed = [Missed(item.file, item.error, item.remedy) for item in left_out]
    say_missed(missed, out / "errors.csv", n_done=n_images, verb=verb)
    say_no_cells(n_images, n_cells)
    say(f"report: {out / 'report.html'}")
