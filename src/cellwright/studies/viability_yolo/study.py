"""Paper 1 as a study: five YOLOs, a sixth and our own detector, trained alike.

Trykin, Krivonosov, Kalinina: Cell Localization with YOLO-based Models in Live-Dead
Cell Viability Assay, 2025, doi:10.25686/978-5-8158-2474-4-2025-844-851.

Table 3 (quality) and Table 1 (size and speed) are here, with what the paper lacks: a dense
field, OpenVINO, int8, memory, time from file to table. Table 4 and Figure 3 (how many
labels are enough) are the study ``learning-curve``. Table 2 is the augmentation preset
``paper1`` of :mod:`cellwright.data.transforms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from cellwright.errors import UnknownNameError
from cellwright.reports.page import Page
from cellwright.reports.plots import Estimate, Labels, interval_bars
from cellwright.studies.study import Cell, Records, Request, Study
from cellwright.studies.viability_yolo import eight_bits
from cellwright.studies.viability_yolo.detection import (
    PRINTED,
    RATES,
    Setting,
    class_names,
    count_dense,
    train_row,
)
from cellwright.studies.viability_yolo.presets import PRESETS
from cellwright.studies.viability_yolo.speed import (
    END_TO_END,
    ON_GPU,
    SIZE_AND_SPEED,
    time_end_to_end,
    time_graph,
    time_on_gpu,
)


def plan(request: Request) -> Sequence[Cell]:
    """All networks are trained first: every other cell looks at a trained one."""
    if request.preset not in PRESETS:
        raise UnknownNameError("preset", request.preset, PRESETS)
    preset = PRESETS[request.preset]
    setting = Setting(preset, request.data, request.out)
    metrics = tuple(f"{name} {rate}" for name in class_names(setting) for rate in RATES.values())
    steps = (
        ("train", "3", metrics, train_row),
        ("dense", "dense", ("cells in the field", "cells counted", "error (%)"), count_dense),
        ("speed", "1", SIZE_AND_SPEED, time_graph),
        ("gpu", "1", ON_GPU, time_on_gpu),
        ("end-to-end", "1", END_TO_END, time_end_to_end),
        ("int8", eight_bits.TABLE, eight_bits.METRICS, eight_bits.quantize),
    )
    return [
        Cell(
            f"{step}-{name}",
            tuple((table, PRINTED[name], metric) for metric in columns),
            partial(measure, setting, name),
        )
        for step, table, columns, measure in steps
        for name in preset.detectors
    ]


def draw(page: Page, records: Records) -> None:
    """Table 3 as bars, a plot a class."""
    figures = [
        figure
        for record in records.values()
        for figure in record.outcome.figures
        if figure.table == "3" and figure.metric.endswith(RATES["ap50_95"])
    ]
    for metric in dict.fromkeys(figure.metric for figure in figures):
        bars = [
            Estimate(figure.row, figure.value, figure.low, figure.high)
            for figure in figures
            if figure.metric == metric
        ]
        plot = interval_bars(bars, labels=Labels(x=metric), limits=(0, 100))
        page.figure(plot, caption=f"{metric} on the test part, with 95 % intervals.")


STUDY = Study(
    name="viability-yolo",
    title="Live/dead nuclei with seven small detectors",
    paper=(
        "Trykin, Krivonosov, Kalinina: Cell Localization with YOLO-based Models in Live-Dead "
        "Cell Viability Assay, 2025, doi:10.25686/978-5-8158-2474-4-2025-844-851. Tables 1 and 3."
    ),
    folder=Path(__file__).parent,
    presets={name: preset.summary for name, preset in PRESETS.items()},
    settings=lambda preset: asdict(PRESETS[preset]),
    plan=plan,
    draw=draw,
)
