"""``cellwright tune``: settings of a training run searched, by one process or by many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from cellwright.cli.console import say, typed_command
from cellwright.cli.options import Overrides
from cellwright.cli.stopping import ends_when_told
from cellwright.cli.train import hush_lightning, prepare_training

EXAMPLES = """Examples:

cellwright tune train.yaml --search schedule.learning_rate=float:1e-4:1e-2:log --trials 20

cellwright tune train.yaml --space space.yaml --storage postgresql://user@host/lab"""


Trials: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="N", help="Trainings in all; by default 20, or the whole grid."),
]
Ranges: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--search",
        metavar="KEY=RANGE",
        help="float:LOW:HIGH[:log], int:LOW:HIGH[:log] or choice:A,B; repeat for more. With "
        "--sampler grid, :N behind a range says how many numbers of it.",
    ),
]
RangesFile: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE.yaml", help="The same as a file of KEY: RANGE.")
]
Sampler: TypeAlias = Annotated[
    str, typer.Option(metavar="tpe|gp|grid|random", help="Who proposes.")
]
Pruner: TypeAlias = Annotated[
    str, typer.Option(metavar="median|halving|none", help="Who stops what is behind.")
]
Storage: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Journal file (by default in the run folder), sqlite:///FILE or "
        "postgresql://USER@HOST/NAME.",
    ),
]
StudyName: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of the study; by default the config's.")
]
RunFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="Run folder; by default runs/NAME-tune."),
]


def tune(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="As for `train`.")],
    *,
    trials: Trials = None,
    search: Ranges = None,
    space: RangesFile = None,
    overrides: Overrides = None,
    sampler: Sampler = "tpe",
    pruner: Pruner = "median",
    storage: Storage = None,
    study: StudyName = None,
    out: RunFolder = None,
) -> None:
    """Search settings by many trainings; start it again, anywhere, for one more worker.

    Writes trials.csv, best.yaml for `cellwright train`, and report.html.
    """
    prepare_training()
    from cellwright.tuning.storage import open_storage, require_optuna

    require_optuna()
    from cellwright.learning.config import load_config
    from cellwright.learning.sources import check_sources
    from cellwright.tuning.results import best_trial, write_best, write_page, write_trials
    from cellwright.tuning.space import examples, read_space
    from cellwright.tuning.worker import OpenStudy, Search, open_study, usual_trials, work

    ranges = read_space(tuple(search or ()), space)
    changes = tuple(overrides or ())
    settings, *_ = [load_config(config, (*changes, *values)) for values in examples(ranges)]
    check_sources(settings)
    n_trials = trials if trials is not None else usual_trials(ranges, sampler)
    wanted = Search(ranges, n_trials, sampler, pruner, settings.seed, settings.schedule.epochs)
    wanted.check()
    # Imports torch, which takes seconds.
    from cellwright.tuning.training import as_trainings, check_tunable, fingerprint

    check_tunable(settings)
    hush_lightning()
    folder = out or Path("runs") / f"{settings.name}-tune"
    store = open_storage(storage or str(folder / "study.journal"))
    name = study or settings.name
    opened = open_study(store, name, wanted, fingerprint=fingerprint(settings, wanted))
    measure = as_trainings(config, changes, command=typed_command())
    with ends_when_told():
        work(OpenStudy(opened, store, wanted), measure, out=folder, said=say)

    done = opened.get_trials(deepcopy=False)
    write_trials(folder / "trials.csv", done, ranges)
    best = best_trial(done)
    write_page(folder / "report.html", name, done, ranges)
    say(f"the best is trial {best.number}; its bundle lies in its folder below {folder}")
    typer.echo(write_best(folder / "best.yaml", config, changes, best))
