"""``cellwright study``: the tables and figures of a paper, on its data or yours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellwright.cli.console import EXIT_EXPECTED_ERROR, print_table, say, typed_command
from cellwright.cli.stopping import ends_when_told
from cellwright.cli.train import hush_lightning, prepare_training
from cellwright.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from cellwright.studies.study import Records, Request, Study

app = typer.Typer(help="Repeat a paper's tables and figures.", no_args_is_help=True)

RUN_EXAMPLES = """Examples:

cellwright study run viability-yolo --preset cpu --out runs/viability-yolo

cellwright study run learning-curve --data MY_LABELS

cellwright study run viability-yolo --only "*-yolo11n" --out runs/one"""

REPORT_EXAMPLES = """Examples:

cellwright study report viability-yolo --out runs/viability-yolo

cellwright study report viability-yolo --out runs/viability-yolo --publish"""

DEFAULT_PRESET = "cpu"
QUICK = "quick"

Name = Annotated[str, typer.Argument(metavar="NAME", help="See `cellwright study list`.")]
StudyOut = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="Run folder; by default runs/NAME-PRESET."),
]


@app.command("list")
def list_studies() -> None:
    """Show every study and the sizes it comes in."""
    prepare_training()
    from cellwright.studies import STUDIES

    rows = [
        (study.name if first else "", study.title if first else "", preset, summary)
        for study in STUDIES.values()
        for first, (preset, summary) in zip(
            [True, *[False] * len(study.presets)], study.presets.items(), strict=False
        )
    ]
    print_table(("study", "what", "preset", "size"), rows)


@app.command("run", epilog=RUN_EXAMPLES)
def run(
    name: Name,
    *,
    preset: Annotated[
        str | None,
        typer.Option(metavar="cpu|gpu|paper", help="Size of the run; by default cpu."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="The smallest size: seconds, only to see it work.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR|NAME", help="Labelled images, or a public set by its name."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="CELL", help="Only cells so named, * for anything; repeatable."),
    ] = None,
    out: StudyOut = None,
) -> None:
    """Measure the cells that are missing; a killed run started again goes on.

    A cell that fails is recorded and does not stop the rest.
    """
    if quick and preset not in (None, QUICK):
        raise ConfigError("--quick is a preset of its own", remedy="leave out --preset")
    study = _study(name)
    chosen = QUICK if quick else preset or DEFAULT_PRESET
    if chosen not in study.presets:
        raise UnknownNameError("preset", chosen, study.presets)
    from cellwright.studies.grid import run_study
    from cellwright.studies.study import Request

    hush_lightning()
    if data is not None and Path(data).exists():
        data = str(Path(data).resolve())  # the report may be asked for from another folder
    request = Request(chosen, data, out or Path("runs") / f"{name}-{chosen}")
    with ends_when_told():
        records = run_study(study, request, only=only or (), command=typed_command(), tell=say)
    _report(study, request, records)
    failed = [record.cell for record in records.values() if record.finish == "failed"]
    if failed:
        say(f"{len(failed)} of {len(records)} cells failed: {', '.join(failed)}; run it again")
        raise typer.Exit(EXIT_EXPECTED_ERROR)


@app.command("report", epilog=REPORT_EXAMPLES)
def report(
    name: Name,
    *,
    out: StudyOut = None,
    publish: Annotated[
        bool,
        typer.Option(
            "--publish",
            help=(
                "In a checkout: make these the study's own results and renew its README; "
                "cells that were not run keep the figures they have there."
            ),
        ),
    ] = False,
) -> None:
    """Write results.csv and report.html of a run, finished or not."""
    study = _study(name)
    from cellwright.studies.grid import asked, records_of

    request = asked(study, out or Path("runs") / f"{name}-{DEFAULT_PRESET}")
    records = records_of(study.plan(request), request.out)
    table = _report(study, request, records)
    if publish:
        from cellwright.studies.readme import publish as make_public

        say(f"the study's own results are renewed: {make_public(study, records, table)}")


def _study(name: str) -> Study:
    prepare_training()
    from cellwright.studies import STUDIES

    if name not in STUDIES:
        raise UnknownNameError("study", name, STUDIES)
    return STUDIES[name]


def _report(study: Study, request: Request, records: Records) -> Path:
    """Write table and page; the page's path is the command's answer on stdout."""
    from cellwright.studies.page import write_page
    from cellwright.studies.results import tabulate, write_rows

    rows = tabulate(study, study.plan(request), records)
    table = write_rows(request.out / "results.csv", rows)
    page = write_page(request.out / "report.html", study, request, rows=rows, records=records)
    for sentence in study.conclude(records):
        typer.echo(sentence)
    say(f"the table is {table}")
    typer.echo(page)
    return table
