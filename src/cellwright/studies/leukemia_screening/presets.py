"""How large a run of the study is.

The paper names the networks, the split of 80:10:10 and Adam; size, rate, length and augmentation
are ours and alike in all rows. ImageNet weights are taken where they lie on the computer; where
they do not, VGG16 and ResNet50 are not attempted on a processor: from chance they would need days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NETWORKS = ("cnn", "recipe")
REMEDIES = ("cnn-jitter", "cnn-grey", "cnn-standardised", "cnn-cells")
"""What each remedy brings by itself."""
CONTROLS = ("histogram", "background")
CLASSICAL = tuple(
    f"{model}{sampling}"
    for model in ("svm", "random-forest", "decision-tree")
    for sampling in ("", "-smote")
)
TRANSFERRED = ("vgg16", "resnet50")


@dataclass(frozen=True)
class Preset:
    """Everything that sets the size of a run.

    Attributes:
        summary: one sentence for listings.
        crop_px: edge of what the small networks are fed.
        width: channels of their first stage.
        schedule: fields of ``ScheduleConfig`` but the augmentation.
        rows: variants that are trained.
        features_px: edge of the fields that hand-made features are measured on.
        transferred_px: edge of what VGG16 and ResNet50 are fed.
        transferred_epochs: their epochs; the first third learns the class layers only.
        simulated: fields a class to draw where no images are given; 0 takes the public set.
        threads: processor threads; None takes all.
        seed: of weights, order and augmentation.
    """

    summary: str
    crop_px: int
    width: int
    schedule: dict[str, Any]
    rows: tuple[str, ...] = (*NETWORKS, *CONTROLS, *CLASSICAL, *REMEDIES, *TRANSFERRED)
    features_px: int = 224
    transferred_px: int = 224
    transferred_epochs: int = 30
    simulated: int = 0
    threads: int | None = None
    seed: int = 0


_SCHEDULE = {"batch_size": 32, "learning_rate": 3e-3, "weight_decay": 0.05, "gentle_epochs": 0}

PRESETS: dict[str, Preset] = {
    "cpu": Preset(
        summary=(
            "fields at 112 pixels, 6 epochs of a network of 16 to 128 channels; about half an "
            "hour on one core, not trained to the end"
        ),
        crop_px=112,
        width=16,
        features_px=112,
        schedule=_SCHEDULE | {"epochs": 6, "warmup_epochs": 1.0},
        threads=1,
    ),
    "gpu": Preset(
        summary="fields at 224 pixels, 60 epochs, VGG16 and ResNet50 from ImageNet; needs a GPU",
        crop_px=224,
        width=32,
        schedule=_SCHEDULE | {"epochs": 60},
    ),
    "paper": Preset(
        summary="as gpu, 100 epochs; the paper does not say how long it trained",
        crop_px=224,
        width=32,
        schedule=_SCHEDULE | {"epochs": 100},
        transferred_epochs=60,
    ),
    "quick": Preset(
        summary="drawn fields, two epochs, seconds: shows that everything runs, no more",
        crop_px=32,
        width=8,
        schedule=_SCHEDULE | {"epochs": 2, "batch_size": 8, "warmup_epochs": 0.0, "ema_decay": 0.5},
        rows=("recipe", "background", "svm-smote", "vgg16"),
        features_px=48,
        simulated=20,
        threads=1,
    ),
}
