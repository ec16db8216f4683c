"""A small U-Net that has learned bright discs by heart in seconds, and bundles of it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from cellwright.bundles.bundle import graph_entry, write_bundle
from cellwright.bundles.card import Card, InputSpec, TrainingRecord
from cellwright.bundles.export import export_network
from cellwright.bundles.mask_output import DistanceInstances, SemanticMasks
from cellwright.data.mask_pictures import MaskPicture
from cellwright.learning.mask_windows import MaskBatch, MaskWindows, collate_masks, target_of
from cellwright.learning.run_record import test_tensors as replay_tensors
from cellwright.losses import LOSSES
from cellwright.models.unet import UNet
from tiny_masks import draw_discs

GRAPH = "graphs/fp32.onnx"
SETTINGS = {"base_width": 8, "levels": 3}
LOSS = {"semantic": "dice-bce", "instances": "distance-instances"}


def disc_pictures(n_images: int = 4, *, edge: int = 64) -> list[MaskPicture]:
    """Bright discs that touch, with their numbers."""
    drawn = (draw_discs(8, edge=edge, seed=seed) for seed in range(n_images))
    return [
        MaskPicture(pixels.transpose(1, 2, 0), cells.labels, cells.class_ids)
        for pixels, cells in drawn
    ]


def disc_batch(task: str, *, n_images: int = 4, edge: int = 64) -> MaskBatch:
    """:func:`disc_pictures` and what a network for ``task`` should say of them."""
    windows = MaskWindows(
        disc_pictures(n_images, edge=edge),
        (edge, edge),
        target=target_of(task, n_classes=1),
        crops_per_image=1,
        presets=((0, "none"),),
        seed=0,
    )
    return collate_masks([windows[(0, index)] for index in range(n_images)])


def learned_unet(task: str, *, steps: int = 40) -> UNet:
    """A U-Net of :data:`SETTINGS` that knows the discs of :func:`disc_batch`."""
    torch.manual_seed(0)
    network = UNet(1 if task == "semantic" else 2, 1, **SETTINGS)
    teach(network, task, steps=steps)
    return network.eval()


def teach(network: nn.Module, task: str, *, steps: int, rate: float = 5e-3) -> list[float]:
    """The losses of some steps of Adam."""
    batch = disc_batch(task)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    values = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = LOSSES[LOSS[task]](network(batch.images), batch.target, batch.valid)
        value.backward()
        optimizer.step()
        values.append(value.item())
    return values


def write_unet(path: Path, network: nn.Module, task: str) -> Path:
    """``network`` as a bundle with the class ``disc``."""
    multiple = int(network.multiple)  # type: ignore[arg-type]
    spec = InputSpec(channels=1, multiple=multiple, tile_px=128, overlap_px=32)
    graph = export_network(network, channels=1, output_names=["logits"], multiple=multiple)
    card = Card(
        name=path.stem,
        task="semantic" if task == "semantic" else "instances",
        classes=("disc",),
        licence="Apache-2.0",
        input=spec,
        segmentation=SemanticMasks() if task == "semantic" else DistanceInstances(),
        training=TrainingRecord(data="discs", n_images=4),
        graphs=(graph_entry(GRAPH, graph),),
    )
    tests = replay_tensors(lambda image: (network(image),), ["logits"], spec)
    return write_bundle(path, card, {GRAPH: graph}, tests)
