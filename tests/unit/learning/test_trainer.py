"""Which epoch of a run ships, wherever it goes on, and that weights nobody improved are told."""

from __future__ import annotations

import shutil
from dataclasses import replace

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from cellwright.data.mask_transforms import MASK_PRESETS
from cellwright.detectors.protocol import Schedule
from cellwright.learning.trainer import (
    GENTLER,
    FitPlan,
    best_epoch,
    presets_by_epoch,
    run_trainer,
    window_loader,
)
from cellwright.learning.training_compression import TrainingCompression

SCHEDULE = Schedule(
    epochs=4,
    batch_size=2,
    learning_rate=0.1,
    weight_decay=0.0,
    warmup_epochs=2.0,
    final_fraction=1.0,
    ema_decay=0.5,
    augmentation="none",
    gentle_epochs=0,
    precision="32-true",
    seed=0,
)


class OneWeight(pl.LightningModule):
    """Steps by 0.1 from 1 upwards; its validation says what the test wants to hear."""

    def __init__(self, figures: list[float]) -> None:
        super().__init__()
        self.network = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.network.weight, 1.0)
        self.figures = figures
        self.validated: list[float] = []

    def training_step(self, batch, _index):
        return -self.network(batch).mean()

    def validation_step(self, _picture, _index):
        self.validated.append(float(self.network.weight))
        self.log("val/figure", self.figures[self.current_epoch], batch_size=1)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("figures", "number"),
    [
        ([0.9, 0.9, 0.5, 0.6], 0),  # the average begins after epoch 2: until then, the start
        ([0.5, 0.5, 0.9, 0.6], 3),
        ([0.5, 0.5, 0.6, 0.9], 4),
    ],
)
def test_the_epoch_that_ships_is_known_and_0_is_what_it_began_with(figures, number, tmp_path):
    weights = run_trainer(
        OneWeight(figures),
        DataLoader(torch.ones(4, 1), batch_size=2),
        FitPlan(SCHEDULE, tmp_path, "val/figure"),
        n_val=1,
    )
    assert best_epoch(tmp_path).number == number
    changed = float(weights["weight"]) != 1.0
    assert changed == (number > 0)


class KilledError(Exception):
    """Ends a run as a kill would."""


def kill_in_epoch_2(epoch, _value, _network):
    if epoch == 2:
        raise KilledError


def ones(n_windows, batch_size, *, drop_last=False):
    return DataLoader(torch.ones(n_windows, 1), batch_size=batch_size, drop_last=drop_last)


