"""A classifier made by hand, with maps: what is brighter than half anywhere, and where it is not.

One convolution copies the picture, a ReLU keeps what is above one half, and the logits are the
mean over the picture and its negative. All of Grad-CAM's numbers follow by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cellwright.bundles.bundle import Bundle, graph_entry, open_bundle, write_bundle
from cellwright.bundles.card import Card, InputSpec, TrainingRecord
from cellwright.bundles.class_probabilities import ClassProbabilities
from cellwright.images.normalise import Normalisation

EDGE = 16
GAIN = 64.0
CLASSES = ("patch", "empty")


def patch_graph(edge: int = EDGE) -> bytes:
    """ONNX bytes: ``image (N, 1, edge, edge)`` to ``logits (N, 2)``."""
    weights = {
        "copy": np.ones((1, 1, 1, 1), np.float32),
        "half": np.array([-0.5], np.float32),
        "classes": np.array([[GAIN, -GAIN]], np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "copy", "half"], ["above"], name="copy"),
        helper.make_node("Relu", ["above"], ["maps"], name="maps"),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "classes"], ["logits"], name="classes"),
    ]
    graph = helper.make_graph(
        nodes,
        "patch",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, edge, edge])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def classifier_bundle(
    path: Path, graph: bytes, *, spec: InputSpec, classes: tuple[str, ...], **fields: Any
) -> Bundle:
    """A bundle around any graph that classifies."""
    card = Card(
        name=path.stem,
        task="classification",
        classes=classes,
        licence="Apache-2.0",
        input=spec,
        classification=ClassProbabilities(**fields),
        training=TrainingRecord(data="none", n_images=0),
        graphs=(graph_entry("graphs/net.onnx", graph),),
    )
    crops = np.zeros((1, spec.channels, *card.classification.crop_px), np.float32)
    tests = {"input": crops, "logits": np.zeros((1, len(classes)), np.float32)}
    return open_bundle(write_bundle(path, card, {"graphs/net.onnx": graph}, tests))


def patch_bundle(path: Path, *, pixel_size_um: float | None = None, **fields: Any) -> Bundle:
    """The classifier above as a bundle; pixels from 0 to 100."""
    spec = InputSpec(
        channels=1,
        normalisation=Normalisation(kind="fixed", limits=((0.0, 100.0),)),
        pixel_size_um=pixel_size_um,
    )
    fields = {"crop_px": (EDGE, EDGE), **fields}
    return classifier_bundle(path, patch_graph(), spec=spec, classes=CLASSES, **fields)


def a_picture(top: int, left: int, *, edge: int = EDGE, size: int = 4) -> np.ndarray:
    """uint16 ``(1, edge, edge)`` of 20 with a square of 90."""
    picture = np.full((1, edge, edge), 20, np.uint16)
    picture[0, top : top + size, left : left + size] = 90
    return picture
