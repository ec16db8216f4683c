"""Table 3 and what the paper lacks beside it: size, zeros, and speed of every row."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

from onnx import numpy_helper

from cellwright.bundles.bundle import TEST_INPUT, Bundle, open_bundle
from cellwright.bundles.onnx_graph import LAYERS, OnnxGraph
from cellwright.compression.calibration_data import draw, images_of
from cellwright.compression.compress import CompressionJob, compress
from cellwright.compression.latency import side_by_side
from cellwright.data.checksum import checksum
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.inference.evaluate_segmentation import evaluate_segmentation
from cellwright.learning.train import train_on
from cellwright.learning.training_data import Parts
from cellwright.metrics.report import Report
from cellwright.studies.epochs import logged_epochs
from cellwright.studies.study import Figure, Outcome, figure_of
from cellwright.studies.unet_compression.combinations import row_of
from cellwright.studies.unet_compression.networks import Setting, train_config
from cellwright.studies.unet_compression.pictures import strips_of

TABLE, POOLED, COST = "3", "pooled", "cost"
RATES = {
    "accuracy": "accuracy",
    "f1": "F1",
    "jaccard": "Jaccard",
    "recall": "recall",
    "precision": "precision",
}
RUNTIMES = {"onnxruntime": "ONNX", "openvino": "OpenVINO"}
SMALLER, ZIPPED, ZEROS = "smaller (times)", "smaller zipped (times)", "zeros (%)"
FASTER = {name: f"faster in {title} (times)" for name, title in RUNTIMES.items()}
COSTS = (SMALLER, ZIPPED, ZEROS, *FASTER.values())
CURVES = {"IoU": "val/iou", "Dice": "val/dice", "P": "val/precision", "R": "val/recall"}
PAPER_IMAGES = 1088
CALIBRATION_IMAGES = 32
ANY_DROP = 100.0
"""Points: a study shows what is lost; refusing is for ``cellwright compress``."""


def measure(
    setting: Setting, folder: Path, *, combination: str, treatment: str, seed: int
) -> Outcome:
    """One row: trained, or made of the trained base, then judged on the test part."""
    parts = setting.parts()
    if treatment == "postq":
        bundle = _quantized(setting, parts, folder, combination=combination, seed=seed)
        curves: dict[str, list[float]] = {}
    else:
        config = train_config(setting, combination, treatment, seed)
        result = train_on(parts, config, folder, command="cellwright study run unet-compression")
        bundle = open_bundle(result.bundle)
        curves = logged_epochs(sorted((folder / "log").glob("*/metrics.csv")), CURVES)
    report = evaluate_segmentation(bundle, judged(parts), threads=setting.preset.threads)
    figures = [*rates_of(report, setting, parts, row=row_of(combination, treatment))]
    if seed == setting.preset.seed:
        figures += costs_of(setting, bundle, combination=combination, treatment=treatment)
    details = {
        "combination": combination,
        "treatment": treatment,
        "seed": seed,
        "curves": curves,
        "jaccard": report.metrics["jaccard_per_image"].value,
        "pictures": strips_of(bundle, judged(parts)) if seed == setting.preset.seed else {},
    }
    words = f"{parts.whole.name}, {len(parts.train)} training images"
    return Outcome(tuple(figures), seed, words, checksum(parts.whole), details)


def judged(parts: Parts) -> LabelledSet:
    """The test part.

    Raises:
        DatasetError: the split has none.
    """
    if parts.test is None:
        raise DatasetError("has no test part to judge by", where=parts.whole.name)
    return parts.test


def rates_of(report: Report, setting: Setting, parts: Parts, *, row: str) -> Iterator[Figure]:
    """Mean over test images, as the paper has it, and of all pixels together."""
    apart = apart_from_paper(setting, parts)
    for metric, title in RATES.items():
        yield figure_of(TABLE, row, title, report.metrics[f"{metric}_per_image"], apart=apart)
        yield figure_of(POOLED, row, title, report.metrics[metric])


def costs_of(
    setting: Setting, bundle: Bundle, *, combination: str, treatment: str
) -> Iterator[Figure]:
    """Size and speed beside the base of the same combination, timed in turns."""
    row = row_of(combination, treatment)
    graph = bundle.graph()
    yield Figure(COST, row, ZEROS, 100 * zero_share(graph))
    if treatment == "base":
        yield from (Figure(COST, row, name, 1.0) for name in COSTS if name != ZEROS)
        return
    base = setting.bundle(combination, "base", setting.preset.seed).graph()
    yield Figure(COST, row, SMALLER, len(base) / len(graph))
    yield Figure(COST, row, ZIPPED, len(zlib.compress(base, 9)) / len(zlib.compress(graph, 9)))
    inputs = [bundle.tests[TEST_INPUT]]
    for runtime, title in FASTER.items():
        latency = side_by_side(
            base, graph, inputs, runtime=runtime, threads=1, progress=lambda _done, _total: None
        )
        yield Figure(COST, row, title, latency.speedup)


def zero_share(graph: bytes) -> float:
    """Share of exact zeros among the weights of layers, in float or in 8 bits."""
    parsed = OnnxGraph(graph)
    layers = [node for node in parsed.nodes if node.op_type in LAYERS]
    stored = [parsed.weight(name) for node in layers for name in node.input[1:2]]
    weights = [numpy_helper.to_array(tensor) for tensor in stored if tensor is not None]
    total = sum(weight.size for weight in weights)
    return sum(int((weight == 0).sum()) for weight in weights) / total


def apart_from_paper(setting: Setting, parts: Parts) -> str:
    """Why figures on these images cannot be set against the paper's; its set has 1,088 images."""
    if setting.data is None:
        return "other data: simulated cultures"
    return "" if len(parts.whole) == PAPER_IMAGES else f"other data: {parts.whole.name}"


def _quantized(
    setting: Setting, parts: Parts, folder: Path, *, combination: str, seed: int
) -> Bundle:
    """The base of the combination in 8 bits, ranges from training images."""
    out = folder / f"{combination}.cellwright"
    job = CompressionJob(
        judged=parts.val,
        judged_name="validation part",
        calibration=draw(images_of(parts.train), CALIBRATION_IMAGES),
        calibration_name="images of the training part",
        runtimes=tuple(RUNTIMES),
        max_drop=ANY_DROP,
        threads=setting.preset.threads,
        settings={"ranges": "minmax"},
    )
    compress(setting.bundle(combination, "base", seed), job, method="ptq", out=out)
    return open_bundle(out)
