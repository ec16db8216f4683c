"""What the paper lacks: every trained network in 8 bits, by post-training quantization.

Ranges are learned from training images, the loss is judged on the validation part in both
runtimes, and a network that loses more than one point of AP50:95 in either is refused; its
figures stay in the table, since a refusal without a figure helps nobody.
"""

from __future__ import annotations

from pathlib import Path

from cellwright.bundles.bundle import open_bundle
from cellwright.compression.calibration_data import draw, images_of
from cellwright.compression.compress import CompressionJob, compress
from cellwright.learning.training_data import load_parts
from cellwright.studies.study import Figure, Outcome
from cellwright.studies.viability_yolo.detection import PRINTED, Setting, data_config, in_words

TABLE = "int8"
RUNTIME_TITLES = {"onnxruntime": "ONNX", "openvino": "OpenVINO"}
LOST, FASTER = "lost in {} (points AP50:95)", "faster in {} (times)"
SMALLER = "smaller (times)"
METRICS = (
    SMALLER,
    *(FASTER.format(title) for title in RUNTIME_TITLES.values()),
    *(LOST.format(title) for title in RUNTIME_TITLES.values()),
)
MAX_DROP = 1.0
CALIBRATION_IMAGES = 32


def quantize(setting: Setting, detector: str, folder: Path) -> Outcome:
    """Size, speed and loss of the network in 8 bits, and whether it is accepted."""
    bundle = open_bundle(setting.bundle(detector))
    parts = load_parts(data_config(setting))
    job = CompressionJob(
        judged=parts.val,
        judged_name="validation part",
        calibration=draw(images_of(parts.train), CALIBRATION_IMAGES),
        calibration_name="images of the training part",
        max_drop=MAX_DROP,
        threads=setting.preset.threads,
        settings={"ranges": setting.preset.int8_ranges},
    )
    verdict = compress(bundle, job, method="ptq", out=folder / f"{detector}-int8.cellwright")
    row = PRINTED[detector]
    note = "accepted" if verdict.accepted else f"refused: more than {MAX_DROP:g} point lost"
    figures = [Figure(TABLE, row, SMALLER, verdict.size_ratio, note=note)]
    for one in verdict.runtimes:
        title = RUNTIME_TITLES[one.runtime]
        drop = one.drop
        figures += [
            Figure(TABLE, row, FASTER.format(title), one.latency.speedup, note=note),
            Figure(
                TABLE, row, LOST.format(title), drop.value, drop.low, drop.high, drop.n, note=note
            ),
        ]
    return Outcome(tuple(figures), setting.preset.seed, in_words(setting, parts))
