"""Table 3, and the dense field: one network trained, judged on unseen series, and counting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cellwright.bundles.bundle import open_bundle
from cellwright.data.checksum import checksum
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_pair
from cellwright.inference.evaluate import LabelledPredictions, predict_labelled, report_on
from cellwright.inference.predictor import Predictor
from cellwright.learning.config import (
    DataConfig,
    DetectorConfig,
    InputConfig,
    ScheduleConfig,
    TrainConfig,
)
from cellwright.learning.train import train
from cellwright.learning.training_data import Parts, load_parts
from cellwright.metrics.intervals import Interval
from cellwright.studies.grid import read_record
from cellwright.studies.labels import labels_config, load_set
from cellwright.studies.study import Figure, NotAttempted, Outcome, figure_of
from cellwright.studies.viability_yolo.presets import OWN, Preset
from cellwright.studies.viability_yolo.simulated import COLOURS, colour_of, simulated_config

RATES = {"precision": "P (%)", "recall": "R (%)", "ap50": "AP50 (%)", "ap50_95": "AP50:95 (%)"}
TOLERANCE = 0.03
PAPER_IMAGES = 360
DENSE_SEED = 2500

PRINTED = {
    "cell-detector": "cell-detector (ours)",
    "yolov8n": "YOLOv8-N",
    "yolov9t": "YOLOv9-T",
    "yolov10n": "YOLOv10-N",
    "yolo11n": "YOLOv11-N",
    "yolo12n": "YOLOv12-N",
    "yolo26n": "YOLO26-N",
}
"""Networks as the paper writes them; the paper has no YOLO26 and not ours."""


@dataclass(frozen=True)
class Setting:
    """What all cells of a run share.

    Attributes:
        preset: its size.
        data: folder or public set; None simulates.
        out: folder of the run.
    """

    preset: Preset
    data: str | None
    out: Path

    def run_dir(self, detector: str) -> Path:
        """Where a network is trained."""
        return self.out / "work" / f"train-{detector}"

    def bundle(self, detector: str) -> Path:
        """The bundle of a trained network.

        Raises:
            NotAttempted: the network was not trained.
        """
        trained = read_record(self.out, f"train-{detector}")
        # A bundle may lie there before its thresholds are chosen.
        if trained is None or trained.finish != "done":
            raise NotAttempted(f"{detector} was not trained")
        return self.run_dir(detector) / f"{detector}.cellwright"


def train_config(setting: Setting, detector: str) -> TrainConfig:
    """The one configuration that all rows share, with the row's name in it."""
    preset = setting.preset
    settings = preset.own_settings if detector == OWN else {"optimizer": "schedule"}
    return TrainConfig(
        name=detector,
        description=f"{PRINTED[detector]} of the study viability-yolo.",
        seed=preset.seed,
        threads=preset.threads,
        data=data_config(setting),
        input=InputConfig(longest_px=preset.longest_px, tile_px=preset.tile_px),
        detector=DetectorConfig(name=detector, settings=settings),
        schedule=ScheduleConfig(**preset.schedule),
    )


def data_config(setting: Setting) -> DataConfig:
    """The simulated set with its split, a folder of labels, or a public set."""
    if setting.data is None:
        return simulated_config(setting.out / "data", setting.preset.simulation)
    return labels_config(setting.data)


def train_row(setting: Setting, detector: str, folder: Path) -> Outcome:
    """Train one network and judge it on the test part, a class (or colour) at a time."""
    config = train_config(setting, detector)
    bundle = train(config, folder, command=f"cellwright study run viability-yolo: {detector}")
    parts = load_parts(config.data)
    if parts.test is None:
        raise DatasetError("the split has no test part", where=parts.whole.name)
    predictor = Predictor(open_bundle(bundle.bundle), threads=setting.preset.threads)
    found = predict_labelled(predictor, parts.test)
    apart = apart_from_paper(parts.whole, setting.data)
    figures = [
        figure_of("3", PRINTED[detector], metric, value, factor=100, apart=apart)
        for metric, value in rates(setting, found, predictor).items()
    ]
    return Outcome(tuple(figures), config.seed, in_words(setting, parts), checksum(parts.whole))


