"""Cross-validation of a classifier: every image is judged once, by a model that never saw it.

Folds are stratified by class and keep groups (and copies of a picture) whole. Within what is
left of each fold's training, an inner part is set aside: the epoch, the temperature and the
threshold are chosen there, never on the fold that is judged. Balancing, mixing and augmentation
happen in the training part alone. The predictions of all folds are pooled and judged together,
as one prediction for each image; the spread over the folds stands beside it.

A run that was killed goes on at the fold, and at the epoch, where it was.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.bundles.bundle import open_bundle
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.likeness import fold_of_joined, joined_by_likeness
from cellwright.data.splits import By, Copies, split
from cellwright.errors import ConfigError, DatasetError
from cellwright.images.csv_table import read_csv, write_csv
from cellwright.images.write import atomic_path, make_folder
from cellwright.inference.classifier import Classifier
from cellwright.inference.evaluate_classification import LabelledClasses, classify_labelled
from cellwright.learning.class_recipes import begin_classes, train_classes
from cellwright.learning.classification_page import PAGE, add_report
from cellwright.learning.config import DataConfig, TrainConfig
from cellwright.learning.run_record import claim_parts, claim_run_dir
from cellwright.learning.training_data import Parts, load_set, only_labelled, remark
from cellwright.metrics.classification import ClassificationReport, evaluate_classification
from cellwright.metrics.intervals import Resampling
from cellwright.reports.page import Page
from cellwright.types import Category

_log = logging.getLogger(__name__)

INNER_RATIOS = {"train": 85.0, "val": 15.0}
"""How what is not in the fold is divided: to learn from, and to choose the epoch by."""

PREDICTIONS = "predictions.csv"
OUT_OF_FOLD = "out_of_fold.csv"
FOLDS = "folds.csv"
SHOWN = ("weighted_f1", "macro_f1", "accuracy")


@dataclass(frozen=True)
class CrossValidated:
    """What a cross-validation found.

    Attributes:
        report: figures of the pooled out-of-fold predictions.
        per_fold: metric name -> its value in each fold.
        predictions: the file of all predictions.
    """

    report: ClassificationReport
    per_fold: Mapping[str, tuple[float | None, ...]]
    predictions: Path


@dataclass(frozen=True)
class Prediction:
    """What a model that never saw it says of one image.

    Attributes:
        id: the image.
        group: its group.
        truth: id of its true class.
        probabilities: of every class.
    """

    id: str
    group: str
    truth: int
    probabilities: tuple[float, ...]


Predict = Callable[[Parts, Path], Sequence[Prediction]]
"""Learns from the training and validation part and predicts the test part, in a folder."""


@dataclass(frozen=True)
class FoldPlan:
    """How a set is divided into folds.

    Attributes:
        n_folds: how many.
        seed: of the division, and of the inner one.
        by: what stays in one fold; copies of a picture always do.
        only: numbers of the folds that are judged; empty judges all.
        copies: what a copy of a picture is.
    """

    n_folds: int = 5
    seed: int = 0
    by: By = "group"
    only: tuple[int, ...] = ()
    copies: Copies = "alike"


def cross_validate(
    config: TrainConfig,
    run_dir: Path,
    *,
    n_folds: int = 5,
    only: tuple[int, ...] = (),
    command: str = "",
) -> CrossValidated:
    """Train a classifier ``n_folds`` times and judge each on the fold it did not see.

    ``run_dir`` receives a run folder a fold, ``folds.csv``, ``out_of_fold.csv``, ``report.json``
    and ``report.html``. With ``only``, some of the folds are left out of all this.

    Raises:
        ConfigError: another task, settings that ask for another split, or the folder holds another
            run or other folds.
        DatasetError: a class with fewer images (or groups) than folds.
    """
    if config.task != "classification":
        raise ConfigError(
            f"folds are for task classification, not {config.task}",
            where="--folds",
            remedy="leave --folds out",
        )
    _refuse_a_split(config.data)
    begin_classes(config, run_dir)

    def predict(parts: Parts, folder: Path) -> Sequence[Prediction]:
        claim_run_dir(config, folder)
        result = train_classes(parts, config, folder, command=command)
        if parts.test is None:
            raise DatasetError("a fold without images cannot be judged", where=parts.whole.name)
        return _rows(classify_labelled(Classifier(open_bundle(result.bundle)), parts.test))

    data = config.data
    labelled = load_set(data)
    remark(labelled)
    if any(record.split for record in labelled):
        _log.warning(
            "%s: its own train, val and test parts are not heeded: every image is in a fold",
            labelled.name,
        )
    plan = FoldPlan(n_folds, data.split_seed, data.by, only, data.copies)
    return judge_folds(labelled, predict, run_dir, plan=plan, name=config.name)


def _refuse_a_split(data: DataConfig) -> None:
    """Folds are a split of their own, and learn from every image.

    Raises:
        ConfigError: the settings ask for another split.
    """
    asked = {
        "data.split_file=null": data.split_file is not None,
        "data.ratios=null": data.ratios is not None,
        "data.allow_leak=false": data.allow_leak,
    }
    for unset in (one for one, given in asked.items() if given):
        setting = unset.partition("=")[0]
        raise ConfigError(
            "folds divide the whole set anew and learn from the test part of any other split",
            where=setting,
            remedy=f"leave {setting} out (--set {unset}), or train without --folds",
        )


def judge_folds(
    labelled: LabelledSet, predict: Predict, run_dir: Path, *, plan: FoldPlan, name: str
) -> CrossValidated:
    """:func:`cross_validate` for anything that learns and predicts; the same plan, the same folds.

    Raises:
        ConfigError: the folder holds other folds, or images or labels changed since they began.
        DatasetError: a class with fewer images (or groups) than folds.
    """
    rows: dict[int, Sequence[Prediction]] = {}
    for fold, parts in folds_of(labelled, plan, run_dir):
        folder = make_folder(run_dir / f"fold-{fold}")
        claim_parts(parts, folder)
        done = folder / PREDICTIONS
        if not done.exists():
            write_predictions(done, predict(parts, folder), labelled.classes)
        rows[fold] = read_predictions(done, labelled.classes)
    return _judge(rows, labelled.classes, name, run_dir)


def folds_of(
    labelled: LabelledSet, plan: FoldPlan, run_dir: Path | None = None
) -> Iterator[tuple[int, Parts]]:
    """The parts of each fold that is judged; who is in which goes into ``folds.csv``.

    Images that nobody labelled are in none: it is not known what a model should say of them.

    Raises:
        ConfigError: the folder holds other folds.
        DatasetError: no image is labelled, or a class with fewer images (or groups) than folds.
    """
    labelled = only_labelled(labelled, "the set")
    joined = joined_by_likeness(labelled, by=plan.by, copies=plan.copies)
    fold_of = fold_of_joined(joined, plan.n_folds, seed=plan.seed)
    if run_dir is not None:
        _claim_folds(run_dir / FOLDS, fold_of)
    for fold in plan.only or range(plan.n_folds):
        yield fold, fold_parts(labelled, joined.labelled, fold_of, fold, seed=plan.seed)


def fold_parts(
    labelled: LabelledSet,
    joined: LabelledSet,
    fold_of: Mapping[str, int],
    fold: int,
    *,
    seed: int,
) -> Parts:
    """The parts of one fold: the fold is the test part, the rest is divided within itself.

    Args:
        labelled: the set.
        joined: the same with copies of a picture in one group.
        fold_of: fold by record id.
        fold: which one is judged.
        seed: of the inner division.
    """
    rest = joined.subset([record.id for record in joined if fold_of[record.id] != fold])
    inner = split(rest, INNER_RATIOS, seed=seed, by="group")
    part_of = {record.id: inner.get(record.id, "test") for record in labelled}
    train, val, test = (
        labelled.subset([name for name, part in part_of.items() if part == wanted])
        for wanted in ("train", "val", "test")
    )
    return Parts(labelled, train, val, test, part_of)


def _judge(
    rows: Mapping[int, Sequence[Prediction]], classes: tuple[str, ...], name: str, run_dir: Path
) -> CrossValidated:
    pooled = [row for fold in rows.values() for row in fold]
    report = report_predictions(pooled, classes)
    folds = [report_predictions(fold, classes, n_resamples=0) for fold in rows.values()]
    per_fold = {key: tuple(one.metrics[key].value for one in folds) for key in SHOWN}
    write_predictions(run_dir / OUT_OF_FOLD, sorted(pooled, key=lambda row: row.id), classes)
    content: dict[str, Any] = report.to_json() | {"per_fold": per_fold}
    with atomic_path(run_dir / "report.json") as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    page = Page(name, f"Out-of-fold predictions of {len(rows)} folds")
    add_report(page, report)
    page.table(
        ("figure", *(f"fold {number}" for number in rows), "mean", "spread"),
        [_spread(key, values) for key, values in per_fold.items()],
        caption="Each fold alone; the spread is a standard deviation",
    )
    page.save(run_dir / PAGE)
    return CrossValidated(report, per_fold, run_dir / OUT_OF_FOLD)


def _spread(name: str, values: tuple[float | None, ...]) -> tuple[str | float | None, ...]:
    known = [value for value in values if value is not None]
    spread = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return (name, *values, float(np.mean(known)), spread)


def report_predictions(
    rows: Sequence[Prediction], classes: tuple[str, ...], *, n_resamples: int = 500
) -> ClassificationReport:
    """The figures of predictions, resampled by group where a group holds several images."""
    groups = [row.group for row in rows]
    return evaluate_classification(
        [Category(row.truth) for row in rows],
        [Category(int(np.argmax(row.probabilities)), row.probabilities) for row in rows],
        classes,
        resampling=Resampling(
            n=n_resamples, groups=groups if len(set(groups)) < len(groups) else None
        ),
    )


def _rows(seen: LabelledClasses) -> list[Prediction]:
    given = seen.found.probabilities.tolist()
    return [
        Prediction(name, group, truth.class_id, tuple(shares))
        for name, group, truth, shares in zip(seen.ids, seen.groups, seen.truth, given, strict=True)
    ]


def write_predictions(path: Path, rows: Sequence[Prediction], classes: Sequence[str]) -> None:
    """CSV with columns ``id, group, true, given`` and the probability of each class."""
    columns = ("id", "group", "true", "given", *(f"p_{name}" for name in classes))
    given = (classes[int(np.argmax(row.probabilities))] for row in rows)
    write_csv(
        path,
        columns,
        (
            (row.id, row.group, classes[row.truth], name, *row.probabilities)
            for row, name in zip(rows, given, strict=True)
        ),
    )


def read_predictions(path: Path, classes: Sequence[str]) -> list[Prediction]:
    """The rows of :func:`write_predictions`."""
    return [
        Prediction(
            row["id"],
            row["group"],
            classes.index(row["true"]),
            tuple(float(row[f"p_{name}"]) for name in classes),
        )
        for row in read_csv(path)
    ]


def _claim_folds(path: Path, fold_of: Mapping[str, int]) -> None:
    """Write who is in which fold, or check that the folder holds these very folds.

    Raises:
        ConfigError: it holds others.
    """
    text = "id,fold\n" + "".join(f"{name},{fold}\n" for name, fold in fold_of.items())
    if path.exists():
        if path.read_text(encoding="utf-8") != text:
            raise ConfigError(
                "the folder holds other folds",
                where=path,
                remedy="choose another run folder, or delete this one",
            )
        return
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
