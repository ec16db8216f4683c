"""ResNets of the timm package, the kind that Jin et al. and Rana et al. staged cells with.

Jin, Zou and Huang (Information 12:249, 2021) and Rana, Sowmya, Meijering and Song (ISBI 2022)
are what paper 4 compares its network with, and paper 5 carries ResNet50 over from ImageNet. Weights
begin by chance unless ``weights`` says otherwise; nothing is ever downloaded here.
"""

from __future__ import annotations

from torch import nn

from cellwright.errors import ConfigError, MissingExtraError
from cellwright.models.imagenet import begin_with


def timm_resnet(
    n_classes: int,
    n_channels: int = 3,
    *,
    crop_px: tuple[int, int] = (64, 64),  # noqa: ARG001 - these networks take any size
    architecture: str = "resnet18",
    weights: str = "",
    dropout: float = 0.0,
) -> nn.Module:
    """A ResNet of timm with logits ``(N, n_classes)``.

    Args:
        n_classes: classes.
        n_channels: image channels; other numbers than 3 adapt the first layer.
        crop_px: not needed, given to every classifier.
        architecture: timm's name, ``resnet18``, ``resnet50`` …
        weights: ``imagenet`` or a file to begin with; empty begins with chance.
        dropout: before the last layer.

    Raises:
        MissingExtraError: timm is not installed.
        ConfigError: no such architecture, or weights that are not there.
    """
    try:
        import timm  # noqa: PLC0415 - takes seconds to import, and only this row needs it
    except ImportError as error:
        raise MissingExtraError("timm", "train") from error

    if not architecture.startswith("resnet") or architecture not in timm.list_models("resnet*"):
        raise ConfigError(
            f"timm has no ResNet called {architecture!r}",
            where="classification.settings.architecture",
            remedy="for instance resnet18, resnet34 or resnet50",
        )
    network: nn.Module = timm.create_model(
        architecture,
        pretrained=False,
        num_classes=n_classes,
        in_chans=n_channels,
        drop_rate=dropout,
    )
    if weights:
        begin_with(network, weights, architecture=architecture)
    return network
