"""Masks and cells: both bundles on the same pictures, int8 graphs of a U-Net that was trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.onnx_graph import OnnxGraph, with_names
from cellwright.bundles.placement import float_nodes
from cellwright.bundles.verify import verify
from cellwright.compression import latency
from cellwright.compression.accuracy import judge_of
from cellwright.compression.calibration_data import images_of
from cellwright.compression.compress import CompressionJob, compress
from cellwright.compression.method import in_silence
from cellwright.data.formats import FORMATS
from cellwright.errors import DatasetError
from cellwright.inference.evaluate_segmentation import evaluate_segmentation
from cellwright.types import SemanticMask
from disc_unet import learned_unet, write_unet
from processor import exact_int8_runtimes
from tiny_masks import write_discs

TASKS = {"semantic": ("masks", "jaccard"), "instances": ("instances", "matched50")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs"), n_images=10)


@pytest.fixture(scope="module", params=sorted(TASKS))
def made(request, folder, tmp_path_factory):
    """A bundle, its pictures, and what compressing it gave."""
    task = request.param
    kind, _ = TASKS[task]
    labelled = FORMATS[kind].read(folder / kind)
    if task == "instances":
        labelled = replace(labelled, classes=("disc",))
    out = tmp_path_factory.mktemp("out")
    bundle = open_bundle(write_unet(out / "discs.cellwright", learned_unet(task), task))
    job = CompressionJob(
        judged=labelled,
        judged_name="discs",
        calibration=images_of(labelled)[:4],
        calibration_name="4 images",
        threads=1,
        max_drop=20.0,  # twelve discs more or less: what is lost is not the question here
        settings={"ranges": "minmax"},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "ROUNDS", 2)
        verdict = compress(bundle, job, method="ptq", out=out / "discs-int8.cellwright")
    return bundle, labelled, verdict, open_bundle(out / "discs-int8.cellwright")


def test_the_deciding_figure_and_its_drop(made):
    bundle, labelled, verdict, _ = made
    assert verdict.metric == TASKS[bundle.card.task][1]
    before = evaluate_segmentation(bundle, labelled, runtime="onnxruntime", threads=1)
    value = before.metrics[verdict.metric].value
    assert value > 0.4, "the network must have learned something to lose"
    for one in verdict.runtimes:
        after = one.report.metrics[verdict.metric].value
        assert one.drop.value == pytest.approx(100 * (value - after), abs=1e-9)
        assert one.drop.low <= one.drop.value <= one.drop.high


def test_int8_unets_run_in_both_runtimes_and_say_so(made):
    _, labelled, _, new = made
    assert [one.precision for one in new.card.graphs] == ["int8"]
    assert all(replay.passed for replay in verify(new, exact_int8_runtimes()))
    stated = new.card.evaluations[0].metrics
    measured = evaluate_segmentation(new, labelled, runtime="openvino", threads=1)
    for name, value in stated.items():
        assert value.value == pytest.approx(measured.metrics[name].value), name


def test_only_the_head_of_a_unet_stays_in_float(made):
    bundle, _, _, new = made
    graph = OnnxGraph(with_names(bundle.graph()))
    kept = [node for node in graph.nodes if node.name in float_nodes(graph)]
    assert [node.op_type for node in kept] == ["Conv"]
    assert list(kept[0].output) == ["logits"]
    stored = [OnnxGraph(new.graph()).weight(node.input[1]) for node in _convolutions(new)]
    kinds = [one.data_type for one in stored]
    assert kinds.count(3) == len(kinds) - 1  # TensorProto.INT8, all but the head


def _convolutions(bundle):
    return [node for node in OnnxGraph(bundle.graph()).nodes if node.op_type == "Conv"]


def test_thresholds_are_chosen_anew_only_with_enough_images(made):
    bundle, labelled, _, new = made
    assert new.card.segmentation != bundle.card.segmentation
    judge = judge_of(bundle)
    few = replace(labelled, records=labelled.records[:3])
    with in_silence("") as progress:
        look = judge.look(bundle, few, runtime="onnxruntime", threads=1, progress=progress)
    assert look.settled() == bundle.card


def test_pictures_without_cells_cannot_judge(made):
    bundle, labelled, _, _ = made
    judge = judge_of(bundle)

    def nothing():
        return SemanticMask(np.zeros((64, 64), np.uint8))

    blank = replace(
        labelled,
        classes=("background", "disc"),
        records=tuple(replace(one, load_annotation=nothing) for one in labelled.records[:2]),
    )
    with in_silence("") as progress:
        look = judge.look(bundle, blank, runtime="onnxruntime", threads=1, progress=progress)
    empty = replace(look, counts=_without_predictions(look.counts))
    with pytest.raises(DatasetError, match="no labelled cell to judge by"):
        judge.drop(empty, empty)


def _without_predictions(counts):
    counts.pixels = [np.diag([1, 0]) for _ in counts.pixels]
    counts.cells = [
        replace(one, found=one.found * 0, truth=one.truth * 0, predicted=one.predicted * 0)
        for one in counts.cells
    ]
    return counts
