"""How large a run of the study is. The published settings stand in ``paper`` alone.

The paper: crops of 66 x 66, Adam at 1e-4, batch 32, halted at epoch 22; GANs of 64 x 64, 7,000
epochs, in batches and at rates of their own for each phase (``learning.generation.PAPER4``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cellwright.studies.cell_cycle_cnn.methods import TRAINED, Channels

LABEL_FREE: Channels = "label-free"
STAINED: Channels = "stained"
PAPER_EPOCHS = 22

EVERY: tuple[tuple[str, Channels], ...] = (
    ("cnn", LABEL_FREE),
    ("resnet", LABEL_FREE),
    ("cnn", STAINED),
    ("resnet", STAINED),
)

PLAIN_SCHEDULE: dict[str, Any] = {
    "epochs": PAPER_EPOCHS,
    "batch_size": 32,
    "learning_rate": 1e-4,
    "weight_decay": 0.0,
    "warmup_epochs": 0.0,
    "augmentation": "none",
    "gentle_epochs": 0,
}
"""The paper's, for its network and for the ResNets: no augmentation but the generated crops."""

OUR_SCHEDULE: dict[str, Any] = {
    "epochs": 45,
    "batch_size": 64,
    "learning_rate": 3e-3,
    "weight_decay": 0.05,
    "augmentation": "moved",
    "gentle_epochs": 9,
}
"""The recipe of the zoo."""


@dataclass(frozen=True)
class Preset:
    """Everything that sets the size of a run.

    Attributes:
        summary: one sentence for listings.
        cnn: fields of ``ScheduleConfig`` of the paper's network.
        resnet: the same of the ResNet.
        ours: the same of our pipeline.
        architecture: of the ResNet, as timm names it.
        width: of our network.
        gan: fields of ``GanSettings`` that replace the paper's.
        gan_px: edge of generated crops.
        n_folds: of the cross-validation.
        augmented: network and channels that are trained with generated crops too.
        augmented_folds: folds these are judged on; empty judges all.
        methods: who is trained.
        simulated: simulated cells of each phase where no data are given; empty takes the public
            set.
        threads: processor threads.
        seed: of folds, weights, order and noise.
    """

    summary: str
    cnn: dict[str, Any]
    resnet: dict[str, Any]
    ours: dict[str, Any]
    architecture: str = "resnet18"
    width: int = 32
    gan: dict[str, Any] = field(default_factory=dict)
    gan_px: int = 64
    n_folds: int = 5
    augmented: tuple[tuple[str, Channels], ...] = EVERY
    augmented_folds: tuple[int, ...] = ()
    methods: tuple[str, ...] = TRAINED
    simulated: tuple[int, ...] = ()
    threads: int | None = None
    seed: int = 0


_FAST = {"learning_rate": 1e-3, "ema_decay": 0.95}

PRESETS: dict[str, Preset] = {
    "cpu": Preset(
        summary=(
            "every network on five folds, the paper's with 4 epochs at ten times the rate, the "
            "ResNet with 3, ours with 30; GANs of 32 px with 40 epochs, judged on one fold; three "
            "quarters of an hour on one free core"
        ),
        cnn=PLAIN_SCHEDULE | _FAST | {"epochs": 4},
        resnet=PLAIN_SCHEDULE | _FAST | {"epochs": 3},
        ours=OUR_SCHEDULE | {"epochs": 30, "gentle_epochs": 6},
        architecture="resnet10t",
        width=16,
        gan={"epochs": 40, "width": 16, "latent": 32, "learning_rate": 2e-4},
        gan_px=32,
        augmented=(("cnn", LABEL_FREE),),
        augmented_folds=(0,),
        threads=1,
    ),
    "gpu": Preset(
        summary="the paper's settings, GANs with 700 instead of 7,000 epochs; needs a GPU",
        cnn=PLAIN_SCHEDULE,
        resnet=PLAIN_SCHEDULE,
        ours=OUR_SCHEDULE | {"epochs": 100, "gentle_epochs": 20},
        gan={"epochs": 700},
    ),
    "paper": Preset(
        summary="the paper's settings, GANs with 7,000 epochs; needs a GPU and a day",
        cnn=PLAIN_SCHEDULE,
        resnet=PLAIN_SCHEDULE,
        ours=OUR_SCHEDULE | {"epochs": 100, "gentle_epochs": 20},
    ),
    "quick": Preset(
        summary="few simulated cells, one epoch: shows that everything runs, no more",
        cnn=PLAIN_SCHEDULE | {"epochs": 1, "batch_size": 16},
        resnet=PLAIN_SCHEDULE | {"epochs": 1, "batch_size": 16},
        ours=OUR_SCHEDULE | {"epochs": 1, "gentle_epochs": 0, "batch_size": 16},
        architecture="resnet10t",
        width=8,
        gan={"epochs": 1, "width": 4, "latent": 4},
        gan_px=16,
        n_folds=2,
        augmented=(("cnn", LABEL_FREE),),
        augmented_folds=(0,),
        simulated=(18, 14, 14, 12, 10, 10, 10),
        threads=1,
    ),
}
