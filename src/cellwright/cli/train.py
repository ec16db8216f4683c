"""``cellwright train``: labelled images and a short YAML file in, a bundle out."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from cellwright.cli.console import say
from cellwright.cli.evaluate import print_report
from cellwright.errors import MissingExtraError

EXAMPLES = """Examples:

cellwright train train.yaml

cellwright train train.yaml --set schedule.epochs=20 --set seed=1 --out runs/seed-1"""


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="Settings of the run.")],
    *,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one setting; repeat for more."),
    ] = None,
    allow_leak: Annotated[
        bool,
        typer.Option("--allow-leak", help="Train although the split leaks; the card will say so."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Run folder; by default runs/NAME."),
    ] = None,
) -> None:
    """Train a detector and write its bundle. A killed run started again goes on where it was."""
    from cellwright.learning.config import load_config

    changes = [*(overrides or ()), *(["data.allow_leak=true"] if allow_leak else ())]
    settings = load_config(config, tuple(changes))
    try:
        from cellwright.learning.train import train as fit
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "lightning", "train") from error

    command = shlex.join(["cellwright", *sys.argv[1:]])
    result = fit(settings, out or Path("runs") / settings.name, command=command)
    if result.report is not None:
        print_report(result.report)
    say("the bundle is ready; try it with `cellwright predict IMAGES --model BUNDLE --out DIR`")
    typer.echo(result.bundle)
