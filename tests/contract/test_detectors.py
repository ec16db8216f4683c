"""Every detector of the table: trains, exports, and answers through our inference as its own.

The networks are trained for two steps only, which is enough to prove the way from labels to
boxes but leaves all scores near zero. So their last layers are then set by hand, once to
scatter scores and boxes widely and once to be sure of a cell at every position, and what
such a network says itself is compared with what our inference says for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from cellwright.bundles.bundle import Bundle, graph_entry, open_bundle, write_bundle
from cellwright.bundles.sessions import open_session
from cellwright.bundles.verify import verify
from cellwright.data.formats import read_labelled
from cellwright.data.labelled_set import LabelledSet
from cellwright.detectors import DETECTORS
from cellwright.detectors import ultralytics as ultralytics_rows
from cellwright.detectors.protocol import DetectionJob, Schedule
from cellwright.errors import ConfigError
from cellwright.images.normalise import normalise
from cellwright.images.read import read_image
from cellwright.images.write import write_png
from cellwright.inference.decode import decode
from cellwright.inference.nms import nms
from cellwright.inference.predictor import Predictor
from cellwright.learning.config import TrainConfig
from cellwright.learning.train import train
from cellwright.types import Boxes
from tiny_cells import CLASSES, write_cells

ROWS = list(DETECTORS)
ULTRALYTICS = [name for name in ROWS if DETECTORS[name].licence == "AGPL-3.0"]
CONFIDENCE = 0.06
OWN_SETTINGS = {"width": 16, "n_bins": 8}

needs_ultralytics = pytest.mark.skipif(
    find_spec("ultralytics") is None, reason="the extra ultralytics is not installed"
)


def row_parameters(names: list[str]) -> list[object]:
    return [
        pytest.param(name, marks=[needs_ultralytics] if name in ULTRALYTICS else [])
        for name in names
    ]


def a_config(data: Path, detector: str) -> TrainConfig:
    return TrainConfig.model_validate(
        {
            "name": "tiny",
            "threads": 1,
            # Eight training images in fours: two steps. A batch of one image has no variance.
            "data": {"path": str(data), "ratios": {"train": 8, "val": 2, "test": 2}},
            "detector": {
                "name": detector,
                "settings": OWN_SETTINGS if detector == "cell-detector" else {},
            },
            "schedule": {"epochs": 1, "batch_size": 4, "augmentation": "flips"},
        }
    )


@dataclass(frozen=True)
class Run:
    """A row after two steps of training."""

    name: str
    config: TrainConfig
    folder: Path
    bundle: Path


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures whose three colours differ, so that red and blue cannot be mistaken."""
    folder = write_cells(tmp_path_factory.mktemp("labels") / "set", n_images=12)
    for path in (folder / "images").iterdir():
        grey = read_image(path).pixels
        write_png(path, np.concatenate([grey, grey // 2, 255 - grey]))
    return folder


@pytest.fixture(scope="module", params=row_parameters(ROWS))
def run(request, labels, tmp_path_factory) -> Run:
    config = a_config(labels, request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp(request.param))
        # Relative, as it is typed on the command line.
        result = train(config, Path("run"))
        return Run(request.param, config, Path("run").resolve(), result.bundle.resolve())


@pytest.mark.slow
def test_trains_exports_and_ships(run, labels):
    bundle = open_bundle(run.bundle)
    card = bundle.card
    assert card.licence == DETECTORS[run.name].licence
    # The stored answers come from the trained network itself, not from its graph.
    assert all(replay.passed for replay in verify(bundle))
    # Through tiles, normalisation and suppression the same boxes come out as straight from
    # the network, on an image that needs neither tiles nor padding.
    sample = read_labelled(labels).records[0].load()
    predicted = Predictor(bundle).predict(sample.image)
    batch = normalise(sample.image, card.input.normalisation)[None]
    outputs = open_session(bundle.graph(), runtime="onnxruntime").run(batch)
    raw = decode(outputs, card.decoding.output, minimum_score=card.decoding.minimum_score)[0]
    expected = nms(raw, iou=card.decoding.nms_iou, scope="per_class")
    np.testing.assert_allclose(predicted.xyxy, expected.clipped(128, 128).xyxy, atol=1e-3)


def last_layers(network: nn.Module) -> list[nn.Conv2d]:
    """The convolutions that give classes and sides: the only ones with a bias in any row."""
    every = [one for one in network.modules() if isinstance(one, nn.Conv2d)]
    return [one for one in every if one.bias is not None]


def with_weights(
    run: Run, folder: Path, change: Callable[[nn.Module], None]
) -> tuple[Bundle, Path]:
    """The bundle, and the checkpoint, of an ultralytics run whose weights were changed."""
    shutil.copytree(run.folder, folder)
    weights = folder / "ultralytics" / "weights" / "best.pt"
    engine = ultralytics_rows.engine(folder / "ultralytics-config")
    model = engine.YOLO(weights)
    change(model.model)
    model.save(weights)
    # The training is marked as done, so that this only exports.
    return open_bundle(train(run.config, folder).bundle), weights


def texture(seed: int) -> np.ndarray:
    """uint8 ``(3, 256, 320)``: something to see at every scale, and nowhere the same."""
    rng = np.random.default_rng(seed)
    scales = (1, 4, 16, 64)
    layers = [
        np.kron(rng.random((3, 256 // edge, 320 // edge)), np.ones((1, edge, edge)))
        for edge in scales
    ]
    return np.rint(255 * np.mean(layers, axis=0)).astype(np.uint8)


def scatter(network: nn.Module) -> None:
    """Boxes of all sizes, scores from 0 to 1, and no place that may be of both classes.

    There the two sides differ: we keep a box for each class, the engine for the best one.
    """
    generator = torch.Generator().manual_seed(0)
    for layer in last_layers(network):
        gives_classes = layer.out_channels == len(CLASSES)
        # Not more than it takes: what amplifies the picture amplifies rounding, too.
        nn.init.normal_(layer.weight, 0, 1.5 if gives_classes else 0.4, generator=generator)
        if gives_classes:
            # The classes' logits are -3 + a and -3 - a: never are both above CONFIDENCE.
            nn.init.constant_(layer.bias, -3.0)
            with torch.no_grad():
                layer.weight[1] = -layer.weight[0]
    # Two steps leave the running means far from what the layers see; these are measured.
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None
            nn.init.constant_(layer.weight, 0.3)
    pictures = np.stack([texture(seed) for seed in range(1, 9)]).astype(np.float32) / 255
    with torch.no_grad():
        network.train()(torch.from_numpy(pictures))
    network.eval()


def assert_all_found(wanted: Boxes, found: Boxes) -> None:
    """Each of ``wanted`` is in ``found``: place to 0.01 px or 1 in 10,000, score to 0.001.

    One in a hundred may be missing: whether two boxes overlap by more than the limit, or a
    little less, is decided by the last digit of a float here and there.
    """
    place = np.isclose(found.xyxy, wanted.xyxy[:, None], atol=1e-2, rtol=1e-4).all(axis=2)
    score = np.abs(found.scores - wanted.scores[:, None]) < 1e-3
    same = (place & score & (found.class_ids == wanted.class_ids[:, None])).any(axis=1)
    assert same.mean() >= 0.99, wanted.xyxy[~same]


@pytest.mark.slow
def test_predicts_the_boxes_of_its_own_prediction(run, tmp_path):
    """``YOLO(weights).predict`` on a picture that it need not scale, and ours: the same boxes.

    ``nms=True`` asks the two networks with two heads, yolov10n and yolo26n, for the head that
    we export, the one-to-many one; the others have no choice.
    """
    if run.name not in ULTRALYTICS:
        pytest.skip("has no prediction of its own but ours")
    bundle, weights = with_weights(run, tmp_path / "run", scatter)
    pixels = texture(0)
    write_png(tmp_path / "texture.png", pixels)
    model = ultralytics_rows.engine(tmp_path / "config").YOLO(weights)
    (result,) = model.predict(
        tmp_path / "texture.png",
        imgsz=(256, 320),
        conf=CONFIDENCE,
        iou=bundle.card.decoding.nms_iou,
        nms=True,
        max_det=100_000,
        device="cpu",
        verbose=False,
    )
    own = Boxes(result.boxes.xyxy.numpy(), result.boxes.cls.numpy(), result.boxes.conf.numpy())
    ours = Predictor(bundle).predict(pixels, minimum_score=CONFIDENCE)
    assert len(own) >= 50
    assert {0, 1} == set(own.class_ids.tolist())
    # Scores at the very limit may fall to either side of it.
    assert_all_found(own.select(own.scores > CONFIDENCE + 1e-3), ours)
    assert_all_found(ours.select(ours.scores > CONFIDENCE + 1e-3), own)


def fill(network: nn.Module) -> None:
    """A sure cell at every position, each box 0.8 strides wide: none overlaps its neighbour."""
    for layer in last_layers(network):
        nn.init.zeros_(layer.weight)
        with torch.no_grad():
            if layer.out_channels == len(CLASSES):
                layer.bias.copy_(torch.tensor([2.0, -9.0]))
            elif layer.out_channels == 4:
                layer.bias.fill_(0.4)
            else:
                # A distribution over bins of one stride: 0.6 at none, 0.4 at one.
                bins = torch.full((4, layer.out_channels // 4), -30.0)
                bins[:, 0], bins[:, 1] = np.log(0.6), np.log(0.4)
                layer.bias.copy_(bins.flatten())


def filled_own(like: Bundle, path: Path) -> Bundle:
    """Our detector, filled, in a bundle like another; its ``fit`` only sets the weights."""
    nothing = LabelledSet("nothing", CLASSES, ())

    def fit(network, *_):
        fill(network)
        return network

    schedule = Schedule(1, 1, 1e-3, 0.0, 0.0, 1.0, 0.9, "none", 0, "32-true", 0)
    job = DetectionJob(nothing, nothing, like.card.input, (64, 64), 1, schedule, path.parent, fit)
    exported = DETECTORS["cell-detector"].train(job, OWN_SETTINGS)
    name = like.card.graphs[0].file
    card = like.card.model_copy(update={"graphs": (graph_entry(name, exported.graph),)})
    return open_bundle(write_bundle(path, card, {name: exported.graph}, like.tests))


@pytest.mark.slow
def test_every_position_can_be_a_cell(run, tmp_path):
    """Nothing between the network and the table stops at 300: 640 pixels hold over 8,000."""
    if run.name in ULTRALYTICS:
        bundle, _ = with_weights(run, tmp_path / "run", fill)
    else:
        bundle = filled_own(open_bundle(run.bundle), tmp_path / "own.cellwright")
    strides = (8, 16, 32) if run.name in ULTRALYTICS else (8, 16)
    positions = sum((640 // stride) ** 2 for stride in strides)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 640, 640), np.uint8)
    batch = normalise(pixels, bundle.card.input.normalisation)[None]
    outputs = open_session(bundle.graph(), runtime="onnxruntime").run(batch)
    raw = decode(outputs, bundle.card.decoding.output, minimum_score=0.5)[0]
    assert len(raw) == positions
    predictor = Predictor(bundle)
    found = predictor.predict(pixels, minimum_score=0.5)
    assert len(found) == positions
    assert not predictor.is_capped(found)


@needs_ultralytics
def test_settings_of_another_detector_are_refused(labels, tmp_path):
    config = a_config(labels, "yolo11n")
    config = config.model_copy(
        update={"detector": config.detector.model_copy(update={"settings": {"width": 16}})}
    )
    with pytest.raises(ConfigError, match="width"):
        train(config, tmp_path / "run")


WITHOUT_THE_EXTRA = """
import sys
sys.modules["ultralytics"] = None  # as if it were not installed: importing it fails
from cellwright.cli.main import main

for line in sys.stdin:
    sys.argv[1:] = line.split()
    try:
        main()
    except SystemExit as end:
        print("exit", end.code, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def without_the_extra(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[str]], list[str]]:
    """Function (command lines) -> what each says on stderr, its exit code at the end."""

    def say(commands: list[str]) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_THE_EXTRA],
            input="\n".join(commands),
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path_factory.mktemp("nowhere"),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        return done.stderr.split("exit ")

    return say


def test_without_the_extra_one_clear_sentence_for_every_row(labels, tmp_path, without_the_extra):
    commands = []
    for name in ULTRALYTICS:
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(a_config(labels, name).model_dump(mode="json")))
        commands.append(f"train {path} --out {tmp_path / name}")
    said = without_the_extra(commands)
    sentence = (
        "error: this needs the package 'ultralytics', which is not installed; "
        "run: pip install 'cellwright[ultralytics]'\n"
    )
    assert said == [sentence, *[f"2\n{sentence}"] * (len(ULTRALYTICS) - 1), "2\n"]
    # Said before a folder is made that would have to be cleared away.
    assert not any((tmp_path / name).exists() for name in ULTRALYTICS)


def test_without_the_extra_everything_else_works(without_the_extra):
    said = without_the_extra(["models list", "study list", "train --help"])
    assert [text.splitlines()[0] for text in said[1:]] == ["0", "0", "0"]


def test_the_first_row_is_ours_and_free_to_ship():
    name = next(iter(DETECTORS))
    assert name == "cell-detector"
    assert DETECTORS[name].licence == "Apache-2.0"
