"""One row of the grid: trained and judged on the folds, as figures of the tables."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.data.checksum import checksum
from cellwright.data.labelled_set import LabelledSet
from cellwright.learning.config import DataConfig
from cellwright.learning.cross_validation import (
    OUT_OF_FOLD,
    CrossValidated,
    Predict,
    Prediction,
    cross_validate,
    judge_folds,
    read_predictions,
    report_predictions,
)
from cellwright.learning.generated_crops import FOLDER
from cellwright.learning.training_data import Parts, load_set
from cellwright.metrics.classification import ClassificationReport
from cellwright.metrics.intervals import Interval
from cellwright.studies.cell_cycle_cnn.boosting import FEATURES, predictor
from cellwright.studies.cell_cycle_cnn.methods import AUGMENTED, CHANNELS, TITLES, Variant
from cellwright.studies.cell_cycle_cnn.published_protocol import is_real, write_augmented
from cellwright.studies.cell_cycle_cnn.setting import (
    PAPER_CELLS,
    Setting,
    generation_of,
    train_config,
)
from cellwright.studies.epochs import logged_epochs
from cellwright.studies.study import Figure, NotAttempted, Outcome, figure_of

OVERALL, STEPS = "overall", "steps"
WEIGHTED = "all, weighted"
RATES = {"precision": "precision", "recall": "recall", "f1": "F1"}
POOLED = {
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "ece": "calibration error",
}
CLEAN = "1 leak-free"
LEAKED = "2 leaked, real cells judged"
BALANCED = "3 leaked, phases weighed as after filling"
GENERATED_TOO = "4 as published, generated cells judged too"
CURVES = (
    {"loss, training": "train/loss"},
    {"loss, validation": "val/loss", "accuracy": "val/accuracy"},
)
"""Logged apart: a line of the log holds one or the other."""
LOGS = "fold-{fold}/log/*/metrics.csv"
COMMAND = "cellwright study run cell-cycle-cnn"


def measure(setting: Setting, folder: Path, *, variant: Variant) -> Outcome:
    """Train and judge one row."""
    source = setting.source
    labelled = load_set(source)
    if variant.protocol == "as published":
        found, whole = _as_published(setting, variant, labelled, folder)
    else:
        found, whole = _leak_free(setting, variant, source, labelled, folder), None
    apart = apart_from_paper(labelled)
    figures = [
        *phases(found.report, variant, apart=apart),
        *overall(found.report, variant),
        *steps(found, whole, variant, apart=apart),
    ]
    words = f"{labelled.name}, {found.report.n_images} cells judged"
    details = _details(setting, variant, found.report, folder)
    return Outcome(tuple(figures), setting.preset.seed, words, checksum(labelled), details)


def phases(report: ClassificationReport, variant: Variant, *, apart: str) -> Iterator[Figure]:
    """Precision, recall and F1 of every phase, and the weighted means."""
    for name, own in report.per_class.items():
        for key, title in RATES.items():
            row = f"{variant.row}: {name}"
            yield known(figure_of(variant.table, row, title, own[key], apart=apart))
    weighted = {
        "precision": report.metrics["weighted_precision"],
        "recall": report.metrics["accuracy"],
        "F1": report.metrics["weighted_f1"],
    }
    for title, interval in weighted.items():
        yield figure_of(variant.table, f"{variant.row}: {WEIGHTED}", title, interval, apart=apart)


def overall(report: ClassificationReport, variant: Variant) -> Iterator[Figure]:
    """The figures of all phases together."""
    for key, title in POOLED.items():
        yield figure_of(OVERALL, variant.row, title, report.metrics[key])


def steps(
    found: CrossValidated, whole: Sequence[Prediction] | None, variant: Variant, *, apart: str
) -> Iterator[Figure]:
    """From the leak-free weighted F1 to the published one, a step a cause."""
    if not variant.augmented:
        return
    row = step_row(variant)
    if whole is None:
        yield figure_of(STEPS, row, CLEAN, found.report.metrics["weighted_f1"])
        return
    classes = found.report.classes
    real = report_predictions([one for one in whole if is_real(one)], classes)
    yield figure_of(STEPS, row, LEAKED, real.metrics["weighted_f1"])
    yield Figure(STEPS, row, BALANCED, _weighed(real, found.report), n=real.n_images)
    weighted = found.report.metrics["weighted_f1"]
    yield figure_of(STEPS, row, GENERATED_TOO, weighted, apart=apart)


def step_row(variant: Variant) -> str:
    """Row of the table of steps: both protocols of one network stand in it.

    >>> step_row(Variant("cnn", "label-free", "gp", "as published"))
    'CNN of the paper, WGAN-GP, label-free'
    """
    return f"{TITLES[variant.method]}, {AUGMENTED[variant.augmented]}, {variant.channels}"


def known(figure: Figure) -> Figure:
    """A rate of nothing (a phase never given) as 0 of 0, which the paper prints as 0."""
    return replace(figure, value=0.0, note="never given") if figure.value is None else figure


def apart_from_paper(labelled: LabelledSet) -> str:
    """Why figures on these cells cannot be set against the paper's; empty for its own set."""
    n = len(labelled)
    return "" if n == PAPER_CELLS else f"other data: {n:,} cells, smaller crops"


