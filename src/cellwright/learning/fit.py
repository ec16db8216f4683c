"""Fitting a detector: pictures into memory, windows, one trainer, the best weights."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.utils.data import DataLoader

from cellwright.bundles.card import BoxDecoding
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.pictures import prepared_picture
from cellwright.detectors.protocol import DetectionJob, Objective
from cellwright.learning.detection_module import DetectionModule
from cellwright.learning.divergence import refuse_diverged
from cellwright.learning.trainer import FitPlan, presets_by_epoch, run_trainer, window_loader
from cellwright.learning.windows import Labelled, WindowDataset, collate
from cellwright.models.cell_detector import CellDetector


def fit_detector(
    network: nn.Module, objective: Objective, job: DetectionJob, output: BoxDecoding
) -> nn.Module:
    """Train ``network`` on the job; resumes from the run folder if it holds a checkpoint.

    Returns:
        The network with the averaged weights of the best validation epoch.
    """
    if not isinstance(network, CellDetector):
        raise TypeError(f"no dense detector: {type(network).__name__}")
    train, val = _pictures(job.train, job), _pictures(job.val, job)
    module = DetectionModule(
        network,
        objective,
        val_pictures=val,
        schedule=job.schedule,
        output=output,
        classes=job.classes,
    )
    weights = run_trainer(
        module,
        _train_loader(train, job),
        FitPlan(job.schedule, job.run_dir, "val/ap50_95", watch=job.watch),
        n_val=len(val),
    )
    network.load_state_dict(weights)
    refuse_diverged(network)
    return network.cpu().eval()


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
    dataset = WindowDataset(
        pictures,
        job.window,
        crops_per_image=job.crops_per_image,
        presets=presets_by_epoch(job.schedule),
        seed=job.schedule.seed,
    )
    return window_loader(dataset, collate, job.schedule)
