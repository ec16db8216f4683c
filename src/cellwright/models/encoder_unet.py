"""A U-Net whose way down is an image classifier of the timm package: residual, ConvNeXt and others.

Ronneberger, Fischer and Brox (MICCAI 2015) left open what the encoder is made of. Here it is
the body of a ResNet (He et al., CVPR 2016), a ConvNeXt (Liu et al., CVPR 2022) or any other
network of timm that gives maps at strides which double. Such bodies begin at a half or a
quarter of the resolution, too coarse for lines a few pixels wide: the levels above them, the
image's own first, are the plain pairs of convolutions of :mod:`cellwright.models.unet`, and so
is the way up. Weights begin by chance; nothing is ever downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from cellwright.errors import ConfigError, MissingExtraError
from cellwright.models.unet import Up, check_multiple, decode, double_conv, encode


class EncoderUNet(nn.Module):
    """The whole network.

    Args:
        n_outputs: channels of the result, as for :class:`~cellwright.models.unet.UNet`.
        n_channels: image channels.
        encoder: timm's name: ``resnet10t``, ``resnet18d``, ``convnext_atto`` …
        encoder_settings: what timm's constructor takes, for instance ``channels`` of a ResNet's
            four stages, or ``dims`` and ``depths`` of a ConvNeXt's.
        fine_width: channels at the image's own resolution; twice as many a level below it.

    Attributes:
        strides: of the encoder's maps, finest first.
        multiple: what height and width of the input must divide by.

    Raises:
        MissingExtraError: timm is not installed.
        ConfigError: fewer than 1 output or channel, or no such encoder.
    """

    def __init__(
        self,
        n_outputs: int,
        n_channels: int = 1,
        *,
        encoder: str = "resnet10t",
        encoder_settings: Mapping[str, Any] | None = None,
        fine_width: int = 16,
    ) -> None:
        super().__init__()
        if n_outputs < 1 or fine_width < 1:
            raise ConfigError(
                f"no U-Net of {n_outputs} outputs and {fine_width} fine channels",
                remedy="use at least 1 of each",
            )
        self.encoder = timm_body(encoder, n_channels, encoder_settings or {})
        info: Any = self.encoder.feature_info
        self.strides: tuple[int, ...] = tuple(info.reduction())
        self.multiple = self.strides[-1]
        fine = [fine_width * 2**level for level in range(self.strides[0].bit_length() - 1)]
        self.fine = nn.ModuleList(double_conv(a, b) for a, b in pairwise([n_channels, *fine]))
        widths = [*fine, *info.channels()]
        self.up = nn.ModuleList(Up(below, skip) for skip, below in pairwise(widths))
        self.head = nn.Conv2d(widths[0], n_outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits as large as the image.

        Args:
            x: ``(N, n_channels, H, W)`` float in [0, 1], H and W multiples of ``multiple``;
                whoever calls pads.

        Returns:
            ``(N, n_outputs, H, W)``.

        Raises:
            ImageError: H or W is no multiple.
        """
        check_multiple(x, self.multiple)
        x = x - 0.5
        maps = [*encode(self.fine, x), *self.encoder(x)]
        out: Tensor = self.head(decode(self.up, maps))
        return out


def timm_body(name: str, n_channels: int, settings: Mapping[str, Any]) -> nn.Module:
    """A classifier of timm without its head: an image to a list of maps, finest first.

    Raises:
        MissingExtraError: timm is not installed.
        ConfigError: no such network, or one whose strides do not double from level to level.
        TypeError: settings that it does not take.
    """
    try:
        import timm  # noqa: PLC0415 - takes seconds to import, and only this row needs it
    except ImportError as error:
        raise MissingExtraError("timm", "train") from error

    where, remedy = "segmentation.settings.encoder", "for instance resnet10t or convnext_atto"
    if name not in timm.list_models():
        raise ConfigError(f"timm has no network called {name!r}", where=where, remedy=remedy)
    try:
        body: nn.Module = timm.create_model(
            name, pretrained=False, features_only=True, in_chans=n_channels, **settings
        )
        info: Any = body.feature_info
        strides = info.reduction()
    except (AttributeError, RuntimeError) as error:  # what timm says of networks without levels
        raise ConfigError(
            f"{name} has no maps to build a U-Net from ({error})", where=where, remedy=remedy
        ) from error
    if strides[0] & (strides[0] - 1) or any(below != 2 * one for one, below in pairwise(strides)):
        raise ConfigError(
            f"the strides of {name} are {strides}, each must be twice the one before",
            where=where,
            remedy=remedy,
        )
    return body
