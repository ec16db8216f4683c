"""A detector of bright discs with two convolutions, made by hand, and labelled images for it.

The first convolution smooths, a ReLU follows, the second is a disc minus its surround: small
enough to be judged in a second, deep enough that part of it can run in 8 bits.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cellwright.bundles.bundle import graph_entry, write_bundle
from cellwright.bundles.card import Card, Decoding, DenseBoxes, InputSpec, TrainingRecord
from cellwright.bundles.sessions import open_session
from cellwright.data.formats import FORMATS
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.images.write import write_png
from cellwright.types import Boxes
from tiny_cells import draw_cells

STRIDE = 4
RADIUS_PX = 9
GRAPH = "graphs/fp32.onnx"


def _disc_kernel() -> np.ndarray:
    """Mean of a disc minus mean of the ring around it, centred half a stride into a cell."""
    half = 2 * RADIUS_PX
    y, x = np.mgrid[-half : half + STRIDE, -half : half + STRIDE] + 0.5 - STRIDE / 2
    distance = np.hypot(x, y)
    disc, ring = distance <= 0.8 * RADIUS_PX, (distance > 1.3 * RADIUS_PX) & (distance <= half)
    return (disc / disc.sum() - ring / ring.sum()).astype(np.float32)


def blob_graph() -> bytes:
    """ONNX bytes: ``image (N, 1, H, W)`` to ``level_4 (N, 5, H/4, W/4)``; no node has a name."""
    smooth = np.full((2, 1, 3, 3), 1 / 9, np.float32)
    kernel = _disc_kernel()
    weight = np.zeros((5, 2, *kernel.shape), np.float32)
    weight[4] = 25 / 2 * kernel
    bias = np.full(5, RADIUS_PX / STRIDE, np.float32)
    bias[4] = -6.0
    half = (kernel.shape[0] - STRIDE) // 2
    nodes = [
        helper.make_node("Conv", ["image", "smooth"], ["smoothed"], pads=[1] * 4),
        helper.make_node("Relu", ["smoothed"], ["positive"]),
        helper.make_node(
            "Conv",
            ["positive", "weight", "bias"],
            ["level_4"],
            strides=[STRIDE, STRIDE],
            pads=[half] * 4,
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "blobs",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, "H", "W"])],
        [helper.make_tensor_value_info("level_4", TensorProto.FLOAT, ["N", 5, "h", "w"])],
        [
            numpy_helper.from_array(smooth, "smooth"),
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def write_blob_model(path: Path, *, class_name: str = "disc") -> Path:
    """The bundle, with one class."""
    graph = blob_graph()
    tests = {"input": np.random.default_rng(0).random((1, 1, 64, 96), dtype=np.float32)}
    tests |= open_session(graph, runtime="onnxruntime").run(tests["input"])
    card = Card(
        name=path.stem,
        task="detection",
        classes=(class_name,),
        licence="Apache-2.0",
        input=InputSpec(channels=1, tile_px=128, overlap_px=48),
        decoding=Decoding(output=DenseBoxes(strides=(STRIDE,)), nms_iou=0.3),
        training=TrainingRecord(data="nothing", n_images=0),
        graphs=(graph_entry(GRAPH, graph),),
    )
    return write_bundle(path, card, {GRAPH: graph}, tests)


def _given(boxes: Boxes) -> Boxes:
    return boxes


def discs(folder: Path, *, n_images: int, seed: int = 0) -> LabelledSet:
    """Labelled pictures of 128 x 128 pixels with discs that the model finds."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for index in range(n_images):
        pixels, boxes = draw_cells(6, edge=128, seed=seed + index, radii={0: RADIUS_PX})
        path = folder / f"discs{seed + index:03d}.png"
        write_png(path, pixels)
        records.append(Record(path.stem, path, partial(_given, boxes), group=path.stem))
    return LabelledSet("discs", ("disc",), tuple(records))


def write_discs(folder: Path, *, n_images: int, seed: int = 0) -> Path:
    """The same as a folder in the ``csv`` layout."""
    pictures = folder.parent / f"{folder.name}-pictures"
    FORMATS["csv"].write(discs(pictures, n_images=n_images, seed=seed), folder)
    return folder
