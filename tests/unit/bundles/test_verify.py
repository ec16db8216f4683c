import numpy as np
import pytest

from cellwright.bundles.bundle import graph_entry, open_bundle, write_bundle
from cellwright.bundles.verify import largest_difference, rms_share, verify
from cellwright.errors import UnknownNameError


def test_a_sound_bundle_passes_in_every_runtime(dot_bundle):
    rows = verify(open_bundle(dot_bundle))
    assert [row.runtime for row in rows] == ["onnxruntime", "openvino"]
    assert all(row.passed and row.max_abs_diff < 1e-3 for row in rows)
    assert {row.graph for row in rows} == {"graphs/dots.onnx"}


def test_another_answer_than_recorded_fails(dot_bundle, tmp_path):
    bundle = open_bundle(dot_bundle)
    altered = bundle.tests | {"level_4": bundle.tests["level_4"] + 0.01}
    graphs = {"graphs/dots.onnx": bundle.graph()}
    path = write_bundle(tmp_path / "x.cellwright", bundle.card, graphs, altered)
    (row,) = verify(open_bundle(path), ["onnxruntime"])
    assert not row.passed
    assert row.max_abs_diff == pytest.approx(0.01, rel=0.01)


def test_a_recorded_output_the_graph_does_not_have(dot_bundle, tmp_path):
    bundle = open_bundle(dot_bundle)
    tests = {"input": bundle.tests["input"], "other": np.zeros(3, np.float32)}
    graphs = {"graphs/dots.onnx": bundle.graph()}
    path = write_bundle(tmp_path / "x.cellwright", bundle.card, graphs, tests)
    (row,) = verify(open_bundle(path), ["onnxruntime"])
    assert (row.passed, row.max_abs_diff) == (False, None)
    assert "no output 'other'" in row.problem


def test_an_unknown_runtime(dot_bundle):
    with pytest.raises(UnknownNameError, match="runtime 'tpu'"):
        verify(open_bundle(dot_bundle), ["tpu"])


def test_difference_is_absolute_below_one_and_relative_above():
    truth = np.array([0.1, 100.0], np.float32)
    assert largest_difference(truth + np.float32([0.2, 0]), truth) == pytest.approx(0.2)
    assert largest_difference(truth + np.float32([0, 10]), truth) == pytest.approx(0.1)
    assert largest_difference(truth[:1], truth) == np.inf
    assert largest_difference(truth * np.nan, truth) == np.inf


def test_the_mean_difference_is_a_share_of_what_the_output_varies():
    truth = np.array([0.0, 4.0, 0.0, 4.0], np.float32)  # standard deviation 2
    assert rms_share(truth + np.float32([0, 0, 0, 0.4]), truth) == pytest.approx(0.1)
    assert rms_share(truth, truth) == 0
    assert rms_share(truth[:1], truth) == np.inf
    assert rms_share(truth * np.nan, truth) == np.inf
    constant = np.ones(4, np.float32)
    assert rms_share(constant, constant) == 0
    assert rms_share(constant + np.float32(0.1), constant) == np.inf


def test_int8_is_judged_by_the_mean_difference(dot_bundle, tmp_path):
    bundle = open_bundle(dot_bundle)
    graph = bundle.graph()
    entry = graph_entry("graphs/dots.onnx", graph, "int8")
    card = bundle.card.model_copy(update={"graphs": (entry,)})
    truth = bundle.tests["level_4"]

    def replay(altered):
        tests = bundle.tests | {"level_4": altered}
        path = write_bundle(tmp_path / "x.cellwright", card, {entry.file: graph}, tests)
        (row,) = verify(open_bundle(path), ["onnxruntime"])
        return row

    one_off = truth.copy()
    one_off.flat[0] += 1.0
    row = replay(one_off)
    assert row.passed
    assert row.max_abs_diff > 0.09
    assert not replay(truth + 0.1 * truth.std()).passed
