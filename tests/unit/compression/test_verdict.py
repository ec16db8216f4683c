from __future__ import annotations

import json

import pytest

from cellwright.compression.cost import GraphCost
from cellwright.compression.latency import Latency
from cellwright.compression.verdict import CompressionRefusedError, InRuntime, Verdict
from cellwright.metrics.intervals import Interval
from cellwright.metrics.report import Report

REPORT = Report("detection", 3, {"ap50_95": Interval(0.6, 0.5, 0.7, 40)}, {})


def a_verdict(*drops: float, max_drop: float = 1.0) -> Verdict:
    names = ("onnxruntime", "openvino")
    return Verdict(
        method="ptq",
        settings={"ranges": "minmax"},
        parent="cells",
        data="set, validation part",
        metric="ap50_95",
        max_drop=max_drop,
        cost_before=GraphCost(100, 1000, 4000, 3900, 90, 0, (1, 3, 32, 32)),
        cost_after=GraphCost(100, 1000, 1000, 900, 90, 45, (1, 3, 32, 32)),
        before=REPORT,
        runtimes=tuple(
            InRuntime(name, REPORT, Interval(drop, drop - 1, drop + 1, 40), Latency(name, 4, 2))
            for name, drop in zip(names, drops, strict=False)
        ),
        threads=1,
    )


def test_the_worst_runtime_decides():
    verdict = a_verdict(0.2, 1.4)
    assert verdict.worst.runtime == "openvino"
    assert not verdict.accepted
    with pytest.raises(
        CompressionRefusedError,
        match=r"cells: ptq lost 1\.40 \(0\.40 to 2\.40\) points of ap50_95 in openvino, more than "
        r"the 1 allowed.*--calibrate-on",
    ):
        verdict.require_accepted()


@pytest.mark.parametrize(
    ("drops", "max_drop"), [((0.2, 1.0), 1.0), ((-0.5, -0.1), 0.0), ((3.0,), 4.0)]
)
def test_a_loss_within_the_limit_is_accepted(drops, max_drop):
    verdict = a_verdict(*drops, max_drop=max_drop)
    assert verdict.accepted
    verdict.require_accepted()


def test_every_figure_is_in_the_json():
    content = json.loads(json.dumps(a_verdict(0.2, 1.4).to_json(), allow_nan=False))
    assert content["accepted"] is False
    assert content["size_ratio"] == 4
    assert content["cost"]["before"] == {
        "parameters": 100,
        "macs": 1000,
        "bytes": 4000,
        "zipped_bytes": 3900,
        "weights": 90,
        "zero_weights": 0,
        "sparsity": 0.0,
        "input_shape": [1, 3, 32, 32],
        "gflops": 2e-6,
    }
    assert content["runtimes"]["openvino"]["drop"]["value"] == 1.4
    assert content["runtimes"]["openvino"]["speedup"] == 2
    assert content["before"]["metrics"]["ap50_95"]["value"] == 0.6
