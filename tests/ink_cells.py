"""Segmentation networks that cannot be wrong: they read the cells that a test has drawn.

A pixel of a cell is drawn as 0.3 + 0.7 d of full brightness, where d is its distance to the
cell's border over the cell's largest such distance; background is black. The graphs, written
by hand, turn brightness back into foreground, distance and classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy import ndimage

from cellwright.bundles.bundle import graph_entry, write_bundle
from cellwright.bundles.card import Card, InputSpec, TrainingRecord
from cellwright.bundles.mask_output import DistanceInstances, SemanticMasks
from cellwright.bundles.sessions import open_session
from cellwright.types import Image, Instances

Network = Literal["cells", "mask", "two_masks", "softmax", "far"]

GRAPH = "graphs/fp32.onnx"
FAR_REACH_PX = 11
"""How far a pixel of the network ``far`` looks: its kernel, and a pooling window either side."""

SMALL = InputSpec(channels=1, multiple=4, tile_px=64, overlap_px=16)


def write_ink_bundle(
    path: Path,
    network: Network = "cells",
    *,
    spec: InputSpec = SMALL,
    segmentation: SemanticMasks | DistanceInstances | None = None,
) -> Path:
    """A bundle of one network; the classes of ``two_masks`` and ``softmax`` are dim and bright."""
    graph = ink_graph(network)
    if segmentation is None:
        activation: Literal["softmax", "sigmoid"] = "softmax" if network == "softmax" else "sigmoid"
        segmentation = (
            DistanceInstances(seed_threshold=0.4, seed_depth=0.1, seed_smoothing_px=0.7)
            if network == "cells"
            else SemanticMasks(activation=activation)
        )
    tests = {"input": np.random.default_rng(0).random((1, 1, 32, 48), dtype=np.float32)}
    tests |= open_session(graph, runtime="onnxruntime").run(tests["input"])
    two = network in ("two_masks", "softmax")
    card = Card(
        name=path.stem,
        task="instances" if network == "cells" else "semantic",
        classes=("dim", "bright") if two else ("cell",),
        description="Drawn cells, read without training; for tests.",
        licence="Apache-2.0",
        input=spec,
        segmentation=segmentation,
        training=TrainingRecord(data="nothing", n_images=0),
        graphs=(graph_entry(GRAPH, graph),),
    )
    return write_bundle(path, card, graphs={GRAPH: graph}, tests=tests)


def draw_ink(cells: Instances) -> Image:
    """uint8 ``(1, H, W)`` picture of cells that the network ``cells`` reads back."""
    return np.rint(255 * (0.3 * (cells.labels > 0) + 0.7 * distances(cells)))[None].astype(np.uint8)


def distances(cells: Instances) -> np.ndarray:
    """float32 ``(H, W)``: distance to the own cell's border over the cell's largest."""
    found = np.zeros(cells.labels.shape, np.float32)
    for index in range(1, len(cells) + 1):
        own = np.pad(cells.labels == index, 1)
        depth = ndimage.distance_transform_edt(own)[1:-1, 1:-1]
        inside = depth > 0
        found[inside] = (depth / depth.max())[inside]
    return found


def discs(*places: tuple[float, float, float], size: tuple[int, int] = (90, 120)) -> Instances:
    """Discs (y, x, radius); a shared pixel goes to the disc it lies deepest in."""
    y, x = np.mgrid[: size[0], : size[1]]
    depth = np.stack([1 - np.hypot(y - cy, x - cx) / radius for cy, cx, radius in places])
    return Instances.from_labels(np.where(depth.max(axis=0) > 0, depth.argmax(axis=0) + 1, 0))


def scattered_discs(count: int, size: tuple[int, int], *, seed: int = 0) -> Instances:
    """Discs of 5 to 12 pixels, some of which touch, none of which hides another."""
    rng = np.random.default_rng(seed)
    places: list[tuple[float, float, float]] = []
    while len(places) < count:
        y, x, radius = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(5, 12)
        if all(np.hypot(y - b, x - a) > 0.9 * (radius + c) for b, a, c in places):
            places.append((y, x, radius))
    return discs(*places, size=size)


def ink_graph(network: Network) -> bytes:
    """ONNX bytes: ``image (N, 1, H, W)`` to ``logits (N, K, H, W)``."""
    nodes, constants = _PARTS[network]()
    k = {"cells": 2, "two_masks": 2, "softmax": 3}.get(network, 1)
    graph = helper.make_graph(
        nodes,
        network,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, "H", "W"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", k, "H", "W"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


Parts = tuple[list[onnx.NodeProto], dict[str, np.ndarray]]


def _line(name: str, slope: float, offset: float) -> Parts:
    """``name`` = slope * image + offset."""
    nodes = [
        helper.make_node("Mul", ["image", f"{name}_slope"], [f"{name}_scaled"]),
        helper.make_node("Add", [f"{name}_scaled", f"{name}_offset"], [name]),
    ]
    constants = {f"{name}_slope": np.float32(slope), f"{name}_offset": np.float32(offset)}
    return nodes, {key: np.asarray(value) for key, value in constants.items()}


def _cells() -> Parts:
    foreground, constants = _line("foreground", 40, -8)
    share, more = _line("share", 1 / 0.7, -0.3 / 0.7)
    limits = {"low": np.array(1e-3, np.float32), "high": np.array(1 - 1e-3, np.float32)}
    nodes = [
        helper.make_node("Clip", ["share", "low", "high"], ["depth"]),
        helper.make_node("Sub", ["one", "depth"], ["rest"]),
        helper.make_node("Div", ["depth", "rest"], ["odds"]),
        helper.make_node("Log", ["odds"], ["distance"]),
        helper.make_node("Concat", ["foreground", "distance"], ["logits"], axis=1),
    ]
    one = {"one": np.array(1, np.float32)}
    return [*foreground, *share, *nodes], constants | more | limits | one


def _mask() -> Parts:
    return _line("logits", 40, -8)


def _two_masks() -> Parts:
    """``dim`` from 0.2, ``bright`` from 0.6 and soon more certain."""
    dim, constants = _line("dim", 20, -4)
    bright, more = _line("bright", 400, -240)
    join = helper.make_node("Concat", ["dim", "bright"], ["logits"], axis=1)
    return [*dim, *bright, join], constants | more


def _softmax() -> Parts:
    background, none = _line("background", 0, 0)
    nodes, constants = _two_masks()
    nodes[-1] = helper.make_node("Concat", ["background", "dim", "bright"], ["logits"], axis=1)
    return [*background, *nodes], none | constants


def _far() -> Parts:
    """A blur, and a pooled blur brought back up: it looks around, and only shifts of 4 commute."""
    rng = np.random.default_rng(1)
    constants = {
        "kernel": rng.normal(0, 0.3, (1, 1, 9, 9)).astype(np.float32),
        "scales": np.array([1, 1, 4, 4], np.float32),
        "roi": np.zeros(0, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["near"], pads=[4] * 4),
        helper.make_node("MaxPool", ["near"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Conv", ["pooled", "small"], ["wide"], pads=[1] * 4),
        helper.make_node("Resize", ["wide", "roi", "scales"], ["up"], mode="nearest"),
        helper.make_node("Add", ["near", "up"], ["logits"]),
    ]
    constants["small"] = rng.normal(0, 0.3, (1, 1, 3, 3)).astype(np.float32)
    return nodes, constants


_PARTS = {
    "cells": _cells,
    "mask": _mask,
    "two_masks": _two_masks,
    "softmax": _softmax,
    "far": _far,
}
