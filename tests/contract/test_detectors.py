"""Every detector of the table: trains, exports, and answers through our inference as its own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.sessions import open_session
from cellwright.bundles.verify import verify
from cellwright.data.formats import read_labelled
from cellwright.detectors import DETECTORS
from cellwright.detectors import ultralytics as ultralytics_rows
from cellwright.errors import ConfigError, MissingExtraError
from cellwright.images.normalise import normalise
from cellwright.inference.decode import decode
from cellwright.inference.predictor import Predictor
from cellwright.learning.config import TrainConfig
from cellwright.learning.train import train
from tiny_cells import write_cells

needs_ultralytics = pytest.mark.skipif(
    find_spec("ultralytics") is None, reason="the extra ultralytics is not installed"
)


def a_config(data: Path, detector: str) -> TrainConfig:
    own = {"width": 16, "n_bins": 8} if detector == "cell-detector" else {}
    return TrainConfig.model_validate(
        {
            "name": "tiny",
            "threads": 1,
            "data": {"path": str(data)},
            "input": {"tile_px": 128},
            "detector": {"name": detector, "settings": own},
            "schedule": {"epochs": 1, "batch_size": 4, "augmentation": "flips"},
        }
    )


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cells(tmp_path_factory.mktemp("labels") / "set", n_images=12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "cell-detector" else [needs_ultralytics])
        for name in DETECTORS
    ],
)
def test_trains_exports_and_predicts(name, labels, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Relative, as it is typed on the command line.
    result = train(a_config(labels, name), Path("run"))
    bundle = open_bundle(result.bundle)
    card = bundle.card
    assert card.licence == DETECTORS[name].licence
    # The stored answers come from the trained network itself, not from its graph.
    assert all(replay.passed for replay in verify(bundle))

    # Through tiles, normalisation and suppression the same boxes come out as straight from
    # the network, on an image that needs neither tiles nor padding.
    record = read_labelled(labels).records[0]
    sample = record.load()
    predicted = Predictor(bundle).predict(sample.image)
    batch = normalise(sample.image, card.input.normalisation)[None]
    outputs = open_session(bundle.graph(), runtime="onnxruntime").run(batch)
    raw = decode(outputs, card.decoding.output, minimum_score=card.decoding.minimum_score)[0]
    assert len(predicted) <= len(raw)
    raw_rows = {tuple(np.round(row, 2)) for row in raw.clipped(*sample.image.shape[1:]).xyxy}
    assert all(tuple(np.round(row, 2)) in raw_rows for row in predicted.xyxy)


@needs_ultralytics
def test_settings_of_another_detector_are_refused(labels, tmp_path):
    config = a_config(labels, "yolo11n")
    config = config.model_copy(
        update={"detector": config.detector.model_copy(update={"settings": {"width": 16}})}
    )
    with pytest.raises(ConfigError, match="width"):
        train(config, tmp_path / "run")


def test_without_the_extra_one_clear_sentence(labels, tmp_path, monkeypatch):
    monkeypatch.setattr(ultralytics_rows, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cellwright\[ultralytics\]'"):
        train(a_config(labels, "yolo11n"), tmp_path / "run")


def test_the_first_row_is_ours_and_free_to_ship():
    name = next(iter(DETECTORS))
    assert name == "cell-detector"
    assert DETECTORS[name].licence == "Apache-2.0"
