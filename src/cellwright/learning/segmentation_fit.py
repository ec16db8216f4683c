"""Fitting a segmentation network: pictures into memory, windows, one trainer, best weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from cellwright.bundles.card import InputSpec
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.mask_pictures import Labelling, MaskPicture, mask_picture
from cellwright.errors import DatasetError
from cellwright.learning.mask_windows import MaskWindows, collate_masks, target_of
from cellwright.learning.segmentation_module import Rule, SegmentationModule
from cellwright.learning.trainer import presets_by_epoch, run_trainer, window_loader

MONITOR = {"semantic": "val/iou", "instances": "val/matched50"}
"""The figure whose largest value marks the epoch to ship, by task."""


@dataclass(frozen=True)
class SegmentationJob:
    """Everything a segmentation network needs to be trained once.

    Attributes:
        train: labelled images to learn from.
        val: labelled images to choose the best epoch by.
        labelling: what the labels are read as.
        n_classes: classes without the background.
        input: how pixels become network input; the same for training and the bundle.
        window: (height, width) of a training picture in network pixels.
        crops_per_image: training windows drawn from an image in an epoch.
        rule: loss, optimizer, rate and schedule.
        run_dir: where checkpoints and logs go; a second start resumes from there.
    """

    train: LabelledSet
    val: LabelledSet
    labelling: Labelling
    n_classes: int
    input: InputSpec
    window: tuple[int, int]
    crops_per_image: int
    rule: Rule
    run_dir: Path


def fit_segmenter(network: nn.Module, job: SegmentationJob) -> nn.Module:
    """Train ``network`` on the job; resumes from the run folder if it holds a checkpoint.

    Returns:
        The network with the averaged weights of the best validation epoch.

    Raises:
        DatasetError: a part without a labelled image.
        AnnotationError: labels that are neither masks nor instances.
    """
    task, schedule = job.labelling.task, job.rule.schedule
    train, val = labelled_pictures(job.train, job), labelled_pictures(job.val, job)
    windows = MaskWindows(
        train,
        job.window,
        target=target_of(task, n_classes=job.n_classes),
        crops_per_image=job.crops_per_image,
        presets=presets_by_epoch(schedule),
        seed=schedule.seed,
    )
    weights = run_trainer(
        SegmentationModule(network, task, val_pictures=val, rule=job.rule),
        window_loader(windows, collate_masks, schedule),
        n_val=len(val),
        schedule=schedule,
        run_dir=job.run_dir,
        monitor=MONITOR[task],
    )
    network.load_state_dict(weights)
    return network.cpu().eval()


def labelled_pictures(labelled: LabelledSet, job: SegmentationJob) -> list[MaskPicture]:
    """Every labelled picture of a part, in network pixels; unlabelled ones teach nothing.

    Raises:
        DatasetError: none is labelled.
    """
    spec = job.input
    pictures = [
        mask_picture(
            record,
            job.labelling,
            channels=spec.channels,
            normalisation=spec.normalisation,
            resize_factor=spec.resize_factor,
        )
        for record in labelled
    ]
    kept = [picture for picture in pictures if picture is not None]
    if not kept:
        raise DatasetError("none of the images is labelled", where=labelled.name)
    return kept
