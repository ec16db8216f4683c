"""Fitting a network with Lightning: resumable, seeded, averaged weights, best epoch kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader

from cellwright.bundles.card import BoxDecoding
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.pictures import prepared_picture
from cellwright.detectors.protocol import DetectionJob, Objective
from cellwright.learning.detection_module import DetectionModule
from cellwright.learning.windows import EpochSampler, Labelled, WindowDataset, collate
from cellwright.models.cell_detector import CellDetector

LAST = "last.ckpt"
BEST = "best.ckpt"


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


def fit_detector(
    network: nn.Module, objective: Objective, job: DetectionJob, output: BoxDecoding
) -> nn.Module:
    """Train ``network`` on the job; resumes from the run folder if it holds a checkpoint.

    Returns:
        The network with the averaged weights of the best validation epoch.
    """
    if not isinstance(network, CellDetector):
        raise TypeError(f"no dense detector: {type(network).__name__}")
    schedule = job.schedule
    checkpoints = job.run_dir / "checkpoints"
    last = checkpoints / LAST
    train, val = _pictures(job.train, job), _pictures(job.val, job)
    module = DetectionModule(
        network,
        objective,
        val_pictures=val,
        schedule=schedule,
        output=output,
        classes=job.classes,
    ).to(memory_format=torch.channels_last)
    trainer = pl.Trainer(
        max_epochs=schedule.epochs,
        accelerator="auto",
        devices=1,
        precision=precision_of(schedule.precision),  # type: ignore[arg-type]
        callbacks=[*_checkpoints(checkpoints), _averaging(len(train) * job.crops_per_image, job)],
        logger=CSVLogger(job.run_dir, name="log"),
        num_sanity_val_steps=0,
        gradient_clip_val=10.0,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    trainer.fit(
        module,
        _train_loader(train, job),
        DataLoader(range(len(val)), batch_size=None, collate_fn=int),  # type: ignore[arg-type]
        ckpt_path=last if last.exists() else None,
        weights_only=True,
    )
    # By name, not by the path the checkpoint remembers: a run folder may have been moved.
    state = torch.load(checkpoints / BEST, map_location="cpu", weights_only=True)["state_dict"]
    network.load_state_dict({key.removeprefix("network."): value for key, value in state.items()})
    return network.cpu().eval()


def _checkpoints(folder: Path) -> list[ModelCheckpoint]:
    """The best epoch to ship, and every epoch's state to resume from.

    Two, because ``save_last`` of one with a monitor only writes when the monitor improves.
    """
    last = ModelCheckpoint(folder, filename=Path(LAST).stem, enable_version_counter=False)
    best = ModelCheckpoint(
        folder,
        filename=Path(BEST).stem,
        monitor="val/ap50_95",
        mode="max",
        enable_version_counter=False,
    )
    return [best, last]


def _averaging(windows_per_epoch: int, job: DetectionJob) -> EMAWeightAveraging:
    steps_per_epoch = -(-windows_per_epoch // job.schedule.batch_size)
    # Before the warm-up is over the weights are not worth remembering.
    start = int(job.schedule.warmup_epochs * steps_per_epoch)
    return EMAWeightAveraging(decay=job.schedule.ema_decay, update_starting_at_step=start)


def _pictures(labelled: LabelledSet, job: DetectionJob) -> list[Labelled]:
    spec = job.input
    return [
        prepared_picture(
            record,
            channels=spec.channels,
            normalisation=spec.normalisation,
            resize_factor=spec.resize_factor,
        )
        for record in labelled
    ]


def _train_loader(pictures: list[Labelled], job: DetectionJob) -> DataLoader[Any]:
    schedule = job.schedule
    gentle_from = max(0, schedule.epochs - schedule.gentle_epochs)
    dataset = WindowDataset(
        pictures,
        job.window,
        crops_per_image=job.crops_per_image,
        presets=((0, schedule.augmentation), (gentle_from, "gentle")),
        seed=schedule.seed,
    )
    # Forked workers share the pictures; where there is no fork, one process loads.
    workers = min(2, os.cpu_count() or 1) if hasattr(os, "fork") else 0
    return DataLoader(
        dataset,
        batch_size=schedule.batch_size,
        sampler=EpochSampler(len(dataset), seed=schedule.seed),
        collate_fn=collate,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        persistent_workers=workers > 0,
        drop_last=len(dataset) > schedule.batch_size,
    )
