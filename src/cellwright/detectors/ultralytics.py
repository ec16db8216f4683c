"""Ultralytics networks as rows of the table (AGPL-3.0, optional extra ``ultralytics``).

Trained by that package's own engine on 8-bit copies of exactly the pixels our own
detector sees, switched quiet and offline, from scratch. What it makes carries its
licence: such bundles say so in their card and are not part of the zoo.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import albumentations as A
import numpy as np
import torch
from PIL import Image as PillowImage
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from cellwright.bundles.card import UltralyticsBoxes
from cellwright.bundles.sessions import open_session
from cellwright.data.formats import FORMATS
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.data.pictures import Picture8, prepared_picture, visible_boxes
from cellwright.data.transforms import GREY
from cellwright.detectors.protocol import DetectionJob, ExportedDetector
from cellwright.errors import BundleError, ConfigError, MissingExtraError, UnknownNameError
from cellwright.images.tiles import plan_tiles
from cellwright.images.write import write_png
from cellwright.types import Annotation, Boxes

MAX_DETECTIONS = 3000
"""Boxes an image in the engine's own validation; its default of 300 would cut dense fields."""

STRIDES = (8, 16, 32)
"""Of the three levels that every network of the table predicts on."""

FLIPS = {"fliplr": 0.5, "flipud": 0.5}

AUGMENTATION_ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "engine": dict,
    "none": lambda: (
        {"mosaic": 0, "translate": 0, "scale": 0, "hsv_h": 0, "hsv_s": 0, "hsv_v": 0}
        | {"fliplr": 0, "erasing": 0, "augmentations": []}
    ),
    "flips": lambda: AUGMENTATION_ARGUMENTS["none"]() | FLIPS,
    "cells": lambda: {"mosaic": 0.5, "scale": 0.4, "translate": 0.1, "augmentations": []} | FLIPS,
    "paper1": lambda: (
        {
            "mosaic": 0.5,
            "degrees": 0.25,
            "translate": 0.25,
            "scale": 0.25,
            "shear": 0.25,
            "perspective": 0.0,
            "augmentations": [
                A.MotionBlur(p=0.25),
                A.MedianBlur(blur_limit=3, p=0.10),
                A.Blur(blur_limit=3, p=0.10),
                A.ImageCompression(compression_type="jpeg", quality_range=(85, 100), p=0.15),
            ],
        }
        | FLIPS
    ),
}
"""The presets of ``data.transforms`` in the engine's official arguments; ``engine`` is its own."""


