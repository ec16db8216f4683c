"""A classifier of smears made by hand: how much of a picture is as dark as a nucleus.

One convolution takes ``0.35 - green``, a ReLU keeps what is darker, and the logits are the mean
over the picture less a threshold, and its negative.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import InputSpec
from cellwright.images.normalise import Normalisation
from patch_model import classifier_bundle

EDGE = 48
DARK = 0.35
GAIN = 400.0
CLASSES = ("normal", "blast")


def dark_graph(threshold: float) -> bytes:
    """ONNX bytes: ``image (N, 3, EDGE, EDGE)`` to ``logits (N, 2)``."""
    weights = {
        "green": np.array([0, -1, 0], np.float32).reshape(1, 3, 1, 1),
        "dark": np.array([DARK], np.float32),
        "classes": np.array([[-GAIN, GAIN]], np.float32),
        "less": np.array([[GAIN * threshold, -GAIN * threshold]], np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "green", "dark"], ["below"], name="green"),
        helper.make_node("Relu", ["below"], ["maps"], name="maps"),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "classes"], ["weighed"], name="classes"),
        helper.make_node("Add", ["weighed", "less"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "dark",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, EDGE, EDGE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def dark_bundle(
    path: Path, *, threshold: float = 0.02, classes: tuple[str, ...] = CLASSES, **fields: Any
) -> Bundle:
    """The classifier above as a bundle."""
    spec = InputSpec(channels=3, normalisation=Normalisation(kind="full_range"))
    fields = {"crop_px": (EDGE, EDGE), **fields}
    return classifier_bundle(path, dark_graph(threshold), spec=spec, classes=classes, **fields)
