"""A fitted scikit-learn model to ONNX bytes that take measurements and give logits.

Converted with skl2onnx, compared with the model before it is kept; no pickle. Around the model
stands what it shares with every other: a missing measurement becomes the training part's
median, and the logits of a row are lowered by how far it lies from the training part,

    D(x) = mean_j min(z_j^2, 100),  z_j = (x_j - mean_j) / std_j, 3 where x_j is missing,

so that the energy of the card's calibration marks rows unlike all of training; probabilities do
not change, since all classes are lowered alike. Loading a bundle does not need this module, and
its packages come with the extra ``train``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType

from cellwright.bundles.sessions import open_session
from cellwright.bundles.verify import TOLERANCES, largest_difference
from cellwright.errors import BundleError

INPUT, OUTPUT = "features", "logits"
OPSET = {"": 17, "ai.onnx.ml": 3}
SMALLEST_SHARE = 1e-3
"""A share of nobody's vote counts as one in a thousand, since its logarithm is infinite."""

FARTHEST = 100.0
MISSING = 3.0
"""Standard deviations that a missing measurement counts as."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RowStatistics:
    """What the training part's measurements look like.

    Attributes:
        median: float32 ``(F,)`` of what is there.
        mean: float32 ``(F,)``.
        std: float32 ``(F,)``, 1 where a measurement is constant.
    """

    median: NDArray[np.float32]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    @classmethod
    def of(cls, rows: Rows) -> RowStatistics:
        """Of rows ``(N, F)``; a column that is missing everywhere counts as 0."""
        known = np.where(np.isnan(rows).all(axis=0), np.float32(0), rows).astype(np.float64)
        std = np.nanstd(known, axis=0)
        return cls(
            np.nanmedian(known, axis=0).astype(np.float32),
            np.nanmean(known, axis=0).astype(np.float32),
            np.where(std > 1e-9, std, 1.0).astype(np.float32),
        )

    def filled(self, rows: Rows) -> Rows:
        """The rows with medians where a measurement is missing."""
        return np.where(np.isnan(rows), self.median, rows).astype(np.float32)

    def distances(self, rows: Rows) -> NDArray[np.float64]:
        """``(N,)`` D of the module's header."""
        z = np.where(np.isnan(rows), MISSING, (rows - self.mean) / self.std).astype(np.float64)
        distances: NDArray[np.float64] = np.minimum(z * z, FARTHEST).mean(axis=1)
        return distances


Answers = Literal["scores", "shares"]


def model_logits(
    model: Any, statistics: RowStatistics, rows: Rows, *, answers: Answers
) -> NDArray[np.float64]:
    """``(N, K)`` what the graph must give, by the fitted model itself."""
    filled = statistics.filled(rows)
    if answers == "shares":
        found = np.log(np.maximum(model.predict_proba(filled), SMALLEST_SHARE))
    else:
        scores = model.decision_function(filled)
        found = scores if scores.ndim == 2 else np.stack([-scores, scores], axis=1)
    lowered: NDArray[np.float64] = found - statistics.distances(rows)[:, None]
    return lowered


def export_model(model: Any, statistics: RowStatistics, rows: Rows, *, answers: Answers) -> bytes:
    """ONNX bytes: ``features (N, F)`` to ``logits (N, K)``.

    Args:
        model: a fitted classifier, or a pipeline that ends in one; its classes are 0..K - 1.
        statistics: of the training part.
        rows: ``(N, F)`` on which graph and model are compared.
        answers: see :class:`cellwright.learning.classical_models.Classical`.

    Raises:
        BundleError: graph and model differ by more than 1e-3 (relative above 1).
    """
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    options: dict[str, Any] = {"zipmap": False}
    if answers == "scores":
        options["raw_scores"] = True
    with warnings.catch_warnings():
        # It looks at attributes of SVC that scikit-learn 1.9 calls deprecated.
        warnings.simplefilter("ignore", FutureWarning)
        converted = convert_sklearn(
            model,
            initial_types=[("filled", FloatTensorType([None, rows.shape[1]]))],
            options={id(last): options},
            target_opset=OPSET,
        )
    graph = _surrounded(converted.graph, statistics, answers=answers)
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in OPSET.items()],
        ir_version=8,
    )
    onnx.checker.check_model(made)
    data = bytes(made.SerializeToString())
    found = open_session(data, runtime="onnxruntime").run(rows)[OUTPUT]
    truth = model_logits(model, statistics, rows, answers=answers).astype(np.float32)
    worst = largest_difference(found, truth)
    if not worst <= TOLERANCES["fp32"]:
        raise BundleError(
            f"the exported graph differs from the model by {worst:.2g} "
            f"(at most {TOLERANCES['fp32']:g})",
            remedy="choose another classification.model",
        )
    return data


def _surrounded(
    inner: onnx.GraphProto, statistics: RowStatistics, *, answers: Answers
) -> onnx.GraphProto:
    """The converted model between the filling of gaps and the lowering of logits."""
    constants = {
        "row_median": statistics.median,
        "row_mean": statistics.mean,
        "row_std": statistics.std,
        "missing": np.float32(MISSING),
        "farthest": np.float32(FARTHEST),
        "smallest": np.float32(SMALLEST_SHARE),
    }
    node = helper.make_node
    before = [
        node("IsNaN", [INPUT], ["gap"]),
        node("Where", ["gap", "row_median", INPUT], ["filled"]),
    ]
    raw = inner.output[-1].name
    shares = [node("Max", [raw, "smallest"], ["floored"]), node("Log", ["floored"], ["raw_logits"])]
    after = [
        *(shares if answers == "shares" else [node("Identity", [raw], ["raw_logits"])]),
        node("Sub", [INPUT, "row_mean"], ["from_mean"]),
        node("Div", ["from_mean", "row_std"], ["in_std"]),
        node("Where", ["gap", "missing", "in_std"], ["z"]),
        node("Mul", ["z", "z"], ["z_squared"]),
        node("Min", ["z_squared", "farthest"], ["bounded"]),
        node("ReduceMean", ["bounded"], ["distance"], axes=[1], keepdims=1),
        node("Sub", ["raw_logits", "distance"], [OUTPUT]),
    ]
    width = len(statistics.median)
    return helper.make_graph(
        [*before, *inner.node, *after],
        "measurements",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", "K"])],
        [
            *inner.initializer,
            *(numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()),
        ],
    )