class UltralyticsSettings(BaseModel):
    """Settings of an ultralytics row.

    Attributes:
        optimizer: ``engine`` lets the engine choose; ``schedule`` takes AdamW (beta1 0.9)
            with the rate, decay, warm-up and last epochs of the run's schedule, for
            comparisons in which every network is trained alike.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimizer: Literal["engine", "schedule"] = "engine"


def engine(config_dir: Path) -> ModuleType:
    """The ultralytics package, told to stay offline and to keep its files in ``config_dir``."""
    config_dir.mkdir(parents=True, exist_ok=True)
    # Read once, when the package is first imported.
    os.environ["YOLO_OFFLINE"] = "1"
    os.environ["YOLO_AUTOINSTALL"] = "0"
    os.environ["YOLO_VERBOSE"] = "0"
    # A relative one would be looked for wherever the program happens to stand later.
    os.environ["YOLO_CONFIG_DIR"] = str(config_dir.resolve())
    with _globals_kept():
        import ultralytics  # noqa: PLC0415 - optional extra, and the variables above come first

    settings: Any = ultralytics.settings
    settings.update({"sync": False})
    return ultralytics


@contextmanager
def _globals_kept() -> Iterator[None]:
    """Undoes what the package changes in others when it is imported.

    It sets how NumPy and PyTorch print numbers, and lets Pillow ask for a package to be installed
    where a file is no image, in place of saying so.
    """
    printing, opening, saving = np.get_printoptions(), PillowImage.open, torch.save
    was_imported = "ultralytics" in sys.modules
    yield
    np.set_printoptions(**printing)
    PillowImage.open = opening
    torch.save = saving
    if not was_imported:
        torch.set_printoptions(profile="default")  # type: ignore[no-untyped-call]


class UltralyticsDetector:
    """One network of the package, by the name of its yaml.

    Args:
        network: for instance ``yolo11n``.
    """

    licence = "AGPL-3.0"
    ours = False
    settings: type[BaseModel] = UltralyticsSettings
    augmentations: Collection[str] = AUGMENTATION_ARGUMENTS.keys()

    def __init__(self, network: str) -> None:
        self.network = network

    def require(self) -> None:
        """Raise a MissingExtraError where the extra is not installed."""
        if find_spec("ultralytics") is None:
            raise MissingExtraError("ultralytics", "ultralytics")

    def train(self, job: DetectionJob, settings: dict[str, Any]) -> ExportedDetector:
        """Train from scratch with the package's engine, resume if a run was cut short, export."""
        self.require()
        try:
            chosen = UltralyticsSettings.model_validate(settings)
        except ValidationError as error:
            raise ConfigError(
                f"detector.settings {sorted(settings)} do not apply to {self.network}",
                remedy="leave detector.settings empty, or set optimizer: engine or schedule",
            ) from error
        if job.input.channels not in (1, 3):
            raise ConfigError(
                f"{self.network} takes grey or RGB pictures, not {job.input.channels} channels",
                remedy="use detector.name: cell-detector",
            )
        yolo = engine(job.run_dir / "ultralytics-config").YOLO
        last = job.run_dir / "ultralytics" / "weights" / "last.pt"
        done = job.run_dir / "ultralytics" / "done"
        if not done.exists():
            if last.exists():
                yolo(last).train(resume=True)
            else:
                data = _write_pictures(job)
                yolo(f"{self.network}.yaml").train(**_arguments(job, data, chosen))
            done.touch()
        return self._export(yolo(last.with_name("best.pt")), job)

    def _export(self, model: Any, job: DetectionJob) -> ExportedDetector:
        # Without nms=False also the end-to-end networks give their one-to-many head, which
        # has no limit of 300 boxes; suppression is ours, as for every other network.
        path = Path(
            model.export(
                format="onnx", dynamic=True, simplify=False, opset=17, imgsz=list(job.window)
            )
        )
        network = model.model.float().eval()

        def reference(x: Tensor) -> tuple[Tensor, ...]:
            with torch.no_grad():
                out = network(x)
            return (out[0] if isinstance(out, tuple | list) else out,)

        graph = path.read_bytes()
        _check_graph(graph, job)
        return ExportedDetector(
            graph=graph,
            output=UltralyticsBoxes(),
            output_names=("output0",),
            reference=reference,
            licence_note="Made with ultralytics: the weights and graph are AGPL-3.0.",
        )


