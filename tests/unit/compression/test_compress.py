"""The recipe on a model and pictures made by hand: what is judged, refused and written."""

from __future__ import annotations

import importlib
from dataclasses import replace
from importlib import util

import numpy as np
import pytest

import cellwright.compression
from blob_model import discs, write_blob_model
from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.card import InputSpec
from cellwright.bundles.probe import disc_picture
from cellwright.bundles.sessions import open_session
from cellwright.bundles.verify import verify
from cellwright.compression import latency
from cellwright.compression.accuracy import JUDGES, judge_of
from cellwright.compression.calibration_data import CalibrationImage, images_of
from cellwright.compression.compress import CompressionJob, compress
from cellwright.compression.method import in_silence
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import (
    BundleError,
    ConfigError,
    DatasetError,
    MissingExtraError,
    UnknownNameError,
)
from cellwright.images.write import write_png
from cellwright.inference.evaluate import evaluate_bundle
from cellwright.types import Boxes


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Bundle:
    return open_bundle(write_blob_model(tmp_path_factory.mktemp("b") / "blobs.cellwright"))


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict[str, LabelledSet]:
    folder = tmp_path_factory.mktemp("discs")
    return {
        name: discs(folder / name, n_images=number, seed=seed)
        for name, number, seed in (("train", 3, 0), ("val", 12, 50), ("test", 4, 100))
    }


@pytest.fixture(scope="module")
def job(parts) -> CompressionJob:
    return CompressionJob(
        judged=parts["val"],
        judged_name="discs, validation part",
        calibration=images_of(parts["train"]),
        calibration_name="3 images of discs, training part",
        reported={"discs, test part": parts["test"]},
        threads=1,
        settings={"ranges": "minmax"},
        command="cellwright compress …",
    )