def mean_of(first: Prediction, second: Prediction) -> Prediction:
    """Two models' mean probabilities of one cell."""
    pairs = zip(first.probabilities, second.probabilities, strict=True)
    return replace(first, probabilities=tuple((a + b) / 2 for a, b in pairs))


def out_of_fold(setting: Setting, variant: Variant, classes: tuple[str, ...]) -> list[Prediction]:
    """The predictions of a row that was measured.

    Raises:
        NotAttempted: it was not.
    """
    path = setting.work(variant) / OUT_OF_FOLD
    if not path.exists():
        raise NotAttempted(f"{variant.row} was not measured")
    return read_predictions(path, classes)


def _leak_free(
    setting: Setting, variant: Variant, source: DataConfig, labelled: LabelledSet, folder: Path
) -> CrossValidated:
    """Everything that learns, learns within the training part of a fold."""
    plan = setting.folds(variant)
    if variant.method in FEATURES:
        features = FEATURES[variant.method]
        predict = predictor(CHANNELS[variant.channels], features, seed=setting.preset.seed)
        return judge_folds(labelled, predict, folder, plan=plan, name=variant.row)
    if variant.method == "both":
        predict = _mean_of(setting, variant, labelled.classes)
        return judge_folds(labelled, predict, folder, plan=plan, name=variant.row)
    config = train_config(setting, variant, source)
    if variant.augmented:
        generation = generation_of(setting, variant)
        chosen = config.classification.model_copy(update={"generation": generation})
        config = config.model_copy(update={"classification": chosen})
    return cross_validate(config, folder, n_folds=plan.n_folds, only=plan.only, command=COMMAND)


def _mean_of(setting: Setting, variant: Variant, classes: tuple[str, ...]) -> Predict:
    """Our network and boosting, both trained without the fold, with equal say."""
    ours, boosting = (
        {one.id: one for one in out_of_fold(setting, replace(variant, method=name), classes)}
        for name in ("ours", "boosting")
    )

    def predict(parts: Parts, _folder: Path) -> list[Prediction]:
        ids = [] if parts.test is None else [record.id for record in parts.test]
        return [mean_of(ours[name], boosting[name]) for name in ids]

    return predict


def _as_published(
    setting: Setting, variant: Variant, labelled: LabelledSet, folder: Path
) -> tuple[CrossValidated, list[Prediction]]:
    """Generated from all cells, then divided; judged on everything in the fold."""
    config = train_config(setting, variant, setting.source)
    augmented = write_augmented(
        labelled,
        config,
        generation_of(setting, variant),
        folder / "augmented",
        undersample=variant.augmented == "gp",
    )
    source = DataConfig(path=augmented.resolve(), format="npz", split_seed=setting.preset.seed)
    plan = setting.folds(variant)
    found = cross_validate(
        config.model_copy(update={"data": source}),
        folder,
        n_folds=plan.n_folds,
        only=plan.only,
        command=COMMAND,
    )
    return found, read_predictions(found.predictions, found.report.classes)


def _weighed(real: ClassificationReport, filled: ClassificationReport) -> float:
    """F1 of the real cells, each phase weighed by how often it is in the filled set."""
    weights = np.array(filled.confusion).sum(axis=1)
    f1 = np.array([_value(own["f1"]) for own in real.per_class.values()])
    return float(f1 @ weights / weights.sum())


def _value(interval: Interval) -> float:
    return interval.value or 0.0


def _curves(logs: Sequence[Path]) -> dict[str, list[float]]:
    """Loss and accuracy by epoch; nothing where nothing is trained by epochs."""
    if not logs:
        return {}
    return {name: line for one in CURVES for name, line in logged_epochs(logs, one).items()}


def _details(
    setting: Setting, variant: Variant, report: ClassificationReport, folder: Path
) -> dict[str, Any]:
    """For the page: confusion, reliability, curves of the first fold, sheets of its GANs."""
    content = report.to_json()
    fold = (setting.folds(variant).only or (0,))[0]
    logs = sorted(folder.glob(LOGS.format(fold=fold)))
    sheets = sorted(folder.glob(f"fold-{fold}/{FOLDER}/*.png"))
    sheets += sorted(folder.glob(f"augmented/{FOLDER}/*.png"))
    return {
        "row": variant.row,
        "classes": content["classes"],
        "confusion": content["confusion"],
        "reliability": content["reliability"],
        "curves": _curves(logs),
        "sheets": {path.stem: base64.b64encode(path.read_bytes()).decode() for path in sheets},
    }
