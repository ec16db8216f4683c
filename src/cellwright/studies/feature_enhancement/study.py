"""Paper 3 as a study: does enhancing a few of the deepest maps help, and what finds B and X?

Ando, Hotta: Cell Image Segmentation by Feature Random Enhancement Module. Table 2 and
Figures 2, 8 and 9 on the paper's own Drosophila set; with several seeds, a paired test and
recipes that go beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from cellwright.data.datasets.drosophila_vnc_sstem import CLASSES
from cellwright.errors import UnknownNameError
from cellwright.studies.feature_enhancement import ceiling, pictures, search, speed, views
from cellwright.studies.feature_enhancement.comparison import collect, conclude
from cellwright.studies.feature_enhancement.plots import draw
from cellwright.studies.feature_enhancement.presets import PRESETS, ROWS, Preset
from cellwright.studies.feature_enhancement.training import BAND, MIOU, NAME, Setting, measure
from cellwright.studies.feature_enhancement.variants import PRINTED
from cellwright.studies.study import Cell, NotAttempted, Outcome, Place, Request, Study

MOUSE = ("IoU membrane (%)", "IoU nucleus (%)", "IoU background (%)", MIOU)
COLUMNS = ("column membrane (%)", "column nuclear (%)", "column background (%)")
TABLE_1 = tuple(PRINTED[variant] for variant in ROWS if variant != "fixed")
TABLE_3 = (PRINTED["baseline"], PRINTED["fixed"])


def plan(request: Request) -> Sequence[Cell]:
    """Trainings, then what needs them, then the searches, then what cannot be done."""
    if request.preset not in PRESETS:
        raise UnknownNameError("preset", request.preset, PRESETS)
    setting = Setting(request)
    preset = setting.preset
    first = preset.seeds[0]
    trained = [
        Cell(
            f"{variant}-seed{seed}",
            places(setting, variant),
            partial(measure, setting, variant, seed=seed),
        )
        for variant, seed in _runs(preset)
    ]
    searched = [
        Cell(
            one.name,
            tuple((search.TABLE, one.row, metric) for metric in search.METRICS),
            partial(search.measure, setting, one),
        )
        for one in search.SEARCHES
    ]
    timed = Cell(
        "speed",
        ((speed.TABLE, speed.ROW, speed.METRIC),),
        partial(speed.measure, setting, seed=first),
    )
    mirrored = [
        Cell(
            f"{variant}-views-seed{first}",
            ((setting.table, views.row_of(variant), MIOU),),
            partial(views.measure, setting, variant, seed=first),
        )
        for variant in views.JUDGED_AGAIN
        if (variant, first) in _runs(preset)
    ]
    shown = Cell(
        "pictures",
        ((pictures.TABLE, pictures.ROW, pictures.METRIC),),
        partial(
            pictures.measure,
            setting,
            variants=(*preset.compared, *preset.once),
            seed=first,
        ),
    )
    limit = Cell(
        "ceiling",
        ((ceiling.TABLE, ceiling.ROW, MIOU),),
        partial(ceiling.measure, setting),
    )
    return [*trained, timed, *mirrored, shown, limit, *searched, *_beyond_reach()]


def _runs(preset: Preset) -> list[tuple[str, int]]:
    runs = [(variant, seed) for seed in preset.seeds for variant in preset.compared]
    return [*runs, *((variant, preset.seeds[0]) for variant in preset.once)]


def places(setting: Setting, variant: str) -> tuple[Place, ...]:
    """What a training fills; classes of a user's own labels are known only when it has run."""
    table, row = setting.table, PRINTED[variant]
    if setting.request.data is not None:
        return ((table, row, MIOU),)
    metrics = [f"IoU {name} (%)" for name in CLASSES]
    return (
        *((table, row, metric) for metric in (MIOU, *metrics)),
        *((BAND, row, metric) for metric in metrics),
    )


def _beyond_reach() -> list[Cell]:
    """Published values that nothing here can stand beside."""
    mouse = tuple(("1", row, metric) for row in TABLE_1 for metric in MOUSE)
    mouse += tuple(("3", row, metric) for row in TABLE_3 for metric in MOUSE)
    columns = tuple(("2 columns", row, metric) for row in TABLE_1 for metric in COLUMNS)
    return [
        Cell(
            "mouse-liver",
            mouse,
            partial(_refuse, "the mouse liver set was not published; give your copy with --data"),
        ),
        Cell(
            "columns",
            columns,
            partial(
                _refuse,
                "the set has no nuclei, and 92 % belongs to the inside of cells, not to "
                "membranes: the columns' names do not fit their figures",
            ),
        ),
    ]


def _refuse(reason: str, folder: Path) -> Outcome:  # noqa: ARG001 - a cell is given its folder
    raise NotAttempted(reason)


STUDY = Study(
    name=NAME,
    title="Feature random enhancement in an SE-U-Net, and the search for its settings",
    paper=(
        "Ando, Hotta: Cell Image Segmentation by Feature Random Enhancement Module, Meijo "
        "University. Tables 1 to 3, Figures 2 and 7 to 9. Images: Gerhard, Funke, Martel, "
        "Cardona, Fetter: Segmented anisotropic ssTEM dataset of neural tissue, figshare, 2013, "
        "doi:10.6084/m9.figshare.856713 (CC BY-NC-SA)."
    ),
    folder=Path(__file__).parent,
    presets={name: preset.summary for name, preset in PRESETS.items()},
    settings=lambda preset: asdict(PRESETS[preset]),
    plan=plan,
    collect=collect,
    draw=draw,
    conclude=conclude,
)