def rates(
    setting: Setting, found: LabelledPredictions, predictor: Predictor
) -> dict[str, Interval]:
    """``blue P (%)`` and so on: of each colour where the set is simulated, else of each class."""
    thresholds = predictor.thresholds.tolist()
    if setting.data is None:
        parts = {colour: _of_colour(found, colour) for colour in COLOURS}
        by_name = {
            colour: report_on(part, predictor, thresholds=thresholds).metrics
            for colour, part in parts.items()
        }
    else:
        report = report_on(found, predictor, thresholds=thresholds)
        by_name = {_as_printed(name): values for name, values in report.per_class.items()}
    return {
        f"{name} {title}": values[metric]
        for name, values in by_name.items()
        for metric, title in RATES.items()
    }


def count_dense(setting: Setting, detector: str, folder: Path) -> Outcome:  # noqa: ARG001
    """Count a simulated field with more cells than a head's cap would let through."""
    if setting.data is not None:
        raise NotAttempted("the network was trained on other pictures than the simulated field")
    dense = setting.preset.dense
    scene = LiveDeadScene(
        height=dense.height,
        width=dense.width,
        n_cells=dense.n_cells,
        radius_px=(9.0, 18.0),
        clump_fraction=0.2,
        weak_fraction=0.05,
        seed=DENSE_SEED,
    )
    predictor = Predictor(open_bundle(setting.bundle(detector)), threads=setting.preset.threads)
    pair = simulate_pair(scene)
    count = len(predictor.count_boxes(predictor.predict(pair.blue)))
    error = (count - dense.n_cells) / dense.n_cells
    verdict = "within 3 %" if abs(error) <= TOLERANCE else "not within 3 %"
    row = PRINTED[detector]
    return Outcome(
        (
            Figure("dense", row, "cells in the field", dense.n_cells),
            Figure("dense", row, "cells counted", count, note=verdict),
            Figure("dense", row, "error (%)", 100 * error, note=verdict),
        ),
        DENSE_SEED,
        "one simulated blue picture",
    )


def apart_from_paper(labelled: LabelledSet, data: str | None) -> str:
    """Why figures on these images cannot be set against the paper's; empty for its own set.

    Its set is known by 180 pairs as 360 images with the two colours as classes.
    """
    if data is None:
        return "other data: simulated pairs"
    colours = {_as_printed(name) for name in labelled.classes}
    own = len(labelled) == PAPER_IMAGES and colours == set(COLOURS)
    return "" if own else f"other data: {labelled.name}"


def in_words(setting: Setting, parts: Parts) -> str:
    """Which images, and how many in each part."""
    name = "simulated live/dead pairs" if setting.data is None else parts.whole.name
    n_test = 0 if parts.test is None else len(parts.test)
    leaks = "".join(f"; {sentence}" for sentence in parts.leaks)
    return f"{name}, {len(parts.train)} / {len(parts.val)} / {n_test} images{leaks}"


def class_names(setting: Setting) -> tuple[str, ...]:
    """What the columns of Table 3 are called for this data."""
    if setting.data is None:
        return COLOURS
    return tuple(_as_printed(name) for name in load_set(setting.data).classes)


def _as_printed(name: str) -> str:
    """The paper's own set has its two colours as classes, however they are spelled there."""
    return next((colour for colour in COLOURS if colour in name.lower()), name)


def _of_colour(found: LabelledPredictions, colour: str) -> LabelledPredictions:
    kept = [index for index, name in enumerate(found.ids) if colour_of(name) == colour]
    return replace(
        found,
        ids=tuple(found.ids[index] for index in kept),
        groups=tuple(found.groups[index] for index in kept),
        truth=tuple(found.truth[index] for index in kept),
        predicted=tuple(found.predicted[index] for index in kept),
    )
