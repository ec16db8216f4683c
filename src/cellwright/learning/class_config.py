"""Settings of the section ``classification`` of a training config."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cellwright.learning.frozen import EachOnce, Frozen
from cellwright.learning.generation_config import Generation
from cellwright.learning.privileged_config import Privileged


class Transfer(Frozen):
    """How a network whose weights come from other pictures learns these.

    Attributes:
        frozen_epochs: first epochs, in which only the class layers learn.
        last_blocks: how many blocks before the class layers learn after them (a convolution or a
            residual block each); None lets the whole network learn.
    """

    frozen_epochs: int = Field(default=0, ge=0)
    last_blocks: int | None = Field(default=None, ge=0)

    def learning_in(self, epoch: int) -> int | None:
        """Blocks that learn in an epoch; None for all."""
        return 0 if epoch < self.frozen_epochs else self.last_blocks


class ClassificationConfig(Frozen):
    """Which model of the tables tells classes apart, and how it is taught.

    Attributes:
        model: row of :data:`cellwright.models.CLASSIFIERS`, or of
            :data:`cellwright.learning.classical_models.CLASSICAL`.
        settings: the model's own, for instance ``width``.
        features: what a model of ``CLASSICAL`` is fed: row of
            :data:`cellwright.features.extractors.EXTRACTORS`; None takes ``simple``.
        members: networks that are trained one after the other from seeds of their own and answer
            together; the bundle holds them as one graph.
        crop_px: (height, width) fed to the network; None takes the median image of the training
            part.
        fit: how other sizes get there: ``centre`` keeps the scale and cuts or grows, for crops
            of single cells; ``resize`` scales the whole image.
        channels: names of the channels to learn from; empty takes all.
        privileged: channels whose measurements the network learns beside the classes, and without
            which it is used; None for none.
        optimizer: row of :data:`cellwright.learning.optimizers.OPTIMIZERS`.
        rate: row of :data:`cellwright.learning.schedules.SCHEDULES`.
        sampling: row of :data:`cellwright.learning.balancing.SAMPLERS`; models of ``CLASSICAL``
            also know ``smote`` and ``undersampled-all``.
        weight_power: a mistake weighs the class's frequency to the power of minus this.
        generation: rare classes of the training part are filled with generated crops; None adds
            none.
        mixup_alpha: crops are mixed by shares from Beta(alpha, alpha); 0 mixes none.
        label_smoothing: share of a target that goes to all classes alike.
        transfer: which layers learn when; None lets all learn from the first epoch on.
        views: orientations that a prediction averages over: 1, or 8 for square crops.
        choose_by: the figure of the validation part whose largest value marks the epoch to ship.
        unlike_quantile: share of the validation images that lie below the threshold from which
            an image counts as unlike all the training images.
    """

    model: str = "resnet"
    settings: dict[str, Any] = Field(default_factory=dict)
    features: str | None = None
    members: int = Field(default=1, ge=1, le=16)
    crop_px: tuple[int, int] | None = None
    fit: Literal["centre", "resize"] = "centre"
    channels: EachOnce = ()
    privileged: Privileged | None = None
    optimizer: str = "adamw"
    rate: str = "warmup-cosine"
    sampling: str = "natural"
    weight_power: float = Field(default=0.0, ge=0, le=2)
    generation: Generation | None = None
    mixup_alpha: float = Field(default=0.0, ge=0, le=4)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    transfer: Transfer | None = None
    views: Literal[1, 8] = 1
    choose_by: Literal["macro_f1", "weighted_f1", "accuracy", "mean_f1"] = "macro_f1"
    unlike_quantile: float = Field(default=0.95, gt=0.5, lt=1)
