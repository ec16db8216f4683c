"""Figures 2 and 9: how large the deepest maps are beside those of the skip, epoch by epoch.

Means of the maps, after their ReLU and squeeze-and-excitation, over one validation window that
stays the same; nothing is enhanced while they are taken. For the module, the maps chosen in
the epoch and the others are told apart. Networks that are no SE-U-Net have only their
validation mIoU written down.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cellwright.data.labelled_set import LabelledSet
from cellwright.images.normalise import Normalisation, apply_limits, channel_limits
from cellwright.images.resize import resize
from cellwright.learning.trainer import Watch
from cellwright.models.se_unet import SEUNet, SupervisedSEUNet

LOG = "magnitudes.jsonl"


def window_of(labelled: LabelledSet, edge_px: int, *, longest_px: int | None = None) -> Tensor:
    """``(1, C, edge, edge)`` float in [0, 1]: the first picture's corner.

    Args:
        labelled: whose first picture.
        edge_px: of the window, in network pixels.
        longest_px: the picture's longer side in network pixels; None leaves it as it is.
    """
    image = labelled.records[0].load().image
    if longest_px is not None:
        height, width = image.shape[1:]
        factor = longest_px / max(height, width)
        image = resize(image, round(height * factor), round(width * factor))
    limits = channel_limits(image, Normalisation(kind="full_range"))
    pixels = apply_limits(image, limits)[:, :edge_px, :edge_px]
    return torch.from_numpy(pixels.astype("float32"))[None]


def magnitudes(network: nn.Module, window: Tensor) -> dict[str, float]:
    """Mean of the deepest maps, of the skip beside them, and of the chosen and other maps."""
    inner = network.inner if isinstance(network, SupervisedSEUNet) else network
    if not isinstance(inner, SEUNet):
        return {}
    was_training = inner.training
    inner.eval()
    with torch.no_grad():
        maps = inner.encode(window.to(next(inner.parameters()).device))
    inner.train(was_training)
    each = maps[-1].mean(dim=(0, 2, 3))
    found = {"deepest": float(each.mean()), "skip": float(maps[-2].mean())}
    chosen = list(getattr(inner.bottom, "chosen", ()))
    if chosen:
        others = torch.ones(len(each), dtype=torch.bool)
        others[chosen] = False
        found["chosen"] = float(each[chosen].mean())
        found["others"] = float(each[others].mean())
    return found


def recorder(folder: Path, window: Tensor, more: Callable[[int, float], None]) -> Watch:
    """Writes a line an epoch beside the training, so that a resumed one goes on with it."""

    def watch(epoch: int, value: float, network: nn.Module) -> None:
        line = {"epoch": epoch, "miou": value, **magnitudes(network, window)}
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        more(epoch, value)

    return watch


def recorded(folder: Path) -> dict[str, list[float]]:
    """Name -> value after each epoch; of an epoch that was done twice the later one."""
    by_epoch: dict[int, dict[str, Any]] = {}
    for line in (folder / LOG).read_text(encoding="utf-8").splitlines():
        held = json.loads(line)
        by_epoch[held.pop("epoch")] = held
    names = next(iter(by_epoch.values()))
    return {name: [by_epoch[epoch][name] for epoch in sorted(by_epoch)] for name in names}
