"""One row of the table: a network trained on contiguous sections and judged on others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.data.checksum import checksum
from cellwright.data.crops import cropped
from cellwright.data.datasets import find_dataset, load_dataset
from cellwright.data.formats import read_labelled
from cellwright.data.labelled_set import LabelledSet
from cellwright.images.normalise import Normalisation
from cellwright.inference.segmenter import Segmenter
from cellwright.learning.config import DataConfig, InputConfig, TrainConfig
from cellwright.learning.run_record import TrainingResult
from cellwright.learning.train import train_on
from cellwright.learning.training_data import Parts, load_parts
from cellwright.studies.feature_enhancement.judged import Judged, Units, judge
from cellwright.studies.feature_enhancement.magnitudes import recorded, recorder, window_of
from cellwright.studies.feature_enhancement.presets import PRESETS, Preset
from cellwright.studies.feature_enhancement.simulated import write_tissue
from cellwright.studies.feature_enhancement.variants import (
    CONTINUES,
    PRINTED,
    network_of,
    schedule_of,
)
from cellwright.studies.grid import read_record
from cellwright.studies.labels import labels_config
from cellwright.studies.study import Figure, NotAttempted, Outcome, Request, figure_of

OWN_SET = "drosophila_vnc_sstem"
TABLE, BAND, OBJECTS = "2", "2 px band", "objects in the test part"
VALIDATION = "validation"
MIOU = "mIoU (%)"
HALF, THREE_QUARTERS = 0.5, 0.75
"""Training, validation and test are runs of sections: the first half, and a quarter each."""

NAME = "feature-enhancement"


@dataclass(frozen=True)
class Setting:
    """What all cells of a run share."""

    request: Request

    @property
    def preset(self) -> Preset:
        """Its size."""
        return PRESETS[self.request.preset]

    @property
    def data(self) -> DataConfig:
        """Where the images come from.

        Raises:
            NotAttempted: none are given, and the paper's are not on this computer.
        """
        if self.request.data is not None:
            return labels_config(self.request.data)
        if self.preset.simulated:
            folder = self.request.out / "work" / "simulated"
            return DataConfig(path=write_tissue(folder, n_images=self.preset.simulated, edge_px=96))
        if find_dataset(OWN_SET) is None:
            raise NotAttempted(f"{OWN_SET} is not on this computer: `cellwright data fetch` it")
        return DataConfig(dataset=OWN_SET)

    def parts(self) -> Parts:
        """Runs of sections, in order; labels of a user's own are split as their layout says.

        Raises:
            NotAttempted: as :attr:`data`.
        """
        source = self.data
        if self.request.data is not None:
            found = load_parts(source)
            whole, train, val, test = found.whole, found.train, found.val, found.test
            part_of = found.part_of
        else:
            whole = load_dataset(OWN_SET) if source.path is None else read_labelled(source.path)
            ids = [record.id for record in whole]
            cuts = [0, int(HALF * len(ids)), int(THREE_QUARTERS * len(ids)), len(ids)]
            runs = [ids[first:last] for first, last in pairwise(cuts)]
            train, val, test = (whole.subset(run) for run in runs)
            names = ("train", "val", "test")
            part_of = {one: name for name, run in zip(names, runs, strict=True) for one in run}
        if self.preset.crop_px is not None:
            train = cropped(train, self.preset.crop_px)
        return Parts(whole, train, val, test, part_of)

    @property
    def table(self) -> str:
        """Table 2 on the paper's set; a table of its own on any other."""
        if self.request.data is not None:
            return "own labels"
        return "simulated" if self.preset.simulated else TABLE

    @property
    def longest_px(self) -> int | None:
        """Of the paper's sections in network pixels; a user's images are left as they are."""
        return self.preset.longest_px if self.request.data is None else None

    @property
    def units(self) -> Units:
        """What intervals draw: a user's images are not known to be serial sections."""
        return "columns" if self.request.data is None else "images"


