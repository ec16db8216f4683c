"""The search for B and X, and for lambda, by the tree-structured Parzen estimator.

The paper trains every trial to its end and asks whether that can be cheaper. Beside the full
trials stand as many with successive halving, which stops what is behind: both from the same
seed, with the epochs that each of them cost; and what the full trials would have chosen, had
all of them been cut short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellwright.errors import MissingExtraError
from cellwright.studies.feature_enhancement.proxies import figures_of_proxies
from cellwright.studies.feature_enhancement.training import Setting, config_of, fit, words
from cellwright.studies.study import Figure, Outcome
from cellwright.tuning.space import Numbers, Space
from cellwright.tuning.storage import open_storage, require_optuna

TABLE = "search"
METRICS = ("best validation mIoU (%)", "epochs trained")
MOST_BOOST = 1000.0


@dataclass(frozen=True)
class SearchCell:
    """One search.

    Attributes:
        name: of its cell.
        row: of its figures.
        variant: the network whose settings are searched.
        pruner: row of :data:`cellwright.tuning.worker.PRUNERS`.
        searched: settings of the network.
    """

    name: str
    row: str
    variant: str
    pruner: str
    searched: tuple[str, ...]


SEARCHES = (
    SearchCell("search-full", "B and X, full trials", "enhanced", "none", ("n_chosen", "boost")),
    SearchCell(
        "search-halving",
        "B and X, successive halving",
        "enhanced",
        "halving",
        ("n_chosen", "boost"),
    ),
    SearchCell("search-lambda", "lambda", "supervised", "none", ("deep_weight",)),
)


def space_of(setting: Setting, cell: SearchCell) -> Space:
    """Ranges of what a cell searches."""
    known: dict[str, Numbers] = {
        "n_chosen": Numbers("int", 1, setting.preset.n_maps),
        "boost": Numbers("float", 1.0, MOST_BOOST),
        "deep_weight": Numbers("float", 0.0, 1.0),
    }
    return {name: known[name] for name in cell.searched}


def measure(setting: Setting, cell: SearchCell, folder: Path) -> Outcome:
    """Search; a killed one goes on with its journal.

    Raises:
        MissingExtraError: Optuna is not installed.
    """
    require_optuna()
    try:
        from cellwright.tuning import results, worker  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise MissingExtraError("optuna", "tune") from error

    preset = setting.preset
    n_trials = preset.trials if cell.variant == "enhanced" else preset.lambda_trials
    search = worker.Search(
        space_of(setting, cell), n_trials, pruner=cell.pruner, n_epochs=preset.search_epochs
    )
    storage = open_storage(str(folder / "study.journal"))
    study = worker.open_study(storage, cell.name, search, fingerprint=str(preset))

    def one(params: Mapping[str, Any], place: Path, tell: worker.Tell) -> None:
        config = config_of(setting, cell.variant, 0, params)
        length = config.schedule.model_copy(update={"epochs": preset.search_epochs})
        fit(setting, config.model_copy(update={"schedule": length}), place, tell=tell)

    worker.work(worker.OpenStudy(study, storage, search), one, out=folder)
    done = results.judged(study.get_trials(deepcopy=False))
    figures = _figures(cell, results.best_trial(done).params, [_curve(trial) for trial in done])
    points = [{**trial.params, "miou": results.figure_of(trial)} for trial in done]
    parts = setting.parts()
    details = {"search": cell.name, "row": cell.row, "points": points}
    return Outcome(tuple(figures), 0, words(parts.whole, parts.val), "", details)


def _curve(trial: Any) -> list[float]:
    """Validation mIoU of a trial, epoch by epoch."""
    return [figure for _, figure in sorted(trial.intermediate_values.items())]


def _figures(
    cell: SearchCell, best: Mapping[str, Any], curves: Sequence[Sequence[float]]
) -> list[Figure]:
    n, row = len(curves), cell.row
    figures = [
        Figure(TABLE, row, METRICS[0], 100 * max(map(max, curves)), n=n),
        Figure(TABLE, row, METRICS[1], float(sum(map(len, curves))), n=n),
        *(Figure(TABLE, row, f"best {name}", float(best[name])) for name in cell.searched),
    ]
    if cell.pruner == "none":
        figures += figures_of_proxies(row, curves)
    return figures
