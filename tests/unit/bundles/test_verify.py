import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle, write_bundle
from cellwright.bundles.verify import largest_difference, verify
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
