"""Paper 5 as a study: classes of blood smears, and what is left of them in another stain.

Jeevitha, Abinaya, Sharmila, Arthi and Karthika: Deep Leuko. VGG16, ResNet50, a small network and
classical methods. The paper prints one figure, 92 % on 108 images (the number of ALL-IDB1), and
does not say of which network or how they were split; here every row is judged on blocks of files
that were not learned from, as they are and under eight shifts of the colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from cellwright.errors import UnknownNameError
from cellwright.reports.page import Page
from cellwright.reports.plots import Estimate, Labels, interval_bars
from cellwright.studies.leukemia_screening.classical import CLASSICAL
from cellwright.studies.leukemia_screening.controls import CONTROLS
from cellwright.studies.leukemia_screening.judged import CLEAN, SHIFTED, places_of
from cellwright.studies.leukemia_screening.presets import PRESETS
from cellwright.studies.leukemia_screening.rows import (
    Setting,
    measure_classical,
    measure_control,
    measure_network,
)
from cellwright.studies.leukemia_screening.variants import VARIANTS
from cellwright.studies.study import Cell, Records, Request, Study, every_figure

NAME = "leukemia-screening"


def plan(request: Request) -> Sequence[Cell]:
    """A cell a row."""
    if request.preset not in PRESETS:
        raise UnknownNameError("preset", request.preset, PRESETS)
    setting = Setting(request)
    return [_cell(setting, name) for name in setting.preset.rows]


def _cell(setting: Setting, name: str) -> Cell:
    if name in CONTROLS:
        return Cell(name, places_of(CONTROLS[name][0]), partial(measure_control, setting, name))
    if name in CLASSICAL:
        return Cell(name, places_of(CLASSICAL[name]), partial(measure_classical, setting, name))
    return Cell(name, places_of(VARIANTS[name].row), partial(measure_network, setting, name))


def draw(page: Page, records: Records) -> None:
    """Accuracy as it is and under the shift of all three, a bar a row."""
    for shift in (CLEAN, "stain", "stain-matrix"):
        bars = [
            Estimate(figure.row, figure.value, figure.low, figure.high)
            for figure in every_figure(records)
            if (figure.table, figure.metric) == (SHIFTED, shift) and figure.value is not None
        ]
        if bars:
            plot = interval_bars(bars, labels=Labels(x=f"accuracy (%), {shift}"), limits=(0, 100))
            page.figure(plot, caption=f"Test images, {shift}, with 95 % intervals over groups.")


STUDY = Study(
    name=NAME,
    title="Leukemia from blood smears: what is seen, and what is only the stain",
    paper=(
        "Jeevitha, Abinaya, Sharmila, Arthi, Karthika: Deep Leuko (Deep Learning Applied to "
        "Leukemia Detection), United Institute of Technology: 92 % accuracy on 108 images. Images "
        "here: Aria et al., Acute Lymphoblastic Leukemia (ALL) image dataset, 2021. Research use "
        "only, not a diagnosis."
    ),
    folder=Path(__file__).parent,
    presets={name: preset.summary for name, preset in PRESETS.items()},
    settings=lambda preset: asdict(PRESETS[preset]),
    plan=plan,
    draw=draw,
)
