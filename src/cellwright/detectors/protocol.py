"""What learning asks of a detector, whoever wrote its network.

A :class:`Detector` turns a :class:`DetectionJob` into an :class:`ExportedDetector`:
an ONNX graph and how to read it. How the weights are found is its own business;
our own detector uses the ``fit`` that comes with the job, the ultralytics rows use
that package's engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel
from torch import Tensor, nn

from cellwright.bundles.card import BoxDecoding, InputSpec
from cellwright.data.labelled_set import LabelledSet
from cellwright.detectors.assignment import Targets

Objective = Callable[[list[Tensor], Targets], dict[str, Tensor]]
"""Raw network outputs and targets to losses, the one to descend under ``loss``."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn; see ``learning.config.ScheduleConfig`` for each field."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup_epochs: float
    final_fraction: float
    ema_decay: float
    augmentation: str
    gentle_epochs: int
    precision: str
    seed: int
    patience: int | None = None


@dataclass(frozen=True)
class DetectionJob:
    """Everything a detector needs to be trained once.

    Attributes:
        train: labelled images to learn from.
        val: labelled images to choose the best epoch by.
        input: how pixels become network input; the same for training and the bundle.
        window: (height, width) of a training picture in network pixels.
        crops_per_image: training windows drawn from an image in an epoch.
        schedule: how long and how fast.
        run_dir: where checkpoints and logs go; a second start resumes from there.
        fit: trains a torch network with its objective and returns the best weights' network.
        watch: told of every epoch that ``fit`` has validated: epoch, figure, network.
    """

    train: LabelledSet
    val: LabelledSet
    input: InputSpec
    window: tuple[int, int]
    crops_per_image: int
    schedule: Schedule
    run_dir: Path
    fit: Callable[[nn.Module, Objective, DetectionJob, BoxDecoding], nn.Module]
    watch: Callable[[int, float, nn.Module], None] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the class ids."""
        return self.train.classes


@dataclass(frozen=True)
class ExportedDetector:
    """A trained detector, ready to be bundled.

    Attributes:
        graph: ONNX model bytes.
        output: how the graph's output is laid out.
        output_names: the graph's outputs, in order.
        reference: the network behind the graph; parity is measured against it.
        vote_iou: how boxes are voted on (``inference.voting``); None for a network that is to be
            read as its makers read it.
        licence_note: what the graph's origin asks of whoever ships it, or empty.
    """

    graph: bytes
    output: BoxDecoding
    output_names: tuple[str, ...]
    reference: Callable[[Tensor], tuple[Tensor, ...]]
    vote_iou: float | None = None
    licence_note: str = ""


class Detector(Protocol):
    """One row of :data:`cellwright.detectors.DETECTORS`.

    Attributes:
        licence: of its networks.
        ours: whether it is trained by the job's ``fit`` and gives dense boxes, so that it can
            start from a bundle and average over mirror images.
        settings: what may stand in ``detector.settings``.
        augmentations: presets that ``schedule.augmentation`` may name.
    """

    licence: str
    ours: bool
    settings: type[BaseModel]
    augmentations: Collection[str]

    def require(self) -> None:
        """Raise a MissingExtraError where a package that the row needs is not installed."""
        ...

    def train(self, job: DetectionJob, settings: dict[str, Any]) -> ExportedDetector:
        """Train on the job; ``settings`` are the row's own, checked by the row."""
        ...