def config_of(
    setting: Setting, variant: str, seed: int, changes: Mapping[str, Any] | None = None
) -> TrainConfig:
    """The one configuration that all rows share, with the row's network in it."""
    preset = setting.preset
    return TrainConfig(
        name=variant,
        task="semantic",
        seed=seed,
        threads=preset.threads,
        start_from=_first_weights(setting, variant, seed),
        licence="as that of the training images",
        data=setting.data,
        input=InputConfig(
            normalisation=Normalisation(kind="full_range"),
            longest_px=setting.longest_px,
            window_px=preset.window_px,
            crops_per_image=preset.crops_per_image,
        ),
        segmentation=network_of(variant, preset, changes),
        schedule=schedule_of(variant, preset),
    )


def _first_weights(setting: Setting, variant: str, seed: int) -> str | None:
    if variant not in CONTINUES:
        return None
    return str(trained_bundle(setting, f"{CONTINUES[variant]}-seed{seed}").path)


def fit(
    setting: Setting,
    config: TrainConfig,
    folder: Path,
    *,
    tell: Callable[[int, float], None] = lambda *_: None,
) -> tuple[Parts, TrainingResult]:
    """Train, recording the magnitudes of the maps beside it; ``tell`` hears of every epoch."""
    parts = setting.parts()
    folder.mkdir(parents=True, exist_ok=True)
    looked_at = window_of(parts.val, setting.preset.window_px, longest_px=setting.longest_px)
    watch = recorder(folder, looked_at, tell)
    command = f"cellwright study run {NAME}"
    return parts, train_on(parts, config, folder, command=command, watch=watch)


def measure(setting: Setting, variant: str, folder: Path, *, seed: int) -> Outcome:
    """One variant with one seed."""
    parts, result = fit(setting, config_of(setting, variant, seed), folder)
    test = parts.test if parts.test is not None else parts.val
    judged = judge(Segmenter(open_bundle(result.bundle)), test, units=setting.units)
    held = recorded(folder)
    best = Figure(
        VALIDATION, PRINTED[variant], MIOU, 100 * max(held["miou"]), note=f"seed {seed}; best epoch"
    )
    details = {
        "variant": variant,
        "seed": seed,
        "table": setting.table,
        "miou": judged.miou.value,
        "val_miou": max(held["miou"]),
        "bundle": str(result.bundle),
        "magnitudes": held,
    }
    figures = (*figures_of(judged, PRINTED[variant], setting, seed=seed), best)
    return Outcome(figures, seed, words(parts.whole, test), checksum(parts.whole), details)


def trained_bundle(setting: Setting, cell: str) -> Bundle:
    """What a training of this run has left.

    Raises:
        NotAttempted: it was not trained.
    """
    record = read_record(setting.request.out, cell)
    if record is None or record.finish != "done":
        raise NotAttempted(f"{cell} was not trained")
    return open_bundle(Path(record.outcome.details["bundle"]))


def figures_of(judged: Judged, row: str, setting: Setting, *, seed: int) -> tuple[Figure, ...]:
    """Figures of one run, in percent; a class that is nowhere has none."""
    table, note = setting.table, f"seed {seed}; interval over {setting.units} of the test part"
    pairs = [
        (table, MIOU, judged.miou),
        *((table, f"IoU {name} (%)", value) for name, value in judged.iou.items()),
        *((BAND, f"IoU {name} (%)", value) for name, value in judged.tolerant.items()),
    ]
    measured = tuple(
        replace(figure_of(where, row, metric, value, factor=100, apart=apart_of(where)), note=note)
        for where, metric, value in pairs
        if value.value is not None
    )
    counted = tuple(
        Figure(OBJECTS, "connected parts", name, float(number))
        for name, number in judged.objects.items()
    )
    return measured + counted


def apart_of(table: str) -> str:
    """Why a figure cannot be set against the paper's."""
    return "16 of its 20 sections, and the paper does not say which it tested" * (table == TABLE)


def words(whole: LabelledSet, test: LabelledSet) -> str:
    """The images in words."""
    first, last = test.records[0].id, test.records[-1].id
    return f"{whole.name}, judged on {first} to {last}"
