"""Fitting a segmentation network: pictures into memory, windows, one trainer, best weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from cellwright.bundles.card import InputSpec
from cellwright.data.cell_weights import CellWeights
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.mask_pictures import Labelling, MaskPicture, mask_picture
from cellwright.errors import DatasetError
from cellwright.learning.divergence import refuse_diverged
from cellwright.learning.mask_windows import MaskWindows, collate_masks, target_of
from cellwright.learning.segmentation_module import Rule, SegmentationModule
from cellwright.learning.trainer import FitPlan, Watch, presets_by_epoch, run_trainer, window_loader
from cellwright.learning.training_compression import TrainingCompression
from cellwright.losses.class_balance import Shares, class_weighted, pixel_shares, scaled

MONITOR = {"semantic": "val/iou", "instances": "val/matched50_95"}
"""The figure whose largest value marks the epoch to ship, by task."""

MONITOR_OF_SEVERAL = "val/miou"
"""The same for masks of several classes."""


@dataclass(frozen=True)
class SegmentationJob:
    """Everything a segmentation network needs to be trained once.

    Attributes:
        train: labelled images to learn from.
        val: labelled images to choose the best epoch by.
        labelling: what the labels are read as.
        classes: names, background first.
        input: how pixels become network input; the same for training and the bundle.
        window: (height, width) of a training picture in network pixels.
        crops_per_image: training windows drawn from an image in an epoch.
        rule: loss, optimizer, rate and schedule.
        run_dir: where checkpoints and logs go; a second start resumes from there.
        weighting: shares of the classes to their weights in the loss; None weighs all alike.
        cell_weights: how much pixels of cells count in the loss; None counts all alike.
        watch: told of every epoch.
        compressions: what makes the network smaller while it learns.
    """

    train: LabelledSet
    val: LabelledSet
    labelling: Labelling
    classes: tuple[str, ...]
    input: InputSpec
    window: tuple[int, int]
    crops_per_image: int
    rule: Rule
    run_dir: Path
    weighting: Callable[[Shares], Shares] | None = None
    cell_weights: CellWeights | None = None
    watch: Watch | None = None
    compressions: tuple[TrainingCompression, ...] = ()

    @property
    def several(self) -> bool:
        """Whether masks of more than one class beside the background are learned."""
        return self.labelling.task == "semantic" and len(self.classes) > 2


def fit_segmenter(network: nn.Module, job: SegmentationJob) -> nn.Module:
    """Train ``network`` on the job; resumes from the run folder if it holds a checkpoint.

    Returns:
        The network with the averaged weights of the best validation epoch.

    Raises:
        DatasetError: a part without a labelled image, or nothing to learn in the training part.
        AnnotationError: labels that are neither masks nor instances.
    """
    task, schedule = job.labelling.task, job.rule.schedule
    train, val = labelled_pictures(job.train, job), labelled_pictures(job.val, job)
    _refuse_bare(train, job)
    windows = MaskWindows(
        train,
        job.window,
        target=target_of(task, n_classes=len(job.classes) - 1),
        crops_per_image=job.crops_per_image,
        presets=presets_by_epoch(schedule),
        seed=schedule.seed,
        weights=job.cell_weights,
    )
    module = SegmentationModule(
        network,
        task,
        val_pictures=val,
        rule=_weighted(job, train),
        classes=job.classes if job.several else (),
    )
    plan = FitPlan(
        schedule,
        job.run_dir,
        MONITOR_OF_SEVERAL if job.several else MONITOR[task],
        watch=job.watch,
        compressions=job.compressions,
    )
    loader = window_loader(windows, collate_masks, schedule)
    weights = run_trainer(module, loader, plan, n_val=len(val))
    network.load_state_dict(weights)
    refuse_diverged(network)
    return network.cpu().eval()


def _refuse_bare(train: Sequence[MaskPicture], job: SegmentationJob) -> None:
    """Refuse a training part that is all background, from which only that can be learned.

    Raises:
        DatasetError: as said.
    """
    if any((one.labels > 0).any() for one in train):
        return
    remedy = "label some cells, or look for the labels with `cellwright data inspect`"
    if job.labelling.task == "instances":
        remedy += (
            "; of masks, parts smaller than segmentation.smallest_radius_px "
            f"({job.labelling.smallest_radius_px:g}) are no cells"
        )
    raise DatasetError(
        f"the labels of all {len(train)} training images hold nothing but background",
        where=job.train.name,
        remedy=remedy,
    )


def _weighted(job: SegmentationJob, train: Sequence[MaskPicture]) -> Rule:
    """The job's rule, its loss weighted by class where that is wanted."""
    if job.weighting is None:
        return job.rule
    n_classes = len(job.classes)
    counts = sum(np.bincount(one.labels.ravel(), minlength=n_classes) for one in train)
    shares = pixel_shares(np.asarray(counts).tolist())
    weights = scaled(job.weighting(shares), shares)
    return replace(job.rule, loss=class_weighted(job.rule.loss, weights))


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
