"""One process that works on a study until all its trials are over.

The default sampler is Optuna's tree-structured Parzen estimator (Bergstra et al., NIPS 2011), as
in paper 3, seeded by the study's seed and the trial's number: one worker alone repeats its
search, several never draw the same. Trials that are behind are pruned by their validation
figure after each epoch.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from cellwright.errors import CellwrightError, ConfigError, UnknownNameError
from cellwright.tuning.grid import PointSampler, point_of, size_of
from cellwright.tuning.places import (
    ATTEMPT,
    BEAT,
    BEAT_S,
    MOST_ATTEMPTS,
    REPLACES,
    all_taken,
    folder_of,
    place_of,
    settings_given_up,
    take,
)
from cellwright.tuning.space import Numbers, Space

Tell = Callable[[int, float], None]
"""Takes the figure of an epoch; raises :class:`Pruned` where going on is not worth while."""

Measure = Callable[[Mapping[str, Any], Path, Tell], None]
"""Trains with these settings in a folder and tells the figure of every epoch."""


class Turn(NamedTuple):
    """What a sampler may go by.

    Attributes:
        space: what is searched.
        seed: of this trial.
        place: of this trial among those of the study, from 0.
    """

    space: Space
    seed: int
    place: int


SAMPLERS: dict[str, Callable[[Turn], Any]] = {
    "gp": lambda turn: optuna.samplers.GPSampler(seed=turn.seed),
    "grid": lambda turn: PointSampler(point_of(turn.space, turn.place)),
    "random": lambda turn: optuna.samplers.RandomSampler(seed=turn.seed),
    "tpe": lambda turn: optuna.samplers.TPESampler(seed=turn.seed, constant_liar=True),
}
"""A turn to a sampler; ``constant_liar`` keeps workers apart that sample at one time."""

PRUNERS: dict[str, Callable[[int], Any]] = {
    "halving": lambda n_epochs: optuna.pruners.SuccessiveHalvingPruner(
        min_resource=max(1, n_epochs // 8), reduction_factor=2
    ),
    "median": lambda _: optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
    "none": lambda _: optuna.pruners.NopPruner(),
}
"""Epochs of a whole trial to a pruner.