@pytest.mark.parametrize("place", ["stays", "moved", "copied"])
def test_a_killed_run_ships_the_best_of_all_its_epochs_also_from_another_folder(place, tmp_path):
    schedule = replace(SCHEDULE, warmup_epochs=0.0)
    begun, resumed = tmp_path / "begun", tmp_path / ("begun" if place == "stays" else "resumed")
    plan = FitPlan(schedule, begun, "val/figure", watch=kill_in_epoch_2)
    with pytest.raises(KilledError):
        run_trainer(OneWeight([0.9, 0.3, 0.1, 0.2]), ones(4, 2), plan, n_val=1)
    if place == "moved":
        begun.rename(resumed)
    elif place == "copied":
        shutil.copytree(begun, resumed)
    plan = FitPlan(schedule, resumed, "val/figure")
    run_trainer(OneWeight([0.9, 0.3, 0.1, 0.2]), ones(4, 2), plan, n_val=1)
    assert best_epoch(resumed).number == 1
    assert sorted(path.name for path in plan.checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_better_epoch_after_a_move_replaces_the_best(tmp_path):
    plan = FitPlan(SCHEDULE, tmp_path / "begun", "val/figure", watch=kill_in_epoch_2)
    with pytest.raises(KilledError):
        run_trainer(OneWeight([0.5, 0.6, 0.1, 0.9]), ones(4, 2), plan, n_val=1)
    (tmp_path / "begun").rename(tmp_path / "moved")
    plan = FitPlan(SCHEDULE, tmp_path / "moved", "val/figure")
    run_trainer(OneWeight([0.5, 0.6, 0.1, 0.9]), ones(4, 2), plan, n_val=1)
    assert best_epoch(tmp_path / "moved").number == 4
    assert not (tmp_path / "begun").exists()
    assert sorted(path.name for path in plan.checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]


class DrawnWindows(Dataset):
    """Each window holds the epoch that it was drawn for."""

    def __len__(self):
        return 4

    def __getitem__(self, key):
        epoch, index = key
        return torch.tensor([100.0 * epoch + index])


class Remembering(OneWeight):
    """Keeps what it was shown, by epoch."""

    def __init__(self, figures: list[float]) -> None:
        super().__init__(figures)
        self.shown: dict[int, list[float]] = {}

    def training_step(self, batch, index):
        self.shown.setdefault(self.current_epoch, []).extend(batch.flatten().tolist())
        return super().training_step(batch, index)


def test_a_resumed_run_is_shown_the_windows_of_its_epoch(tmp_path):
    """Loaded by processes of their own, which begin before the epoch does."""
    plan = FitPlan(SCHEDULE, tmp_path, "val/figure", watch=kill_in_epoch_2)
    figures = [0.1, 0.2, 0.3, 0.4]
    with pytest.raises(KilledError):
        run_trainer(
            Remembering(figures), window_loader(DrawnWindows(), None, SCHEDULE), plan, n_val=1
        )
    module = Remembering(figures)
    windows = window_loader(DrawnWindows(), None, SCHEDULE)
    assert windows.num_workers > 0
    run_trainer(module, windows, replace(plan, watch=None), n_val=1)
    drawn = {epoch: {int(one) // 100 for one in shown} for epoch, shown in module.shown.items()}
    assert drawn == {2: {2}, 3: {3}}


def test_a_run_that_patience_ended_is_over(tmp_path):
    schedule = replace(SCHEDULE, warmup_epochs=0.0, patience=1)
    plan = FitPlan(schedule, tmp_path, "val/figure")
    figures = [0.5, 0.1, 0.9, 0.9]
    first = run_trainer(OneWeight(figures), ones(4, 2), plan, n_val=1)
    again = OneWeight(figures)
    assert torch.equal(run_trainer(again, ones(4, 2), plan, n_val=1)["weight"], first["weight"])
    assert again.validated == []
    assert best_epoch(tmp_path).number == 1


@pytest.mark.parametrize(
    ("asked", "epochs", "gentle_epochs", "presets"),
    [
        ("cells", 60, 10, ((0, "cells"), (50, "gentle"))),
        ("dic", 60, 10, ((0, "dic"), (50, "gentle-dic"))),
        ("none", 60, 10, ((0, "none"), (50, "none"))),
        ("flips", 60, 10, ((0, "flips"), (50, "flips"))),
        ("cells", 5, 10, ((0, "cells"), (3, "gentle"))),
        ("cells", 1, 10, ((0, "cells"), (1, "gentle"))),
    ],
)
def test_the_last_epochs_are_gentler_in_the_way_of_the_preset(
    asked, epochs, gentle_epochs, presets
):
    schedule = replace(SCHEDULE, augmentation=asked, epochs=epochs, gentle_epochs=gentle_epochs)
    assert presets_by_epoch(schedule) == presets


def test_light_that_has_a_direction_keeps_it_in_the_last_epochs():
    for name in ("dic", GENTLER["dic"]):
        assert MASK_PRESETS[name].turns == "flips"


class ThroughAfterTwo(TrainingCompression):
    """Small for good from the third epoch on, two steps each."""

    def through(self, step, total):  # noqa: ARG002
        return step > 4


def test_a_watch_is_told_of_epochs_that_may_be_shipped(tmp_path):
    """A search would take a network that is not small yet for the better one."""
    told = []
    plan = FitPlan(
        replace(SCHEDULE, warmup_epochs=0.0),
        tmp_path,
        "val/figure",
        watch=lambda epoch, value, _: told.append((epoch, pytest.approx(value))),
        compressions=[ThroughAfterTwo()],
    )
    run_trainer(OneWeight([0.9, 0.8, 0.3, 0.2]), ones(4, 2), plan, n_val=1)
    assert told == [(2, 0.3), (3, 0.2)]
    assert best_epoch(tmp_path).number == 3


class WithDropout(OneWeight):
    """Eight weights, half of which are silenced at each step."""

    def __init__(self, figures: list[float]) -> None:
        super().__init__(figures)
        self.network = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.5))
        for name, weight in self.network.named_parameters():
            nn.init.constant_(weight, float(name == "0.weight"))

    def validation_step(self, _picture, _index):
        self.log("val/figure", self.figures[self.current_epoch], batch_size=1)


def test_a_resumed_run_silences_what_it_would_have_silenced(tmp_path):
    figures = [0.1, 0.2, 0.3, 0.4]
    plan = FitPlan(SCHEDULE, tmp_path / "whole", "val/figure")
    whole = run_trainer(WithDropout(figures), ones(8, 2), plan, n_val=1)
    plan = FitPlan(SCHEDULE, tmp_path / "killed", "val/figure", watch=kill_in_epoch_2)
    with pytest.raises(KilledError):
        run_trainer(WithDropout(figures), ones(8, 2), plan, n_val=1)
    torch.manual_seed(99)  # another process would begin elsewhere
    resumed = run_trainer(WithDropout(figures), ones(8, 2), replace(plan, watch=None), n_val=1)
    for name, weight in whole.items():
        assert torch.equal(resumed[name], weight), name
    assert len(set(whole["0.weight"].flatten().tolist())) > 1


@pytest.mark.parametrize(
    ("n_windows", "epochs", "warmup_epochs", "averaged_from"),
    [
        (16, 4, 2.0, 3),  # two steps an epoch
        (15, 4, 2.0, 3),  # one: the last seven windows are no batch
        (16, 1, 1.0, 1),  # the warm-up never ends
        (5, 2, 5.0, 2),  # fewer windows than a batch holds: one step, and its warm-up never ends
    ],
)
def test_averaging_begins_after_the_warm_up_in_steps_that_are_taken(
    n_windows, epochs, warmup_epochs, averaged_from, tmp_path
):
    schedule = replace(SCHEDULE, epochs=epochs, batch_size=8, warmup_epochs=warmup_epochs)
    module = OneWeight([0.1 * (epoch + 1) for epoch in range(epochs)])
    windows = ones(n_windows, 8, drop_last=n_windows > 8)
    run_trainer(module, windows, FitPlan(schedule, tmp_path, "val/figure"), n_val=1)
    new = [weight != 1.0 for weight in module.validated]
    assert new == [epoch + 1 >= averaged_from for epoch in range(epochs)]
    assert best_epoch(tmp_path).number == epochs
