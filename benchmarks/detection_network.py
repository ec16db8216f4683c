"""The network and the pictures of `detection.py`: made once, kept in its run folder.

yolo11n, from scratch, on simulated live/dead fields drawn at half their size: a few minutes
of a processor, enough to count simulated nuclei, and no more is asked of it. Speed and
accuracy are then compared on other fields with the very same weights on both sides.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cellwright.detectors.ultralytics import engine
from cellwright.images.simulate.camera import Camera
from cellwright.images.simulate.live_dead import LiveDeadPair, LiveDeadScene, simulate_series
from cellwright.images.simulate.storage import write_series
from cellwright.images.write import atomic_path
from cellwright.learning.config import TrainConfig
from cellwright.learning.train import train

SEED = 3
LONGEST_PX = 1280
"""Longer side of the network's input for a whole field, as paper 1 has it."""

SCENE = LiveDeadScene(camera=Camera(bit_depth=8))
PIECE = replace(SCENE, height=480, width=640, n_cells=40)
N_TRAINING_PAIRS = 80
EPOCHS = 8


@dataclass(frozen=True)
class Files:
    """What the contestants are given.

    Attributes:
        weights: for the peer's engine.
        onnx: the peer's own export of them, with its defaults, for fields of this shape.
        bundle: the same weights for ours.
        int8: the same in 8 bits, by our own ``compress``.
        pairs: set of labelled test fields in grey, ``images/NAME_blue.png``, ``_red.png``.
        colour: the same pictures stored with three equal channels.
    """

    weights: Path
    onnx: Path
    bundle: Path
    int8: Path
    pairs: Path
    colour: Path


def prepare(folder: Path, *, n_pairs: int) -> Files:
    """Make what is not there yet: training set, network, exports, test fields."""
    folder = folder.resolve()
    bundle = _trained(folder)
    weights = folder / "training" / "ultralytics" / "weights" / "best.pt"
    return Files(
        weights=weights,
        onnx=_exported(weights, folder / "peer.onnx"),
        bundle=bundle,
        int8=_compressed(bundle, folder),
        pairs=_written(folder / f"pairs-{n_pairs}", n_pairs, colour=False),
        colour=_written(folder / f"pairs-{n_pairs}-colour", n_pairs, colour=True),
    )


def _trained(folder: Path) -> Path:
    data = folder / "training-pairs"
    if not data.exists():
        pieces = simulate_series(N_TRAINING_PAIRS, PIECE, name="training", seed=SEED)
        _write(data, _in_colour(pieces))
    config = TrainConfig.model_validate(
        {
            "name": "yolo11n-simulated",
            "seed": SEED,
            "data": {
                "path": data,
                "format": "csv",
                "licence": "Apache-2.0",
                "by": "image",
                "ratios": {"train": 80, "val": 20},
            },
            "input": {"longest_px": LONGEST_PX * PIECE.width // SCENE.width, "tile_px": LONGEST_PX},
            "detector": {"name": "yolo11n", "settings": {"optimizer": "schedule"}},
            "schedule": {
                "epochs": EPOCHS,
                "batch_size": 4,
                "warmup_epochs": 1,
                "gentle_epochs": 0,
                "augmentation": "flips",
            },
        }
    )
    bundle = folder / "training" / f"{config.name}.cellwright"
    if not bundle.exists():
        train(config, folder / "training")
    return bundle


def _compressed(bundle: Path, folder: Path) -> Path:
    """8 bits by the command, which writes nothing if too much accuracy is lost."""
    path = folder / f"{bundle.stem}-int8.cellwright"
    if not path.exists():
        words = [bundle, folder / "training-pairs", "--format", "csv", "--part", "val"]
        words += ["--split", folder / "training" / "split.csv", "--ranges", "minmax"]
        words += ["--runtime", "openvino", "--out", path]
        command = Path(sys.executable).with_name("cellwright")
        subprocess.run([command, "compress", *words], check=True)
    return path


def _exported(weights: Path, path: Path) -> Path:
    """The peer's export for this input; everything else is its default."""
    if not path.exists():
        model = engine(path.parent / "ultralytics-config").YOLO(weights)
        shape = [LONGEST_PX * SCENE.height // SCENE.width, LONGEST_PX]
        shutil.move(model.export(format="onnx", imgsz=shape), path)
    return path


def _written(folder: Path, n_pairs: int, *, colour: bool) -> Path:
    if not folder.exists():
        pairs = simulate_series(n_pairs, SCENE, name="test", seed=SEED + 1)
        _write(folder, _in_colour(pairs) if colour else pairs)
    return folder


def _write(folder: Path, pairs: Iterator[LiveDeadPair]) -> None:
    """Pairs under one class, since a grey picture does not show which dye it is of."""
    with atomic_path(folder) as temporary:
        write_series(temporary, pairs, classes=("nucleus", "nucleus"))


def _in_colour(pairs: Iterator[LiveDeadPair]) -> Iterator[LiveDeadPair]:
    for pair in pairs:
        yield replace(pair, blue=pair.blue.repeat(3, axis=0), red=pair.red.repeat(3, axis=0))