def _check_graph(graph: bytes, job: DetectionJob) -> None:
    """Prove that the graph answers for every position, not for the best so many of them.

    Raises:
        BundleError: it gives a fixed number of boxes.
    """
    height, width = job.window
    blank = np.zeros((1, job.input.channels, height, width), np.float32)
    found = open_session(graph, runtime="onnxruntime").run(blank)["output0"].shape
    positions = sum((height // stride) * (width // stride) for stride in STRIDES)
    wanted = (1, 4 + len(job.classes), positions)
    if found != wanted:
        raise BundleError(
            f"the exported graph gives {found}, not {wanted}: a head with a fixed number of "
            "boxes loses cells of dense images",
            remedy="update the package: pip install -U 'ultralytics>=8.4.142'",
        )


def _optimizer(job: DetectionJob) -> dict[str, Any]:
    """AdamW of the run's schedule in the engine's arguments; momentum is AdamW's beta1 there."""
    schedule = job.schedule
    return {
        "optimizer": "AdamW",
        "lr0": schedule.learning_rate,
        "lrf": schedule.final_fraction,
        "momentum": 0.9,
        "weight_decay": schedule.weight_decay,
        "warmup_epochs": schedule.warmup_epochs,
        "warmup_bias_lr": 0.0,
        "close_mosaic": schedule.gentle_epochs,
    }


def _arguments(job: DetectionJob, data: Path, settings: UltralyticsSettings) -> dict[str, Any]:
    schedule = job.schedule
    if schedule.augmentation not in AUGMENTATION_ARGUMENTS:
        raise UnknownNameError(
            "augmentation preset for ultralytics", schedule.augmentation, AUGMENTATION_ARGUMENTS
        )
    return {
        "data": str(data),
        "epochs": schedule.epochs,
        "imgsz": max(job.window),
        "batch": schedule.batch_size,
        # The engine piles up gradients to 64 images: on small data almost no steps are left.
        "nbs": schedule.batch_size,
        "seed": schedule.seed,
        "pretrained": False,
        "amp": False,
        "plots": False,
        "device": 0 if torch.cuda.is_available() else "cpu",
        "workers": 2,
        # A relative one would land below a folder of the engine's own.
        "project": str(job.run_dir.resolve()),
        "name": "ultralytics",
        "exist_ok": True,
        "max_det": MAX_DETECTIONS,
        "verbose": False,
        **AUGMENTATION_ARGUMENTS[schedule.augmentation](),
        **(_optimizer(job) if settings.optimizer == "schedule" else {}),
    }


def _write_pictures(job: DetectionJob) -> Path:
    """8-bit PNG copies of what the network is to see, in the engine's layout."""
    folder = job.run_dir / "ultralytics-data"
    source = folder / "pictures"
    source.mkdir(parents=True, exist_ok=True)
    records: list[Record] = []
    for split, labelled in (("train", job.train), ("val", job.val)):
        for index, record in enumerate(labelled):
            picture, boxes = prepared_picture(
                record,
                channels=job.input.channels,
                normalisation=job.input.normalisation,
                resize_factor=job.input.resize_factor,
            )
            cut = pieces(picture, boxes, edge_px=max(job.window), overlap_px=job.input.overlap_px)
            for number, (piece, labels) in enumerate(cut):
                path = source / f"{split}{index:06d}-{number:03d}.png"
                write_png(path, np.ascontiguousarray(piece.transpose(2, 0, 1)))
                records.append(
                    replace(
                        record,
                        id=path.stem,
                        image_path=path,
                        load_annotation=partial(_same, labels),
                        split=split,
                    )
                )
    target = folder / "yolo"
    FORMATS["yolo"].write(LabelledSet("pictures", job.classes, tuple(records)), target)
    data = target / "data.yaml"
    # The engine makes three-channel networks of grey pictures unless it is told.
    with data.open("a", encoding="utf-8") as file:
        file.write(f"channels: {job.input.channels}\n")
    return data


def pieces(
    picture: Picture8, boxes: Boxes, *, edge_px: int, overlap_px: int
) -> Iterator[tuple[Picture8, Boxes]]:
    """A picture cut, and padded with grey, so that the longer side of every piece is ``edge_px``.

    The engine scales the longer side to that length; so it scales nothing, and cells are
    learned at the size at which inference will show them.

    Args:
        picture: ``(H, W, C)`` uint8.
        boxes: labels in its pixels.
        edge_px: longer side of the pieces.
        overlap_px: what neighbouring pieces share; at most half of a piece is.
    """
    height, width, channels = picture.shape
    overlap_px = min(overlap_px, edge_px // 2)
    for tile in plan_tiles(height, width, tile_px=edge_px, overlap_px=overlap_px):
        piece = picture[tile.y0 : tile.y1, tile.x0 : tile.x1]
        rows, columns, _ = piece.shape
        labels = visible_boxes(boxes.shifted(-tile.x0, -tile.y0), rows=rows, columns=columns)
        if max(rows, columns) < edge_px:
            shape = (edge_px, columns) if rows > columns else (rows, edge_px)
            padded = np.full((*shape, channels), GREY, np.uint8)
            padded[:rows, :columns] = piece
            piece = padded
        yield piece, labels


def _same(annotation: Annotation) -> Annotation:
    return annotation
