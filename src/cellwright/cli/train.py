"""``cellwright train``: labelled images and a short YAML file in, a bundle out."""

from __future__ import annotations

import logging
import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellwright.cli.console import say, typed_command
from cellwright.cli.evaluate import print_report
from cellwright.cli.options import Overrides
from cellwright.cli.stopping import ends_when_told
from cellwright.errors import MissingExtraError

if TYPE_CHECKING:
    from cellwright.bundles.card import TrainingRecord
    from cellwright.learning.config import TrainConfig

EXAMPLES = """Examples:

cellwright train train.yaml

cellwright train train.yaml --set schedule.epochs=20 --set seed=1 --out runs/seed-1

cellwright train classes.yaml --folds 5 --out runs/folds"""


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="Settings of the run.")],
    *,
    overrides: Overrides = None,
    allow_leak: Annotated[
        bool,
        typer.Option("--allow-leak", help="Train although the split leaks; the card will say so."),
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Cross-validate a classifier instead: judge every image once."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Run folder; by default runs/NAME."),
    ] = None,
) -> None:
    """Train a model and write its bundle. A killed run started again goes on where it was."""
    prepare_training()
    from cellwright.bundles.bundle import open_bundle
    from cellwright.learning.config import load_config
    from cellwright.learning.sources import check_sources

    changes = [*(overrides or ()), *(["data.allow_leak=true"] if allow_leak else ())]
    settings = load_config(config, tuple(changes))
    check_sources(settings)  # what follows imports torch, which takes seconds
    from cellwright.learning.train import train as fit

    hush_lightning()
    if folds is not None:
        _judge_by_folds(settings, out or Path("runs") / f"{settings.name}-folds", n_folds=folds)
        return
    with ends_when_told():
        result = fit(settings, out or Path("runs") / settings.name, command=typed_command())
    if result.report is not None:
        print_report(result.report)
    say_what_ships(open_bundle(result.bundle).card.training)
    for leak in result.leaks:
        say(f"warning: the split leaks, so these figures flatter the model: {leak}")
    say("the bundle is ready; try it with `cellwright predict IMAGES --model BUNDLE --out DIR`")
    typer.echo(result.bundle)


def _judge_by_folds(settings: TrainConfig, folder: Path, *, n_folds: int) -> None:
    from cellwright.learning.cross_validation import cross_validate

    with ends_when_told():
        found = cross_validate(settings, folder, n_folds=n_folds, command=typed_command())
    print_report(found.report)
    typer.echo(found.predictions)


def say_what_ships(training: TrainingRecord) -> None:
    """Which epoch's weights are in the bundle, and whether the training was of any use."""
    if training.shipped():
        say(f"the bundle holds {training.shipped()}, the best on the validation part")
    if training.improved_nothing():
        say(f"warning: {training.improved_nothing()}")


def prepare_training() -> None:
    """Stop early where the base is installed without what trains; called before torch is imported.

    Raises:
        MissingExtraError: a package of the extra ``train`` is missing.
    """
    for package in ("torch", "torchvision", "lightning", "albumentations"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "train")
    # Threads that wait by spinning cost five times the processor time as soon as another
    # program wants the cores too; this is read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def hush_lightning() -> None:
    """Its tips and the deprecations within its own code are not for who trains here."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # its import sets it back
    warnings.filterwarnings("ignore", module="lightning")
