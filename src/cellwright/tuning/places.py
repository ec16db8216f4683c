"""N places for N trials, taken by any number of processes that may be killed at any moment.

Each trial waits as a ticket in the storage before it runs; to take it is one atomic change
of its state. The first N tickets are the places, and a ticket that replaces a lost trial
holds its place: so no more than N are ever run to their end, and no place stays empty.
Everything follows from the list of trials, which all processes see alike; there is no leader,
and tickets that two workers handed in at one time lie unused behind the N.

A worker that is gone is told by its process, on its own machine, and by a heartbeat that
stopped, on another. Its trial is marked failed, and a ticket with the same settings and the
same run folder takes its place: the training goes on at its last checkpoint.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import psutil
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

LOST, OWNER, BEAT = "lost", "owner", "beat"
REPLACES, ATTEMPT, FOLDER = "replaces", "attempt", "folder"
"""What is noted about a trial beside its values."""

MOST_ATTEMPTS = 3
"""Settings that killed so many workers are left alone, and others take the place."""

BEAT_S = 20.0
GRACE_S = 180.0
"""A worker on another machine that was silent for so long is gone."""


class Owner(NamedTuple):
    """A process, told apart from a later one with the same number by when it began."""

    host: str
    pid: int
    born: float

    @property
    def lives(self) -> bool:
        """Whether it runs; only to be asked on its own machine."""
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.born) < 2)
        except psutil.NoSuchProcess:
            return False


def this_process() -> Owner:
    """The owner of trials taken here."""
    own = psutil.Process()
    return Owner(socket.gethostname(), own.pid, own.create_time())


def holders(trials: Sequence[FrozenTrial], n_trials: int) -> list[FrozenTrial]:
    """Who holds each place: its first ticket, or the latest one in place of lost trials.

    Two workers may both hand in a ticket for one lost trial; the first one counts.
    """
    ordered = sorted(trials, key=lambda one: one.number)
    successor: dict[int, FrozenTrial] = {}
    for trial in ordered:
        if REPLACES in trial.user_attrs:
            successor.setdefault(trial.user_attrs[REPLACES], trial)
    firsts = [trial for trial in ordered if REPLACES not in trial.user_attrs]
    found = []
    for holder in firsts[:n_trials]:
        latest = holder
        while is_lost(latest) and latest.number in successor:
            latest = successor[latest.number]
        found.append(latest)
    return found


def place_of(trials: Sequence[FrozenTrial], trial: FrozenTrial) -> int:
    """Which place a ticket is for, from 0: its own, or that of the lost trial it replaces."""
    numbered = {one.number: one for one in trials}
    while REPLACES in trial.user_attrs:
        trial = numbered[trial.user_attrs[REPLACES]]
    firsts = sorted(one.number for one in trials if REPLACES not in one.user_attrs)
    return firsts.index(trial.number)


def settings_given_up(trial: FrozenTrial) -> bool:
    """Whether a ticket takes a place whose settings have killed too many workers."""
    return REPLACES in trial.user_attrs and ATTEMPT not in trial.user_attrs


def is_lost(trial: FrozenTrial) -> bool:
    """Whether its worker died; a training that ended with an error keeps its place."""
    return trial.state == TrialState.FAIL and LOST in trial.user_attrs


def take(study: Study, storage: Any, n_trials: int) -> FrozenTrial | None:
    """A ticket that is now this process's, or None if no place is free at the moment."""
    release(study, storage)
    _fill_up(study, n_trials)
    for trial in holders(study.get_trials(deepcopy=False), n_trials):
        if trial.state != TrialState.WAITING:
            continue
        try:
            taken = storage.set_trial_state_values(trial._trial_id, state=TrialState.RUNNING)
        except UpdateFinishedTrialError:
            continue
        if taken:
            storage.set_trial_user_attr(trial._trial_id, OWNER, list(this_process()))
            storage.set_trial_user_attr(trial._trial_id, BEAT, time.time())
            return trial
    return None


def all_taken(study: Study, n_trials: int) -> bool:
    """Whether every place holds a trial that is over."""
    placed = holders(study.get_trials(deepcopy=False), n_trials)
    return len(placed) == n_trials and all(
        trial.state.is_finished() and not is_lost(trial) for trial in placed
    )


def release(study: Study, storage: Any) -> None:
    """Mark the trials of dead workers as failed."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not _is_abandoned(trial):
            continue
        try:
            storage.set_trial_user_attr(trial._trial_id, LOST, True)
            storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
        except UpdateFinishedTrialError:
            continue  # another worker was faster, or the trial has ended after all


def _is_abandoned(trial: FrozenTrial) -> bool:
    noted = trial.user_attrs.get(OWNER)
    if noted is not None and noted[0] == socket.gethostname():
        return not Owner(*noted).lives
    start = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    return bool(time.time() - max(trial.user_attrs.get(BEAT, 0.0), start) > GRACE_S)


def _fill_up(study: Study, n_trials: int) -> None:
    """Tickets for places that have none, and for those whose holder is lost."""
    held = holders(study.get_trials(deepcopy=False), n_trials)
    for _ in range(n_trials - len(held)):
        study.enqueue_trial({})
    for lost in filter(is_lost, held):
        attempt = lost.user_attrs.get(ATTEMPT, 1) + 1
        if attempt > MOST_ATTEMPTS:
            study.enqueue_trial({}, user_attrs={REPLACES: lost.number})
            continue
        notes = {REPLACES: lost.number, ATTEMPT: attempt, FOLDER: folder_of(lost)}
        study.enqueue_trial(lost.params, user_attrs=notes)


def folder_of(trial: FrozenTrial) -> str:
    """Name of the trial's run folder: its own, or that of the trial it replaces."""
    return str(trial.user_attrs.get(FOLDER, f"trial-{trial.number:04d}"))
