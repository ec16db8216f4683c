"""What a study leaves: a table of its trials, the best config, a page with scatter plots.

The scatter plots are those of paper 3, figures 7 and 8: two settings across and up, the
colour says how good the trial was.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from optuna.trial import FrozenTrial, TrialState

from cellwright.errors import ConfigError
from cellwright.images.csv_table import write_csv
from cellwright.images.write import atomic_path
from cellwright.learning.config import load_config
from cellwright.reports.page import Page
from cellwright.reports.plots import Curve, Labels, curves, scatter
from cellwright.tuning.places import LOST, OWNER, REPLACES, folder_of
from cellwright.tuning.space import Numbers, Space, overrides
from cellwright.tuning.worker import ERROR

COLUMNS = ("trial", "state", "value", "best_epoch", "epochs", "seconds", "folder", "worker")
NOTES = ("replaces", "error")
LEAST_POINTS = 3
"""Fewer trials make no thirds."""


def over(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials that have ended, in the order of their numbers; tickets are none."""
    return [trial for trial in trials if trial.state.is_finished()]


def judged(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials with a figure, pruned ones too."""
    return [trial for trial in trials if best_epoch(trial) is not None and _kept(trial)]


def _kept(trial: FrozenTrial) -> bool:
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED)


def figure_of(trial: FrozenTrial) -> float:
    """The best figure of all epochs: that of the epoch that is shipped."""
    return max(trial.intermediate_values.values())


def best_epoch(trial: FrozenTrial) -> int | None:
    """The number, from 1, of the epoch with the best figure."""
    values = trial.intermediate_values
    return max(values, key=lambda epoch: values[epoch]) + 1 if values else None


def best_trial(trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """The finished trial with the best figure.

    Raises:
        ConfigError: every trial failed.
    """
    done = [trial for trial in judged(trials) if trial.state == TrialState.COMPLETE]
    if not done:
        errors = sorted({str(trial.user_attrs.get(ERROR, "")) for trial in trials} - {""})
        raise ConfigError(
            "no trial was finished", remedy=f"the first error was: {errors[0]}" if errors else ""
        )
    return max(done, key=figure_of)


def write_trials(path: Path, trials: Sequence[FrozenTrial], space: Space) -> Path:
    """Write ``trials.csv``: a row a trial, its settings behind what became of it."""
    write_csv(path, (*COLUMNS, *space, *NOTES), (_row(trial, space) for trial in over(trials)))
    return path


def _row(trial: FrozenTrial, space: Space) -> list[Any]:
    epoch, took = best_epoch(trial), trial.duration
    owner = trial.user_attrs.get(OWNER)
    return [
        trial.number,
        "lost" if LOST in trial.user_attrs else trial.state.name.lower(),
        "" if epoch is None else f"{figure_of(trial):.6g}",
        "" if epoch is None else epoch,
        len(trial.intermediate_values),
        "" if took is None else round(took.total_seconds(), 1),
        folder_of(trial),
        "" if owner is None else f"{owner[0]}:{owner[1]}",
        *(trial.params.get(name, "") for name in space),
        trial.user_attrs.get(REPLACES, ""),
        trial.user_attrs.get(ERROR, ""),
    ]


def write_best(path: Path, config: Path, changes: Sequence[str], best: FrozenTrial) -> Path:
    """Write the best trial's config, ready for ``cellwright train``."""
    settings = load_config(config, (*changes, *overrides(best.params)))
    text = (
        f"# The best of a search: trial {best.number}, {figure_of(best):.4f} on the validation\n"
        "# part, which chose it: a figure that flatters. Judge it on images no trial has seen.\n"
    )
    text += yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def write_page(path: Path, name: str, trials: Sequence[FrozenTrial], space: Space) -> Path:
    """Write ``report.html``."""
    ended, seen = over(trials), judged(trials)
    best = best_trial(trials)
    page = Page(f"Search: {name}", f"{len(seen)} trials with a figure")
    page.headline(f"{figure_of(best):.4f}", "best validation figure", detail=f"trial {best.number}")
    pruned = sum(trial.state == TrialState.PRUNED for trial in ended)
    page.headline(str(pruned), "stopped early", detail=f"of {len(ended)} trials")
    page.note(
        "The validation part has chosen among all these trials, so its figure flatters the "
        "best one. Judge it on images that no trial has seen."
    )
    page.section("Best settings")
    page.table(("setting", "value"), [(key, best.params.get(key)) for key in space])
    draw_search(page, seen, space)
    page.section("Trials")
    # trials.csv has all digits; settings keep the names by which they are set.
    columns = (*(name.replace("_", " ") for name in COLUMNS), *space, *NOTES)
    page.table(columns, [_row(trial, space) for trial in ended])
    return page.save(path)


def draw_search(page: Page, seen: Sequence[FrozenTrial], space: Space) -> None:
    """Figures 7 and 8 for every pair of numbers, and how the best figure grew."""
    page.section("How the search went")
    numbers = [str(trial.number) for trial in seen]
    values = np.array([figure_of(trial) for trial in seen])
    if numbers:
        order = np.array([int(one) for one in numbers])
        lines = [
            Curve("trial", order, values),
            Curve("best so far", order, np.maximum.accumulate(values)),
        ]
        page.figure(curves(lines, labels=Labels(x="trial", y="validation figure")))
    numeric = [name for name, one in space.items() if isinstance(one, Numbers)]
    if len(seen) < LEAST_POINTS:
        return
    if len(numeric) == 1:
        (name,) = numeric
        cloud = {"trials": (_places(seen, name, space), values)}
        page.figure(scatter(cloud, labels=Labels(_axis(name, space), "validation figure")))
    for across, up in combinations(numeric, 2):
        thirds = _thirds(seen, values)
        clouds = {
            title: (_places(trials, across, space), _places(trials, up, space))
            for title, trials in thirds.items()
        }
        page.figure(
            scatter(clouds, labels=Labels(_axis(across, space), _axis(up, space))),
            caption="Each point is a trial; the colour says in which third its figure lies.",
        )


def _thirds(
    seen: Sequence[FrozenTrial], values: np.ndarray[Any, Any]
) -> dict[str, list[FrozenTrial]]:
    ranks = values.argsort().argsort()
    titles = ("worst third", "middle", "best third")
    places = [titles[min(2, int(3 * rank / len(seen)))] for rank in ranks]
    return {
        title: [trial for trial, place in zip(seen, places, strict=True) if place == title]
        for title in titles
    }


def _places(trials: Sequence[FrozenTrial], name: str, space: Space) -> list[float]:
    log = _is_log(name, space)
    values = [float(trial.params[name]) for trial in trials]
    return [float(np.log10(value)) for value in values] if log else values


def _axis(name: str, space: Space) -> str:
    last = name.rpartition(".")[2]
    return f"log10 of {last}" if _is_log(name, space) else last


def _is_log(name: str, space: Space) -> bool:
    one = space[name]
    return isinstance(one, Numbers) and one.steps == "log"
