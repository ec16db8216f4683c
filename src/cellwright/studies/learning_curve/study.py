"""Table 4 and Figure 3 of paper 1: how many labels are enough, for the paper's images or yours.

Trykin, Krivonosov, Kalinina: Cell Localization with YOLO-based Models in Live-Dead
Cell Viability Assay, 2025, doi:10.25686/978-5-8158-2474-4-2025-844-851.

2, 5, 10, 25, 50 and 100 % of the training images, one fixed validation part, several seeds;
recall, precision and AP50:95 after every epoch. See ``docs/methods/learning-curve.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from cellwright.bundles.bundle import open_bundle
from cellwright.data.checksum import checksum
from cellwright.errors import UnknownNameError
from cellwright.learning.config import DetectorConfig, InputConfig, ScheduleConfig, TrainConfig
from cellwright.learning.train import train_on
from cellwright.studies.learning_curve.curves import epoch_curves
from cellwright.studies.learning_curve.plots import draw, points_of
from cellwright.studies.learning_curve.presets import PRESETS
from cellwright.studies.learning_curve.projection import in_words, project
from cellwright.studies.learning_curve.shares import (
    box_edges,
    fixed_parts,
    longest_px,
    share_of,
    source_of,
)
from cellwright.studies.study import (
    Cell,
    Figure,
    Outcome,
    Records,
    Request,
    Study,
    every_figure,
)
from cellwright.studies.viability_yolo.detection import PRINTED, apart_from_paper
from cellwright.studies.viability_yolo.presets import OWN

RATES = {"precision": "P (%)", "recall": "R (%)", "ap50_95": "AP50:95 (%)"}
COUNTS = ("train images", "validation images")
MOST_CROPS = 64
"""Windows an image that ``InputConfig`` allows."""


def plan(request: Request) -> Sequence[Cell]:
    """A cell a network, share and seed."""
    if request.preset not in PRESETS:
        raise UnknownNameError("preset", request.preset, PRESETS)
    preset = PRESETS[request.preset]
    return [
        Cell(
            f"{detector}-{round(100 * fraction):03d}-seed{seed}",
            (
                *(("4", f"{fraction:.0%}", name) for name in COUNTS),
                *(("figure 3", row_of(detector, fraction), title) for title in RATES.values()),
            ),
            partial(measure, request, detector, fraction=fraction, seed=seed),
        )
        for detector in preset.detectors
        for fraction in preset.fractions
        for seed in preset.seeds
    ]


def row_of(detector: str, fraction: float) -> str:
    """Row of the table behind Figure 3."""
    return f"{PRINTED[detector]}, {fraction:.0%}"


def measure(
    request: Request, detector: str, folder: Path, *, fraction: float, seed: int
) -> Outcome:
    """Train on a share; judge on the fixed validation part after every epoch, and at the best."""
    whole = fixed_parts(request)
    parts = share_of(whole, fraction, seed)
    config = train_config(request, detector, n_train=len(parts.train), seed=seed)
    result = train_on(parts, config, folder, command=f"cellwright study run {STUDY.name}")
    metrics = open_bundle(result.bundle).card.evaluations[0].metrics
    percent = {metric: 100 * (metrics[metric].value or 0.0) for metric in RATES}
    row = row_of(detector, fraction)
    apart = apart_from_paper(whole.whole, request.data)
    sizes = (len(parts.train), len(parts.val))
    figures = [
        *(
            Figure("4", f"{fraction:.0%}", name, n, apart=apart)
            for name, n in zip(COUNTS, sizes, strict=True)
        ),
        *(Figure("figure 3", row, title, percent[metric]) for metric, title in RATES.items()),
    ]
    details = {
        "detector": detector,
        "fraction": fraction,
        "seed": seed,
        "n_train": len(parts.train),
        "n_boxes": len(box_edges(parts.train)),
        "start_from": config.start_from,
        "final": percent,
        "curves": epoch_curves(folder),
    }
    words = f"{whole.whole.name}, {len(parts.train)} of {len(whole.train)} training images"
    return Outcome(tuple(figures), seed, words, checksum(parts.whole), details)


def train_config(request: Request, detector: str, *, n_train: int, seed: int) -> TrainConfig:
    """One configuration for all shares, but for how often an image is drawn in an epoch."""
    preset = PRESETS[request.preset]
    train = fixed_parts(request).train
    crops = None
    if preset.windows_per_epoch is not None:
        windows = max(preset.windows_per_epoch, len(train))
        crops = min(MOST_CROPS, -(-windows // n_train))
    return TrainConfig(
        name=detector,
        seed=seed,
        start_from=start_of(request) if detector == OWN else None,
        threads=preset.threads,
        data=source_of(request),
        input=InputConfig(
            longest_px=preset.longest_px or longest_px(train, cell_px=preset.cell_px),
            tile_px=preset.tile_px,
            crops_per_image=crops,
        ),
        detector=DetectorConfig(
            name=detector,
            settings=preset.own_settings if detector == OWN else {"optimizer": "schedule"},
        ),
        schedule=ScheduleConfig(**preset.schedule),
    )


def start_of(request: Request) -> str | None:
    """The preset's model to start from, unless it has learned from these very images."""
    start = PRESETS[request.preset].start_from
    if start is None:
        return None
    seen = open_bundle(start).card.training.data_checksum
    return None if seen == checksum(fixed_parts(request).whole) else start


