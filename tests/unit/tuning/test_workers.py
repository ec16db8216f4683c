"""Several processes on one study, one of them killed: no trial is lost and none doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna")
pytest.importorskip("torch")

from optuna.trial import TrialState  # noqa: E402

from cellwright.errors import ConfigError, UnknownNameError  # noqa: E402
from cellwright.tuning import places  # noqa: E402
from cellwright.tuning.places import folder_of, holders, is_lost, take  # noqa: E402
from cellwright.tuning.space import read_space  # noqa: E402
from cellwright.tuning.storage import open_storage  # noqa: E402
from cellwright.tuning.worker import (  # noqa: E402
    OpenStudy,
    Pruned,
    Search,
    open_study,
    usual_trials,
    work,
)

WORKER = Path(__file__).parents[2] / "tuning_worker.py"
N_TRIALS = 6


def start(where: str, out: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(WORKER), where, str(out), str(N_TRIALS), *more])


def wait_for(path: Path) -> None:
    for _ in range(3600):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path.name} did not come")


def storage_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "postgresql":
        return request.getfixturevalue("postgresql")
    return str(tmp_path / "study.journal") if kind == "journal" else f"sqlite:///{tmp_path}/s.db"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "sqlite", "postgresql"])
def test_a_killed_workers_trial_is_failed_and_its_place_taken(kind, request, tmp_path):
    where = storage_url(kind, request, tmp_path)
    victim = start(where, tmp_path, "hold")
    try:
        # Only a trial that is held can be lost: a faster other would do all of them before.
        wait_for(tmp_path / "holding")
        other = start(where, tmp_path)
        time.sleep(0.5)  # the other works beside it meanwhile
        assert other.poll() is None, "it must wait for the trial that is still running"
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait(timeout=30)
        try:
            assert other.wait(timeout=300) == 0
        finally:
            other.kill()
    finally:
        victim.kill()

    study = optuna.load_study(study_name="arithmetic", storage=open_storage(where))
    trials = [trial for trial in study.trials if trial.state != TrialState.WAITING]
    lost = [trial for trial in trials if is_lost(trial)]
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert (len(lost), len(done)) == (1, N_TRIALS)
    assert len(trials) == N_TRIALS + 1

    (replacement,) = [trial for trial in done if trial.user_attrs.get("replaces") is not None]
    assert replacement.user_attrs["replaces"] == lost[0].number
    assert replacement.params == lost[0].params
    assert folder_of(replacement) == folder_of(lost[0])
    # It went on where the other was killed, and knows what that had told.
    assert sorted(replacement.intermediate_values) == [0, 1, 2, 3]
    began = {path.parent.name: path.read_text().split() for path in tmp_path.glob("*/began")}
    assert began.pop(folder_of(lost[0])) == ["0", "2"]
    assert set(map(tuple, began.values())) == {("0",)}, "no training was begun twice"
    assert len(began) == N_TRIALS - 1
    assert all(trial.value == max(trial.intermediate_values.values()) for trial in done)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "sqlite", "postgresql"])
def test_three_workers_share_the_trials_and_begin_none_twice(kind, request, tmp_path):
    where = storage_url(kind, request, tmp_path)
    if kind == "postgresql":  # the server is shared by the tests of this module
        study = open_storage(where)
        for held in study.get_all_studies():
            study.delete_study(held._study_id)
    workers = [start(where, tmp_path) for _ in range(3)]
    assert [worker.wait(timeout=300) for worker in workers] == [0, 0, 0]
    began = [path.read_text().split() for path in tmp_path.glob("*/began")]
    assert began == [["0"]] * N_TRIALS
    study = optuna.load_study(study_name="arithmetic", storage=open_storage(where))
    states = Counter(trial.state for trial in holders(study.trials, N_TRIALS))
    assert states == {TrialState.COMPLETE: N_TRIALS}


SPACE = read_space(["x=float:0:1"])


def opened(tmp_path: Path, **settings: object):
    storage = open_storage(str(tmp_path / "study.journal"))
    search = Search(SPACE, 6, **settings)
    return open_study(storage, "s", search, fingerprint="f"), storage, search


def run(tmp_path: Path, measure, **settings: object):
    study, storage, search = opened(tmp_path, **settings)
    work(OpenStudy(study, storage, search), measure, out=tmp_path)
    return study.get_trials()


def test_one_worker_alone_repeats_its_search(tmp_path):
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        trials = run(tmp_path / name, lambda p, _, tell: tell(0, p["x"]), sampler="tpe", seed=3)
        found.append([trial.params["x"] for trial in trials])
    assert found[0] == found[1]
    assert len(set(found[0])) == 6


def test_what_is_behind_is_pruned_and_an_error_keeps_its_place(tmp_path):
    def measure(params, folder, tell):
        number = int(folder.name[-4:])
        if number == 2:
            raise ConfigError("no such network")
        if number == 3:
            raise RuntimeError("out of memory")
        for epoch in range(3):
            if number == 4 and epoch == 1:
                raise Pruned
            tell(epoch, 1.0 + epoch)

    trials = run(tmp_path, measure, pruner="none")
    states = [trial.state.name for trial in trials]
    assert states == ["COMPLETE", "COMPLETE", "FAIL", "FAIL", "PRUNED", "COMPLETE"]
    errors = [trial.user_attrs.get("error") for trial in trials]
    assert errors[2] == "no such network" and errors[3] == "RuntimeError: out of memory"
    assert trials[4].value == 1.0 and trials[0].value == 3.0


def test_the_median_pruner_stops_a_trial_that_is_behind_half_of_the_others(tmp_path):
    def measure(params, folder, tell):
        last = folder.name.endswith("5")
        for epoch in range(10):
            tell(epoch, -1.0 if last else 1.0)

    trials = run(tmp_path, measure, pruner="median")
    assert trials[5].state == TrialState.PRUNED
    assert len(trials[5].intermediate_values) == 2


@pytest.mark.parametrize(
    ("better", "spent"),
    [(-1.0, [16, 3, 3, 3, 3, 3]), (1.0, [16] * 6)],
    ids=["each is behind", "each is ahead"],
)
def test_halving_first_looks_after_an_eighth_of_the_epochs(tmp_path, better, spent):
    def measure(params, folder, tell):
        for epoch in range(16):
            tell(epoch, epoch + better * int(folder.name[-4:]))

    trials = run(tmp_path, measure, pruner="halving", n_epochs=16)
    assert [len(trial.intermediate_values) for trial in trials] == spent


def test_a_silent_worker_of_another_machine_is_gone_after_a_while(tmp_path, monkeypatch):
    study, storage, _ = opened(tmp_path)
    first = take(study, storage, 6)
    storage.set_trial_user_attr(first._trial_id, "owner", ["elsewhere", 1, 0.0])
    assert take(study, storage, 6).number == 1
    monkeypatch.setattr(places, "GRACE_S", -1.0)
    again = take(study, storage, 6)
    # Our own process lives, so its trial 1 is kept; trial 0 is lost and its place is taken.
    assert is_lost(study.trials[0]) and not is_lost(study.trials[1])
    assert again.number == 6 and again.user_attrs["replaces"] == 0
    assert [one.number for one in holders(study.trials, 6)] == [6, 1, 2, 3, 4, 5]


def test_settings_that_kill_their_workers_are_left_alone(tmp_path):
    study, storage, _ = opened(tmp_path)
    params = []
    for _ in range(4):
        ticket = next(one for one in iter(lambda: take(study, storage, 1), None))
        trial = optuna.trial.Trial(study, ticket._trial_id)
        params.append(trial.suggest_float("x", 0, 1))
        storage.set_trial_user_attr(ticket._trial_id, "owner", [*places.this_process()[:1], 1, 0.0])
    assert params[0] == params[1] == params[2] != params[3]


def test_another_search_under_the_same_name_and_unknown_names_are_refused(tmp_path):
    opened(tmp_path)
    storage = open_storage(str(tmp_path / "study.journal"))
    with pytest.raises(ConfigError, match="searches other settings"):
        open_study(storage, "s", Search(SPACE, 6), fingerprint="g")
    with pytest.raises(UnknownNameError, match="median"):
        Search(SPACE, 6, pruner="medium").check()
    with pytest.raises(ConfigError, match="at least 1"):
        Search(SPACE, 0).check()
    with pytest.raises(ConfigError, match="no storage for mysql"):
        open_storage("mysql://host/lab")


GRID = read_space(["x=float:0:1:3", "kind=choice:a,b"])
POINTS = [(0.0, "a"), (0.0, "b"), (0.5, "a"), (0.5, "b"), (1.0, "a"), (1.0, "b")]


def test_a_grid_is_walked_whole_and_no_point_twice(tmp_path):
    storage = open_storage(str(tmp_path / "study.journal"))
    search = Search(GRID, 4, sampler="grid", pruner="none")
    study = open_study(storage, "s", search, fingerprint="f")
    work(OpenStudy(study, storage, search), lambda p, _, tell: tell(0, p["x"]), out=tmp_path)
    found = [(one.params["x"], one.params["kind"]) for one in study.get_trials()]
    assert found == POINTS[:4]
    # Gone on with to its end; meanwhile another worker has handed in tickets that are too many.
    for _ in range(3):
        study.enqueue_trial({})
    whole = replace(search, n_trials=6)
    work(OpenStudy(study, storage, whole), lambda p, _, tell: tell(0, p["x"]), out=tmp_path)
    done = [one for one in study.get_trials() if one.state == TrialState.COMPLETE]
    assert [(one.params["x"], one.params["kind"]) for one in done] == POINTS


def test_a_lost_point_of_a_grid_is_taken_again_and_given_up_at_last(tmp_path):
    storage = open_storage(str(tmp_path / "study.journal"))
    search = Search(GRID, 6, sampler="grid", pruner="none")
    study = open_study(storage, "s", search, fingerprint="f")
    for _ in range(places.MOST_ATTEMPTS):  # workers that die before they have asked for anything
        ticket = take(study, storage, 6)
        assert places.place_of(study.get_trials(), ticket) == 0
        storage.set_trial_user_attr(ticket._trial_id, "owner", [*places.this_process()[:1], 1, 0.0])
    work(OpenStudy(study, storage, search), lambda p, _, tell: tell(0, p["x"]), out=tmp_path)
    held = holders(study.get_trials(), 6)
    assert held[0].state == TrialState.FAIL and "killed 3 workers" in held[0].user_attrs["error"]
    assert [(one.params["x"], one.params["kind"]) for one in held[1:]] == POINTS[1:]


def test_a_gaussian_process_finds_the_top_of_a_hill(tmp_path):
    storage = open_storage(str(tmp_path / "study.journal"))
    search = Search(SPACE, 16, sampler="gp", pruner="none")
    study = open_study(storage, "s", search, fingerprint="f")
    work(
        OpenStudy(study, storage, search),
        lambda p, _, tell: tell(0, -((p["x"] - 0.3) ** 2)),
        out=tmp_path,
    )
    proposed = [one.params["x"] for one in study.get_trials()][10:]  # ten by chance come first
    assert min(abs(x - 0.3) for x in proposed) < 0.01


def test_grids_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="has 6 points, fewer than 7"):
        Search(GRID, 7, sampler="grid").check()
    with pytest.raises(ConfigError, match="how many numbers"):
        Search(SPACE, 3, sampler="grid").check()
    with pytest.raises(ConfigError, match="3 points are for a grid"):
        Search(GRID, 3, sampler="tpe").check()
    with pytest.raises(UnknownNameError, match="gp, grid, random, tpe"):
        Search(SPACE, 3, sampler="bayes").check()
    assert (usual_trials(GRID, "grid"), usual_trials(GRID, "tpe")) == (6, 20)
