"""The words of a study: a grid of cells, what each cell measured, and the study itself.

A study repeats the tables and figures of a paper. It is a plain module: presets say how
large it is, :attr:`Study.plan` lists its cells, each cell is a function that measures
figures. What all studies share (resuming, recording, comparing with the published
values, the page) stands beside this file and knows nothing of any paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cellwright.errors import CellwrightError
from cellwright.metrics.intervals import Interval
from cellwright.reports.page import Page

Finish = Literal["done", "failed", "not attempted"]
Place = tuple[str, str, str]
"""Table, row, metric."""


class NotAttempted(CellwrightError):  # noqa: N818 - an outcome, not a fault
    """A cell that cannot be measured here; ``what`` is the reason the table gives."""


@dataclass(frozen=True)
class Figure:
    """One number of a table.

    Attributes:
        table: as the paper numbers it, or a name for a table the paper lacks.
        row: for instance the network.
        metric: name with its unit, for instance ``blue P (%)``.
        value: None where it is undefined.
        low: lower end of the 95 % interval; None where the figure is exact.
        high: upper end.
        n: observations behind the value.
        apart: why the figure cannot be set against the paper's own (``other data``,
            ``other machine``); empty where it can.
        note: what a reader should know.
    """

    table: str
    row: str
    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    apart: str = ""
    note: str = ""


def figure_of(
    table: str, row: str, metric: str, interval: Interval, *, factor: float = 1.0, apart: str = ""
) -> Figure:
    """A figure from a metric's interval, times ``factor`` (100 for a share in percent)."""
    value, low, high = (
        None if part is None else part * factor
        for part in (interval.value, interval.low, interval.high)
    )
    return Figure(table, row, metric, value, low, high, n=interval.n, apart=apart)


@dataclass(frozen=True)
class Outcome:
    """What a cell has measured, and on what.

    Attributes:
        figures: for the tables.
        seed: of everything random in it.
        data: the images in words.
        data_checksum: of those images and labels; empty where there are none.
        details: plain JSON for plots: curves, points.
    """

    figures: tuple[Figure, ...]
    seed: int | None = None
    data: str = ""
    data_checksum: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One place of the grid, measured once.

    Attributes:
        name: of its result file; unique in the study.
        places: what it measures; they stand in the results even if it fails.
        measure: does the work in the cell's own folder. A second call after a kill may go
            on with what lies there.
    """

    name: str
    places: tuple[Place, ...]
    measure: Callable[[Path], Outcome]


@dataclass(frozen=True)
class Record:
    """What is known of a cell after it was run.

    Attributes:
        cell: name of the cell.
        finish: only a cell that is done is not run again.
        reason: of a failure, or why it was not attempted.
        outcome: figures; empty unless done.
        origin: command, commit, machine, date, seconds.
    """

    cell: str
    finish: Finish
    outcome: Outcome
    reason: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What a user asked for.

    Attributes:
        preset: one of the study's presets.
        data: a folder of labels or the name of a public set; None takes the study's own.
        out: folder of the run.
    """

    preset: str
    data: str | None
    out: Path


Records = Mapping[str, Record]
"""Records by cell name, in the order of the grid."""


def every_figure(records: Records) -> list[Figure]:
    """All figures of all cells, in the order of the grid."""
    return [figure for record in records.values() for figure in record.outcome.figures]


def no_plots(page: Page, records: Records) -> None:
    """For a study whose tables say everything."""


def no_sentences(records: Records) -> tuple[str, ...]:  # noqa: ARG001
    """For a study whose tables say everything."""
    return ()


@dataclass(frozen=True)
class Study:
    """One row of :data:`cellwright.studies.STUDIES`.

    Attributes:
        name: the word for the command line.
        title: one line.
        paper: what it repeats.
        folder: holds ``README.md``, ``results.csv`` and, where there is anything to compare
            with, ``published.csv``.
        presets: name -> what it does and how long it takes, in one sentence.
        settings: everything a preset sets, as plain JSON: a run folder is of one set of them.
        plan: the grid of a request.
        collect: figures of the tables from the records, where cells are to be pooled.
        draw: plots for the page.
        conclude: what follows, in plain sentences.
    """

    name: str
    title: str
    paper: str
    folder: Path
    presets: Mapping[str, str]
    settings: Callable[[str], Mapping[str, Any]]
    plan: Callable[[Request], Sequence[Cell]]
    collect: Callable[[Records], Sequence[Figure]] = every_figure
    draw: Callable[[Page, Records], None] = no_plots
    conclude: Callable[[Records], tuple[str, ...]] = no_sentences