``median``: behind half of the others at the same epoch. ``halving``: not in the better half after
an eighth, a quarter and half of the epochs (Li et al., ASHA, 2020); the first epochs of a training
from chance are all alike, so a first look after one of them would rank nothing.
"""

ERROR = "error"

USUAL_TRIALS = 20


class Pruned(Exception):  # noqa: N818 - an outcome, not a fault
    """The trial is behind the others and ends here."""


@dataclass(frozen=True)
class Search:
    """What a study is.

    Attributes:
        space: what is searched.
        n_trials: how many trainings.
        sampler: row of :data:`SAMPLERS`.
        pruner: row of :data:`PRUNERS`.
        seed: of the sampler.
        n_epochs: of a whole trial; successive halving looks at shares of them.
    """

    space: Space
    n_trials: int
    sampler: str = "tpe"
    pruner: str = "median"
    seed: int = 0
    n_epochs: int = 1

    def check(self) -> None:
        """Refuse what cannot be searched.

        Raises:
            ConfigError: fewer than one trial; more than a grid has points, or a range without
                their number; points without a grid.
            UnknownNameError: no such sampler or pruner.
        """
        if self.n_trials < 1:
            raise ConfigError(f"{self.n_trials} trials", remedy="ask for at least 1")
        if self.sampler not in SAMPLERS:
            raise UnknownNameError("sampler", self.sampler, SAMPLERS)
        if self.pruner not in PRUNERS:
            raise UnknownNameError("pruner", self.pruner, PRUNERS)
        if self.sampler == "grid":
            size = size_of(self.space)
            if self.n_trials > size:
                raise ConfigError(
                    f"the grid has {size} points, fewer than {self.n_trials} trials",
                    remedy=f"ask for at most {size}, or leave the number out",
                )
            return
        for name, one in self.space.items():
            if isinstance(one, Numbers) and one.points is not None:
                raise ConfigError(
                    f"{one.points} points are for a grid; {self.sampler} searches between them",
                    where=name,
                    remedy="leave the number of points out, or take the sampler grid",
                )


def usual_trials(space: Space, sampler: str) -> int:
    """As many as a grid has points; :data:`USUAL_TRIALS` otherwise.

    Raises:
        ConfigError: a range of a grid that does not say how many points.
    """
    return size_of(space) if sampler == "grid" else USUAL_TRIALS


def open_study(storage: Any, name: str, search: Search, *, fingerprint: str) -> Study:
    """The study of this name, made if it is not there.

    Args:
        storage: of :func:`cellwright.tuning.storage.open_storage`.
        name: of the study; one storage may hold several.
        search: what is searched.
        fingerprint: of all that must be the same for every worker.

    Raises:
        ConfigError: the study searches something else.
        UnknownNameError: no such sampler or pruner.
    """
    search.check()
    logging.getLogger("optuna").setLevel(logging.WARNING)
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        pruner=PRUNERS[search.pruner](search.n_epochs),
        load_if_exists=True,
    )
    held = study.user_attrs.get("fingerprint")
    if held is None:
        study.set_user_attr("fingerprint", fingerprint)
    elif held != fingerprint:
        raise ConfigError(
            f"the study {name!r} in this storage searches other settings",
            remedy="choose another --study name, another --storage or another --out",
        )
    return study


@dataclass(frozen=True, eq=False)
class OpenStudy:
    """A study that is worked on.

    Attributes:
        study: of :func:`open_study`.
        storage: the study's.
        search: what is searched.
    """

    study: Study
    storage: Any
    search: Search


def work(
    opened: OpenStudy,
    measure: Measure,
    *,
    out: Path,
    poll_s: float = 2.0,
    said: Callable[[str], None] = lambda _: None,
) -> None:
    """Run trials until none is left, waiting for those of other workers, should one die.

    Args:
        opened: the study.
        measure: trains once.
        out: run folders of the trials go below it.
        poll_s: how often other workers are looked at while there is nothing to do.
        said: called with a sentence about each trial.
    """
    study, storage, search = opened.study, opened.storage, opened.search
    while not all_taken(study, search.n_trials):
        ticket = take(study, storage, search.n_trials)
        if ticket is None:
            time.sleep(poll_s)
            continue
        if search.sampler == "grid" and settings_given_up(ticket):
            _give_up(storage, ticket)
            continue
        place = place_of(study.get_trials(deepcopy=False), ticket)
        turn = Turn(search.space, search.seed * 1_000_003 + ticket.number, place)
        study.sampler = SAMPLERS[search.sampler](turn)
        _run(opened, measure, ticket, out=out, said=said)


def _give_up(storage: Any, ticket: FrozenTrial) -> None:
    """A point of a grid has no other settings to try instead."""
    error = f"its settings killed {MOST_ATTEMPTS} workers"
    storage.set_trial_user_attr(ticket._trial_id, ERROR, error)
    storage.set_trial_state_values(ticket._trial_id, state=TrialState.FAIL)


def _run(
    opened: OpenStudy,
    measure: Measure,
    ticket: FrozenTrial,
    *,
    out: Path,
    said: Callable[[str], None],
) -> None:
    study, storage, search = opened.study, opened.storage, opened.search
    trial = Trial(study, ticket._trial_id)
    params = {name: one.suggest(trial, name) for name, one in search.space.items()}
    figures = _take_over(study, trial, ticket)

    def tell(epoch: int, value: float) -> None:
        figures[epoch] = value
        trial.report(value, epoch)
        if trial.should_prune():
            raise Pruned

    said(f"trial {trial.number}: {_words(params)} …")
    state, values, error = TrialState.COMPLETE, None, ""
    with _heartbeat(storage, ticket._trial_id):
        try:
            measure(params, out / folder_of(ticket), tell)
        except Pruned:
            state = TrialState.PRUNED
        except CellwrightError as problem:
            state, error = TrialState.FAIL, str(problem)
        except Exception as problem:  # the rest of a long search must not fall with one trial
            state, error = TrialState.FAIL, f"{type(problem).__name__}: {problem}"
    if state == TrialState.COMPLETE and not figures:
        state, error = TrialState.FAIL, "the training told no figure of any epoch"
    if figures and state != TrialState.FAIL:
        values = [max(figures.values())]
    try:
        if error:
            storage.set_trial_user_attr(ticket._trial_id, ERROR, error)
        storage.set_trial_state_values(ticket._trial_id, state=state, values=values)
    except UpdateFinishedTrialError:
        said(f"trial {trial.number}: given to another worker meanwhile, its figure is dropped")
        return
    said(f"trial {trial.number}: {state.name.lower()}, {error or f'{max(figures.values()):.4f}'}")


def _take_over(study: Study, trial: Trial, ticket: FrozenTrial) -> dict[int, float]:
    """Figures of the epochs that a lost trial had done, told again for the trial that goes on."""
    number = ticket.user_attrs.get(REPLACES)
    if number is None or ATTEMPT not in ticket.user_attrs:
        return {}
    figures = dict(study.get_trials(deepcopy=False)[number].intermediate_values)
    for epoch, value in sorted(figures.items()):
        trial.report(value, epoch)
    return figures


class _heartbeat:  # noqa: N801 - read as a statement
    """Says that this worker lives, every few seconds, while a trial runs."""

    def __init__(self, storage: Any, trial_id: int) -> None:
        self._storage, self._trial_id = storage, trial_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            try:
                self._storage.set_trial_user_attr(self._trial_id, BEAT, time.time())
            except UpdateFinishedTrialError:
                return  # another worker took this one for dead

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _words(params: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.rpartition('.')[2]} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in params.items()
    )
