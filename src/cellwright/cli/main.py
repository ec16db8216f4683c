"""The command line: one file a command, and here what they share at the door.

Command modules are light; each imports the room it needs when it runs, so that
``cellwright --help`` answers at once. An expected error is one sentence on stderr
and exit code 2; Ctrl-C is 130; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from cellwright import __version__
from cellwright.cli import (
    assay,
    compress,
    data,
    demo,
    evaluate,
    explain,
    export,
    models,
    predict,
    serve,
    study,
    train,
    tune,
)
from cellwright.cli.console import EXIT_EXPECTED_ERROR
from cellwright.errors import CellwrightError, why_unreadable

app = typer.Typer(
    name="cellwright",
    help="Microscope images into numbers a lab can defend. Research use only.",
    epilog="Start here: cellwright demo --out demo-out",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("predict", epilog=predict.EXAMPLES)(predict.predict)
app.command("evaluate", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command("train", epilog=train.EXAMPLES)(train.train)
app.command("tune", epilog=tune.EXAMPLES)(tune.tune)
app.command("compress", epilog=compress.EXAMPLES)(compress.compress)
app.command("serve", epilog=serve.EXAMPLES)(serve.serve)
app.command("explain", epilog=explain.EXAMPLES)(explain.explain)
app.command("export", epilog=export.EXAMPLES)(export.export)
app.add_typer(assay.app, name="assay")
app.add_typer(data.app, name="data")
app.add_typer(models.app, name="models")
app.add_typer(study.app, name="study")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cellwright {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and stop.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Microscope images into numbers a lab can defend. Research use only."""


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(EXIT_EXPECTED_ERROR)


def _in_words(error: OSError) -> str:
    if error.filename is None:
        return why_unreadable(error)
    return str(
        CellwrightError(
            why_unreadable(error),
            where=error.filename,
            remedy="look at the path, at your rights there and at the room on the disk",
        )
    )


def main() -> None:
    """Run the command line; the console script comes by way of :mod:`cellwright.cli.start`."""
    try:
        app(prog_name="cellwright")
    except CellwrightError as error:
        _fail(str(error))
    except OSError as error:
        # No rights, no space, a path that is a folder: a file that no room has spoken of.
        _fail(_in_words(error))


if __name__ == "__main__":
    main()
