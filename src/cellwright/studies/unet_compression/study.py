"""Paper 2 as a study: eight pairs of loss and optimizer, each quantized and pruned.

Polisi, Uka, Avdiu, Karras: Efficient and accurate cell image segmentation through optimizer
and loss function fine-tuning with quantization and pruning.

Table 3 (quality on test images), Table 1 (batch size and time), Figures 2 to 6 (curves), 7
(heat map), 8 and 9 (masks) are here, with what the paper lacks: intervals, pixels pooled
beside means over images, size, zeros and speed in two runtimes, several seeds. Table 2 is the
configuration itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from scipy import stats

from cellwright.errors import UnknownNameError
from cellwright.studies.study import Cell, Figure, Place, Records, Request, Study, every_figure
from cellwright.studies.unet_compression import batch_time
from cellwright.studies.unet_compression.combinations import TREATMENTS, row_of
from cellwright.studies.unet_compression.drawing import draw
from cellwright.studies.unet_compression.networks import Setting
from cellwright.studies.unet_compression.presets import PRESETS, REPEATED
from cellwright.studies.unet_compression.rows import COST, COSTS, POOLED, RATES, TABLE, measure

SEEDS = "seeds"
JACCARD = "Jaccard, mean of the seeds"
SPREAD = "largest less smallest"


def plan(request: Request) -> Sequence[Cell]:
    """Bases first: what is quantized afterwards, and every ratio, needs them."""
    if request.preset not in PRESETS:
        raise UnknownNameError("preset", request.preset, PRESETS)
    preset = PRESETS[request.preset]
    setting = Setting(preset, request.data, request.out)
    rows = [(c, t, preset.seed) for t in TREATMENTS for c in preset.combinations]
    rows += [
        (combination, treatment, seed)
        for seed in preset.more_seeds
        for combination, treatment in REPEATED
        if combination in preset.combinations
    ]
    cells = [
        Cell(
            setting.cell(combination, treatment, seed),
            places(combination, treatment, again=seed != preset.seed),
            partial(measure, setting, combination=combination, treatment=treatment, seed=seed),
        )
        for combination, treatment, seed in rows
    ]
    timed = [
        Cell(
            f"batch-{size}",
            tuple(
                (batch_time.TABLE, f"batch {size}", m) for m in (batch_time.EPOCH, batch_time.TEST)
            ),
            partial(batch_time.measure, setting, batch_size=size),
        )
        for size in preset.timed_batch_sizes
    ]
    return [*cells, *timed]


def places(combination: str, treatment: str, *, again: bool) -> tuple[Place, ...]:
    """What a row fills; repeated from another seed, only the table of seeds."""
    row = row_of(combination, treatment)
    if again:
        return tuple((SEEDS, row, metric) for metric in (JACCARD, SPREAD))
    return (
        *((table, row, title) for table in (TABLE, POOLED) for title in RATES.values()),
        *((COST, row, title) for title in COSTS),
    )


def collect(records: Records) -> Sequence[Figure]:
    """The tables from the first seed; the table of seeds from all."""
    first = every_figure({name: one for name, one in records.items() if "-seed" not in name})
    found: dict[str, list[float]] = {}
    for record in records.values():
        details = record.outcome.details
        if details and (details["combination"], details["treatment"]) in REPEATED:
            row = row_of(details["combination"], details["treatment"])
            found.setdefault(row, []).append(details["jaccard"])
    return [*first, *(figure for row, values in found.items() for figure in _seeds(row, values))]


def _seeds(row: str, values: Sequence[float]) -> list[Figure]:
    """Mean with Student's interval, and the range."""
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return []
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return [
        Figure(SEEDS, row, JACCARD, mean, mean - half, mean + half, n),
        Figure(SEEDS, row, SPREAD, max(values) - min(values), n=n),
    ]


STUDY = Study(
    name="unet-compression",
    title="A U-Net for unstained cells: losses, optimizers, quantization, pruning",
    paper=(
        "Polisi, Uka, Avdiu, Karras: Efficient and accurate cell image segmentation through "
        "optimizer and loss function fine-tuning with quantization and pruning. Tables 1 and 3, "
        "Figures 2 to 9."
    ),
    folder=Path(__file__).parent,
    presets={name: preset.summary for name, preset in PRESETS.items()},
    settings=lambda preset: asdict(PRESETS[preset]),
    plan=plan,
    collect=collect,
    draw=draw,
)
