"""A classifier without weights: the top left pixel decides, known by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from cellwright.bundles.bundle import Bundle, graph_entry, open_bundle, write_bundle
from cellwright.bundles.card import Card, InputSpec, TrainingRecord
from cellwright.bundles.class_probabilities import ClassProbabilities
from cellwright.images.normalise import Normalisation

FIXED = Normalisation(kind="fixed", limits=((0.0, 100.0),))


def corner_bundle(path: Path, **fields: Any) -> Bundle:
    """Logits are the top left pixel and its negative: known by hand, and different when turned."""
    nodes = [
        helper.make_node("Slice", ["image", "zero", "one", "axes"], ["corner"]),
        helper.make_node("Flatten", ["corner"], ["a"]),
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("Concat", ["a", "b"], ["logits"], axis=1),
    ]
    constants = [
        helper.make_tensor("zero", TensorProto.INT64, [2], [0, 0]),
        helper.make_tensor("one", TensorProto.INT64, [2], [1, 1]),
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
    ]
    shape = ["N", 1, 4, 4]
    graph = helper.make_graph(
        nodes,
        "corner",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data = made.SerializeToString()
    card = Card(
        name="corner",
        task="classification",
        classes=("bright", "dark"),
        licence="Apache-2.0",
        input=InputSpec(channels=1, normalisation=FIXED),
        classification=ClassProbabilities(crop_px=(4, 4), **fields),
        training=TrainingRecord(data="none", n_images=0),
        graphs=(graph_entry("graphs/net.onnx", data),),
    )
    tests = {"input": np.zeros((1, 1, 4, 4), np.float32), "logits": np.zeros((1, 2), np.float32)}
    return open_bundle(write_bundle(path, card, {"graphs/net.onnx": data}, tests))
