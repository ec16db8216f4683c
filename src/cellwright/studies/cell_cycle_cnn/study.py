"""Paper 4 as a study: its network, its two ways to fill rare phases, and what to hold them to.

Duque-Vazquez, Cepeda-Negrete, López-Meza, Saldana-Robles, Sanchez-Yanez: Convolutional Neural
Network for Classifying the Stages of the Cell Cycle.

Tables 1 to 3 with intervals, by two protocols; stained and label-free cells apart; gradient
boosting on simple features, a ResNet and our pipeline on the same folds, compared in pairs;
what the frame of the crop and the stain alone give away; how good the generated cells are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from cellwright.data.datasets.jurkat_cell_cycle import CLASSES
from cellwright.errors import UnknownNameError
from cellwright.studies.cell_cycle_cnn import comparison, gan_quality, rows
from cellwright.studies.cell_cycle_cnn.drawing import draw
from cellwright.studies.cell_cycle_cnn.methods import Variant, variants
from cellwright.studies.cell_cycle_cnn.presets import PRESETS
from cellwright.studies.cell_cycle_cnn.setting import Setting, setting_of
from cellwright.studies.study import Cell, Figure, Place, Records, Request, Study, every_figure

PHASES = CLASSES[3:]
"""Those that are rare in the paper's set, and filled."""


def plan(request: Request) -> Sequence[Cell]:
    """Cheap rows first; what follows from a row stands behind it."""
    if request.preset not in PRESETS:
        raise UnknownNameError("preset", request.preset, PRESETS)
    setting = setting_of(request)
    preset = setting.preset
    grid = variants(augmented=preset.augmented, methods=preset.methods)
    return [cell for variant in grid for cell in _cells(setting, variant)]


def _cells(setting: Setting, variant: Variant) -> list[Cell]:
    """A row, and right behind it what follows from it."""
    found = [Cell(variant.name, places(variant), partial(rows.measure, setting, variant=variant))]
    if variant.method == "both":
        found += _paired(setting, Variant("boosting", variant.channels))
    if variant.method in ("cnn", "resnet") and not variant.augmented:
        found += _paired(setting, variant)
    if variant.method == "cnn" and variant.augmented and variant.protocol == "leak-free":
        found.append(_quality(setting, variant))
    return found


def _paired(setting: Setting, baseline: Variant) -> list[Cell]:
    measure = partial(comparison.measure, setting, baseline=baseline)
    return [Cell(f"paired-{baseline.name}", comparison.places(baseline), measure)]


def _quality(setting: Setting, variant: Variant) -> Cell:
    filled = tuple(
        (gan_quality.GAN, gan_quality.gan_row(variant, phase), metric)
        for phase in PHASES
        for metric in gan_quality.METRICS
    )
    measure = partial(gan_quality.measure, setting, variant=variant)
    return Cell(f"quality-{variant.name}", filled, measure)


def places(variant: Variant) -> tuple[Place, ...]:
    """What the cell of a row fills."""
    names = (*CLASSES, rows.WEIGHTED)
    filled: list[Place] = [
        (variant.table, f"{variant.row}: {name}", rate)
        for name in names
        for rate in rows.RATES.values()
    ]
    filled += [(rows.OVERALL, variant.row, title) for title in rows.POOLED.values()]
    if variant.augmented:
        own = (rows.LEAKED, rows.BALANCED, rows.GENERATED_TOO)
        metrics = (rows.CLEAN,) if variant.protocol == "leak-free" else own
        filled += [(rows.STEPS, rows.step_row(variant), metric) for metric in metrics]
    return tuple(filled)


def conclude(records: Records) -> tuple[str, ...]:
    """Whether ours is better than each baseline, a sentence a pair."""
    return tuple(
        in_words(figure)
        for figure in every_figure(records)
        if figure.table == comparison.PAIRED and figure.metric == "weighted F1"
    )


def in_words(figure: Figure) -> str:
    """A difference as a sentence.

    >>> in_words(Figure("paired", "ours less ResNet, stained", "weighted F1", 0.02, 0.01, 0.03, 9))
    'ours less ResNet, stained: +0.020 (+0.010 to +0.030) of weighted F1 on 9 cells: better'
    """
    value, low, high = figure.value or 0.0, figure.low or 0.0, figure.high or 0.0
    verdict = "better" if low > 0 else "worse" if high < 0 else "no difference shown"
    return (
        f"{figure.row}: {value:+.3f} ({low:+.3f} to {high:+.3f}) of {figure.metric} "
        f"on {figure.n:,} cells: {verdict}"
    )


STUDY = Study(
    name="cell-cycle-cnn",
    title="Phases of the cell cycle: a small CNN, GANs for rare phases, folds that cannot leak",
    paper=(
        "Duque-Vazquez, Cepeda-Negrete, López-Meza, Saldana-Robles, Sanchez-Yanez: Convolutional "
        "Neural Network for Classifying the Stages of the Cell Cycle. Tables 1 to 3."
    ),
    folder=Path(__file__).parent,
    presets={name: preset.summary for name, preset in PRESETS.items()},
    settings=lambda preset: asdict(PRESETS[preset]),
    plan=plan,
    draw=draw,
    conclude=conclude,
)