def collect(records: Records) -> Sequence[Figure]:
    """Seeds pooled: the mean, with the t interval of that mean."""
    pooled: dict[tuple[str, str, str], list[Figure]] = {}
    for figure in every_figure(records):
        pooled.setdefault((figure.table, figure.row, figure.metric), []).append(figure)
    return [_mean(figures) for _, figures in sorted(pooled.items(), key=lambda item: item[0][0])]


def _mean(figures: Sequence[Figure]) -> Figure:
    first = figures[0]
    values = np.array([figure.value for figure in figures], float)
    low = high = None
    if len(values) > 1 and first.table != "4":
        reach = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
        low, high = float(values.mean() - reach), float(values.mean() + reach)
    note = "" if first.table == "4" else f"mean of {len(values)} seeds"
    key = (first.table, first.row, first.metric)
    return Figure(*key, float(values.mean()), low, high, len(values), first.apart, note)


def conclude(records: Records) -> tuple[str, ...]:
    """How many more labels are worth drawing, a sentence a network."""
    done = [dict(record.outcome.details) for record in records.values() if record.outcome.details]
    sentences = []
    for detector in dict.fromkeys(details["detector"] for details in done):
        own = [details for details in done if details["detector"] == detector]
        forecast = project(points_of(own), last_gain=last_gain(own))
        sentences.append(in_words(forecast, PRINTED[detector]))
    return tuple(sentences)


def last_gain(done: Sequence[Mapping[str, Any]]) -> float:
    """Points of AP50:95 that the last epoch brought on the largest share, mean over seeds."""
    most = max(details["n_train"] for details in done)
    curves = [one["curves"]["ap50_95"] for one in done if one["n_train"] == most]
    gains = [curve[-1] - curve[-2] for curve in curves if len(curve) > 1]
    return float(np.mean(gains)) if gains else 0.0


STUDY = Study(
    name="learning-curve",
    title="How many labels are enough, and what more would bring",
    paper=(
        "Trykin, Krivonosov, Kalinina: Cell Localization with YOLO-based Models in Live-Dead "
        "Cell Viability Assay, 2025, doi:10.25686/978-5-8158-2474-4-2025-844-851. Table 4 and "
        "Figure 3. The validation part chooses the best epoch and judges it, as in the paper, "
        "so every share is flattered a little and alike."
    ),
    folder=Path(__file__).parent,
    presets={name: preset.summary for name, preset in PRESETS.items()},
    settings=lambda preset: asdict(PRESETS[preset]),
    plan=plan,
    collect=collect,
    draw=draw,
    conclude=conclude,
)