@pytest.fixture(scope="module", autouse=True)
def few_rounds():
    """How long anything takes is not for these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "ROUNDS", 2)
        yield


@pytest.fixture(scope="module")
def accepted(bundle, job, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "blobs-int8.cellwright"
    return compress(bundle, job, method="ptq", out=out), open_bundle(out)


def test_an_accepted_bundle_says_how_it_was_made(accepted, bundle):
    verdict, new = accepted
    assert verdict.accepted
    record = new.card.compression
    assert new.card.name == "blobs-int8"
    assert [entry.precision for entry in new.card.graphs] == ["int8"]
    assert (record.method, record.parent, record.parent_sha256) == ("ptq", "blobs", bundle.sha256)
    assert record.settings["ranges"] == "minmax"
    assert [one.runtime for one in record.runtimes] == ["onnxruntime", "openvino"]
    assert [one.drop.value for one in record.runtimes] == [
        one.drop.value for one in verdict.runtimes
    ]
    assert record.parameters.before == record.parameters.after > 0
    assert record.command == "cellwright compress …"
    assert [one.data for one in record.reported] == ["discs, test part"]


def test_its_figures_are_its_own(accepted, parts):
    _, new = accepted
    names = [one.data for one in new.card.evaluations]
    assert names == ["discs, validation part", "discs, test part"]
    for name, stated in zip(("val", "test"), new.card.evaluations, strict=True):
        measured = evaluate_bundle(new, parts[name], runtime="openvino", threads=1)
        for figure, value in stated.metrics.items():
            assert value.value == pytest.approx(measured.metrics[figure].value), figure


def test_the_drop_is_the_difference_of_the_two_figures(accepted, bundle, parts):
    verdict, new = accepted
    for one in verdict.runtimes:
        before, after = (
            evaluate_bundle(which, parts["val"], runtime=runtime, threads=1).metrics["ap50_95"]
            for which, runtime in ((bundle, "onnxruntime"), (new, one.runtime))
        )
        assert one.drop.value == pytest.approx(100 * (before.value - after.value), abs=1e-9)
        assert one.drop.low <= one.drop.value <= one.drop.high


def test_its_test_tensors_are_those_of_the_new_graph(accepted):
    _, new = accepted
    replays = verify(new)
    assert {one.runtime for one in replays} == {"onnxruntime", "openvino"}
    assert all(one.passed for one in replays)
    picture = new.tests["input"]
    assert np.array_equal(picture, disc_picture(new.card.input))
    found = open_session(new.graph(), runtime="onnxruntime").run(picture)
    assert np.array_equal(found["level_4"], new.tests["level_4"])


def test_the_test_picture_suits_every_network():
    for channels, multiple in ((1, 32), (3, 64), (5, 48)):
        spec = InputSpec(channels=channels, multiple=multiple, tile_px=multiple * 8)
        picture = disc_picture(spec)
        assert picture.dtype == np.float32
        assert picture.shape[:2] == (1, channels)
        assert picture.shape[2] % multiple == picture.shape[3] % multiple == 0
        assert picture.min() >= 0
        assert picture.max() <= 1
        assert picture.std(axis=(0, 2, 3)).min() > 0.05


def test_thresholds_are_chosen_anew_where_there_is_enough_to_choose_by(accepted, bundle, job):
    _, new = accepted
    assert new.card.decoding.class_thresholds != bundle.card.decoding.class_thresholds
    assert new.card.calibration is not None
    few = replace(job.judged, records=job.judged.records[:3])
    judge = judge_of(bundle)
    with in_silence("") as progress:
        look = judge.look(bundle, few, runtime="onnxruntime", threads=1, progress=progress)
    assert look.settled() == bundle.card


def test_too_large_a_loss_writes_nothing(bundle, job, tmp_path):
    # Ranges learned from black pictures clip every cell away.
    black = tmp_path / "black.png"
    write_png(black, np.zeros((1, 128, 128), np.uint8))
    blind = replace(job, calibration=[CalibrationImage(black)], runtimes=("onnxruntime",))
    out = tmp_path / "small.cellwright"
    verdict = compress(bundle, blind, method="ptq", out=out)
    assert not verdict.accepted
    assert verdict.worst.drop.value > 3
    assert verdict.reported == ()
    assert not out.exists()


def test_the_best_candidate_is_kept(bundle, job, tmp_path, monkeypatch):
    good, bad = 0.0, 5.0
    judge = judge_of(bundle)
    drops = iter((bad, good, bad))

    class Chosen(Exception):  # noqa: N818
        pass

    def drop(_before, after):
        value = next(drops, None)
        if value is None:
            raise Chosen(after)
        return replace(original(_before, after), value=value)

    original = type(judge).drop.__get__(judge)
    monkeypatch.setattr(type(judge), "drop", lambda _self, a, b: drop(a, b))
    looked = []
    look = type(judge).look
    monkeypatch.setattr(
        type(judge),
        "look",
        lambda self, which, *rest, **named: (
            looked.append(which),
            look(self, which, *rest, **named),
        )[1],
    )
    every = replace(job, settings={}, runtimes=("onnxruntime",))
    with pytest.raises(Chosen) as raised:
        compress(bundle, every, method="ptq", out=tmp_path / "x.cellwright")
    # The model itself, then a candidate for each way to choose ranges; the second was best.
    assert len(looked) == 4
    assert raised.value.args[0].bundle == looked[2]


def test_a_smaller_bundle_is_judged_beside_the_one_it_came_from(accepted, bundle, job, tmp_path):
    verdict, small = accepted
    kept = replace(job, against=bundle, runtimes=("onnxruntime",), reported={})
    judged = compress(small, kept, method="keep", out=tmp_path / "kept.cellwright")
    record = open_bundle(tmp_path / "kept.cellwright").card.compression
    assert (judged.parent, record.parent_sha256) == ("blobs", bundle.sha256)
    assert record.settings == {"graph": "as it is", "of": "blobs-int8"}
    assert judged.size_ratio == verdict.size_ratio
    assert record.zero_weights.before == judged.cost_before.zero_weights
    assert open_bundle(tmp_path / "kept.cellwright").graph() == small.graph()


def test_a_bundle_is_not_compared_with_itself_or_another_kind(bundle, job, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be compared with itself.*--against"):
        compress(bundle, job, method="keep", out=tmp_path / "x.cellwright")
    other = Bundle(bundle.path, bundle.card.model_copy(update={"classes": ("square",)}))
    with pytest.raises(ConfigError, match="do not find the same"):
        compress(bundle, replace(job, against=other), method="ptq", out=tmp_path / "x.cellwright")


@pytest.mark.parametrize("name", ["small.onnx", "Not Allowed.cellwright"])
def test_a_name_that_no_bundle_can_have(bundle, job, tmp_path, name):
    with pytest.raises(ConfigError, match=r"blobs-new\.cellwright"):
        compress(bundle, job, method="ptq", out=tmp_path / name)


def test_the_parent_is_not_replaced(bundle, job):
    with pytest.raises(ConfigError, match="replace the one it is made from"):
        compress(bundle, job, method="ptq", out=bundle.path)


def test_an_unknown_method(bundle, job, tmp_path):
    with pytest.raises(UnknownNameError, match=r"method 'magic'.*ptq"):
        compress(bundle, job, method="magic", out=tmp_path / "x.cellwright")


def test_a_task_that_nobody_can_judge_yet(bundle, job, tmp_path, monkeypatch):
    monkeypatch.delitem(JUDGES, "detection")
    with pytest.raises(BundleError, match=r"detection model cannot be judged.*classification"):
        compress(bundle, job, method="ptq", out=tmp_path / "x.cellwright")


def test_images_without_cells_cannot_judge(bundle, job, tmp_path):
    empty = tuple(replace(record, load_annotation=Boxes.empty) for record in job.judged.records[:2])
    nothing = replace(job, judged=replace(job.judged, records=empty))
    with pytest.raises(DatasetError, match="no labelled cell to judge by"):
        compress(bundle, nothing, method="ptq", out=tmp_path / "x.cellwright")


def test_without_onnx_one_clear_sentence(monkeypatch):
    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "onnx" else found(name))
    with pytest.raises(MissingExtraError, match=r"pip install 'cellwright\[train\]'"):
        importlib.reload(cellwright.compression)
