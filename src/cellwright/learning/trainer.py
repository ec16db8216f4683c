"""One Lightning trainer for every task: resumable, seeded, averaged weights, best epoch kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from cellwright.detectors.protocol import Schedule
from cellwright.learning.training_compression import (
    BestWhenThrough,
    TrainingCompression,
    all_through,
)
from cellwright.learning.windows import EpochSampler

Watch = Callable[[int, float, nn.Module], None]
"""Told, after each epoch's validation: epoch, monitored figure, network. May raise to stop."""

CHECKPOINTS = "checkpoints"
LAST = "last.ckpt"
BEST = "best.ckpt"


class BestEpoch(NamedTuple):
    """What ships of a run.

    Attributes:
        weights: the network's averaged weights, by name.
        number: of the epoch, from 1; 0 where these are the weights that the run began with: the
            average holds them until the warm-up is over or the last step is taken, and no later
            epoch was better.
    """

    weights: Mapping[str, Tensor]
    number: int


def bfloat16_in_hardware() -> bool:
    """Whether autocast to bfloat16 is faster than float32 here, not only possible."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def precision_of(setting: str) -> str:
    """``auto`` to what this machine does best; anything else as it is."""
    if setting != "auto":
        return setting
    return "bf16-mixed" if bfloat16_in_hardware() else "32-true"


@dataclass(frozen=True)
class FitPlan:
    """How a network is fitted, whatever it learns.

    Attributes:
        schedule: how long; precision and averaging.
        run_dir: where checkpoints and logs go.
        monitor: the logged figure whose largest value marks the best epoch.
        watch: told of every epoch that may be shipped; what it raises ends the training.
        compressions: what makes the network smaller; the best epoch is one after they are through.
    """

    schedule: Schedule
    run_dir: Path
    monitor: str
    watch: Watch | None = None
    compressions: Sequence[TrainingCompression] = ()

    @property
    def checkpoints(self) -> Path:
        """Folder of the best and of the last epoch's state."""
        return self.run_dir / CHECKPOINTS


