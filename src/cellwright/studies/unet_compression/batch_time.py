"""Table 1: how long an epoch of quantization-aware training takes at two batch sizes."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from cellwright.bundles.bundle import open_bundle
from cellwright.data.checksum import checksum
from cellwright.inference.evaluate_segmentation import evaluate_segmentation
from cellwright.learning.train import train_on
from cellwright.studies.epochs import logged_epochs
from cellwright.studies.study import Figure, Outcome
from cellwright.studies.unet_compression.networks import Setting, train_config
from cellwright.studies.unet_compression.rows import judged

TABLE = "1"
EPOCH, TEST = "an epoch (s)", "test images (s)"
COMBINATION = "jaccard-bce-rmsprop"
OTHER_MACHINE = "other machine, other data"


def measure(setting: Setting, folder: Path, *, batch_size: int) -> Outcome:
    """Train for a few epochs, then predict the test part."""
    preset, parts = setting.preset, setting.parts()
    config = train_config(setting, COMBINATION, "duringtq", preset.seed)
    schedule = config.schedule.model_copy(
        update={"epochs": preset.timed_epochs, "batch_size": batch_size, "gentle_epochs": 0}
    )
    config = config.model_copy(update={"schedule": schedule})
    result = train_on(parts, config, folder, command="cellwright study run unet-compression")
    logs = sorted((folder / "log").glob("*/metrics.csv"))
    an_epoch = median(logged_epochs(logs, {"seconds": "seconds"})["seconds"])
    start = time.perf_counter()
    evaluate_segmentation(open_bundle(result.bundle), judged(parts), threads=preset.threads)
    taken = time.perf_counter() - start
    row = f"batch {batch_size}"
    figures = (
        Figure(TABLE, row, EPOCH, an_epoch, n=len(parts.train), apart=OTHER_MACHINE),
        Figure(TABLE, row, TEST, taken, n=len(judged(parts)), apart=OTHER_MACHINE),
    )
    words = f"{parts.whole.name}, {len(parts.train)} training images"
    return Outcome(figures, preset.seed, words, checksum(parts.whole))