def run_trainer(
    module: pl.LightningModule, windows: DataLoader[Any], plan: FitPlan, *, n_val: int
) -> Mapping[str, Tensor]:
    """Fit ``module``; resumes from the run folder if it holds a checkpoint.

    Args:
        module: holds its network as ``network``; validates on picture indices 0..n_val - 1.
        windows: batches to learn from.
        plan: how.
        n_val: pictures to validate on.

    Returns:
        The network's averaged weights of the best validation epoch.
    """
    schedule, last = plan.schedule, plan.checkpoints / LAST
    held = torch.load(last, map_location="cpu", weights_only=True) if last.exists() else None
    if held is not None and isinstance(windows.sampler, EpochSampler):
        # Lightning has the loader's processes begin to draw before it tells which epoch it is.
        windows.sampler.set_epoch(held["epoch"] + 1)
    trainer = pl.Trainer(
        max_epochs=_last_epoch(schedule, held),
        accelerator="auto",
        devices=1,
        precision=precision_of(schedule.precision),  # type: ignore[arg-type]
        callbacks=_callbacks(plan, steps_per_epoch=len(windows)),
        logger=CSVLogger(plan.run_dir, name="log"),
        num_sanity_val_steps=0,
        gradient_clip_val=10.0,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    trainer.fit(
        module.to(memory_format=torch.channels_last),
        windows,
        DataLoader(range(n_val), batch_size=None, collate_fn=int),  # type: ignore[arg-type]
        ckpt_path=None if held is None else last,
        weights_only=True,
    )
    return best_epoch(plan.run_dir).weights


def _last_epoch(schedule: Schedule, held: Mapping[str, Any] | None) -> int:
    """Epochs in all; those that were done where patience has ended the run already.

    Lightning keeps count of the epochs without a better figure, not that it had ended by it.
    """
    if held is None:
        return schedule.epochs
    waits = [state for state in held["callbacks"].values() if "wait_count" in state]
    ended = any(state["wait_count"] >= state["patience"] for state in waits)
    return int(held["epoch"]) + 1 if ended else schedule.epochs


def best_epoch(run_dir: Path) -> BestEpoch:
    """What ships of the run that :func:`run_trainer` ended in this folder."""
    # By name, not by the path the checkpoint remembers: a run folder may have been moved.
    path = run_dir / CHECKPOINTS / BEST
    held = torch.load(path, map_location="cpu", weights_only=True)
    weights = {
        key.removeprefix("network."): value
        for key, value in held["state_dict"].items()
        if key.startswith("network.")
    }
    averaged_steps = int(held["averaging_state"]["n_averaged"])
    return BestEpoch(weights, held["epoch"] + 1 if averaged_steps else 0)


def window_loader(dataset: Dataset[Any], collate: Any, schedule: Schedule) -> DataLoader[Any]:
    """Batches of ``dataset`` in each epoch's own order, loaded beside the training."""
    n_windows = len(dataset)  # type: ignore[arg-type]
    # Forked workers share the pictures; where there is no fork, one process loads.
    workers = min(2, os.cpu_count() or 1) if hasattr(os, "fork") else 0
    return DataLoader(
        dataset,
        batch_size=schedule.batch_size,
        sampler=EpochSampler(n_windows, seed=schedule.seed),
        collate_fn=collate,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        persistent_workers=workers > 0,
        drop_last=n_windows > schedule.batch_size,
    )


GENTLER = {"dic": "gentle-dic", "flips": "flips", "none": "none", "turns": "turns"}
"""The preset of the last epochs; ``gentle`` for those that are not named here.

What a preset leaves alone stays alone: where light has a direction nothing is turned, and who
asks for pictures as they are gets them to the end.
"""


def presets_by_epoch(schedule: Schedule) -> tuple[tuple[int, str], tuple[int, str]]:
    """The run's augmentation, and a gentler one for its last epochs, at most half of them."""
    gentle_epochs = min(schedule.gentle_epochs, schedule.epochs // 2)
    gentler = GENTLER.get(schedule.augmentation, "gentle")
    return (0, schedule.augmentation), (schedule.epochs - gentle_epochs, gentler)


def _callbacks(plan: FitPlan, *, steps_per_epoch: int) -> list[pl.Callback]:
    """What happens beside the steps: averaging, compression, checkpoints, an early end."""
    return [
        _Moved(plan.checkpoints),
        _OwnChance(plan.schedule.seed),
        *_checkpoints(plan),
        _averaging(steps_per_epoch, plan.schedule),
        *plan.compressions,  # behind the averaging: in a validation they see averaged weights
        *([] if plan.watch is None else [_Watching(plan.watch, plan)]),
        *_patience(plan.schedule, plan.monitor),
    ]


def _checkpoints(plan: FitPlan) -> list[ModelCheckpoint]:
    """The best epoch to ship, and every epoch's state to resume from.

    Two, because ``save_last`` of one with a monitor only writes when the monitor improves.
    """
    folder = plan.checkpoints
    last = ModelCheckpoint(folder, filename=Path(LAST).stem, enable_version_counter=False)
    settings: dict[str, Any] = {
        "dirpath": folder,
        "filename": Path(BEST).stem,
        "monitor": plan.monitor,
        "mode": "max",
        "enable_version_counter": False,
    }
    if plan.compressions:
        return [BestWhenThrough(plan.compressions, **settings), last]
    return [ModelCheckpoint(**settings), last]


class _Moved(pl.Callback):
    """Tells the checkpoints' callbacks of a run that goes on where its folder lies now.

    Lightning forgets the best figure when the folder is another one, and would then take the next
    epoch for the best. It asks every callback here before it hands any of them its own state.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()  # as ModelCheckpoint writes it

    def on_load_checkpoint(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,  # noqa: ARG002
        checkpoint: dict[str, Any],
    ) -> None:
        for state in checkpoint["callbacks"].values():
            if "dirpath" not in state:
                continue
            state["dirpath"] = str(self._folder)
            for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
                state[name] = self._here(state[name])
            held = state["best_k_models"]
            state["best_k_models"] = {self._here(path): value for path, value in held.items()}

    def _here(self, path: str) -> str:
        return str(self._folder / Path(path).name) if path else path


class _OwnChance(pl.Callback):
    """Random numbers of its own for each epoch, so that a resumed run silences the same features.

    They begin at the first batch: before it, the loader draws a number in some epochs, not in all.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        if batch_idx == 0:
            torch.manual_seed(self._seed * 1_000_003 + trainer.current_epoch + 1)


def _patience(schedule: Schedule, monitor: str) -> list[EarlyStopping]:
    """What ends the training when nothing becomes better; its count survives a kill."""
    if schedule.patience is None:
        return []
    return [EarlyStopping(monitor, mode="max", patience=schedule.patience)]


class _Watching(pl.Callback):
    """Hands the monitored figure of each epoch that may be shipped to a :data:`Watch`."""

    def __init__(self, watch: Watch, plan: FitPlan) -> None:
        self._watch, self._plan = watch, plan

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not all_through(self._plan.compressions, trainer):
            return
        value = float(trainer.callback_metrics[self._plan.monitor])
        network: Any = pl_module.network
        self._watch(trainer.current_epoch, value, network)


def _averaging(steps_per_epoch: int, schedule: Schedule) -> EMAWeightAveraging:
    # Before the warm-up is over the weights are not worth remembering; the last step's always are,
    # or a training no longer than its warm-up would ship what it began with.
    start = int(schedule.warmup_epochs * steps_per_epoch)
    start = min(start, schedule.epochs * steps_per_epoch - 1)
    return EMAWeightAveraging(decay=schedule.ema_decay, update_starting_at_step=start)
