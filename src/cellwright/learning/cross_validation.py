"""Cross-validation of a classifier: every image is judged once, by a model that never saw it.

Folds are stratified by class and keep groups (and copies of a picture) whole. Within what is
left of each fold's training, an inner part is set aside: the epoch, the temperature and the
threshold are chosen there, never on the fold that is judged. Balancing, mixing and augmentation
happen in the training part alone. The predictions of all folds are pooled and judged together,
as one prediction for each image; the spread over the folds stands beside it.

A run that was killed goes on at the fold, and at the epoch, where it was.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.bundles.bundle import open_bundle
from cellwright.data.labelled_set import LabelledSet
from cellwright.data.likeness import joined_by_likeness
from cellwright.data.splits import split, split_folds
from cellwright.errors import ConfigError, DatasetError
from cellwright.images.write import atomic_path
from cellwright.inference.classifier import Classifier
from cellwright.inference.evaluate_classification import LabelledClasses, classify_labelled
from cellwright.learning.classification import begin_classifier, train_classifier
from cellwright.learning.classification_page import PAGE, add_report
from cellwright.learning.config import TrainConfig
from cellwright.learning.training_data import Parts, load_set
from cellwright.metrics.classification import ClassificationReport, evaluate_classification
from cellwright.reports.page import Page
from cellwright.types import Category

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
class _Row:
    """One image's prediction."""

    id: str
    group: str
    truth: int
    probabilities: tuple[float, ...]


def cross_validate(
    config: TrainConfig, run_dir: Path, *, n_folds: int = 5, command: str = ""
) -> CrossValidated:
    """Train a classifier ``n_folds`` times and judge each on the fold it did not see.

    ``run_dir`` receives a run folder a fold, ``folds.csv``, ``out_of_fold.csv``, ``report.json``
    and ``report.html``.

    Raises:
        ConfigError: another task, or the folder holds another run or other folds.
        DatasetError: a class with fewer images (or groups) than folds.
    """
    if config.task != "classification":
        raise ConfigError(
            f"folds are for task classification, not {config.task}",
            where="--folds",
            remedy="leave --folds out",
        )
    begin_classifier(config, run_dir)
    labelled = load_set(config.data)
    joined = joined_by_likeness(labelled, by=config.data.by)
    fold_of = split_folds(joined, n_folds, seed=config.data.split_seed, by="group")
    _claim_folds(run_dir / FOLDS, fold_of)
    rows: list[list[_Row]] = []
    for fold in range(n_folds):
        folder = run_dir / f"fold-{fold}"
        done = folder / PREDICTIONS
        if not done.exists():
            parts = fold_parts(labelled, joined, fold_of, fold, seed=config.data.split_seed)
            result = train_classifier(parts, config, folder, command=command)
            classifier = Classifier(open_bundle(result.bundle))
            if parts.test is None:
                raise DatasetError(f"fold {fold} is empty", where=labelled.name)
            _write(done, _rows(classify_labelled(classifier, parts.test)), labelled.classes)
        rows.append(_read(done, labelled.classes))
    return _judge(rows, labelled.classes, config, run_dir)


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
    rows: Sequence[Sequence[_Row]], classes: tuple[str, ...], config: TrainConfig, run_dir: Path
) -> CrossValidated:
    pooled = [row for fold in rows for row in fold]
    report = _report(pooled, classes, n_resamples=500)
    folds = [_report(fold, classes, n_resamples=0) for fold in rows]
    per_fold = {name: tuple(one.metrics[name].value for one in folds) for name in SHOWN}
    _write(run_dir / OUT_OF_FOLD, sorted(pooled, key=lambda row: row.id), classes)
    content: dict[str, Any] = report.to_json() | {"per_fold": per_fold}
    with atomic_path(run_dir / "report.json") as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    page = Page(config.name, f"Out-of-fold predictions of {len(rows)} folds")
    add_report(page, report)
    page.table(
        ("figure", *(f"fold {index}" for index in range(len(rows))), "mean", "spread"),
        [_spread(name, values) for name, values in per_fold.items()],
        caption="Each fold alone; the spread is a standard deviation",
    )
    page.save(run_dir / PAGE)
    return CrossValidated(report, per_fold, run_dir / OUT_OF_FOLD)


def _spread(name: str, values: tuple[float | None, ...]) -> tuple[str | float | None, ...]:
    known = [value for value in values if value is not None]
    return (name, *values, float(np.mean(known)), float(np.std(known, ddof=1)))


def _report(
    rows: Sequence[_Row], classes: tuple[str, ...], *, n_resamples: int
) -> ClassificationReport:
    groups = [row.group for row in rows]
    return evaluate_classification(
        [Category(row.truth) for row in rows],
        [Category(int(np.argmax(row.probabilities)), row.probabilities) for row in rows],
        classes,
        n_resamples=n_resamples,
        groups=groups if len(set(groups)) < len(groups) else None,
    )


def _rows(seen: LabelledClasses) -> list[_Row]:
    given = seen.found.probabilities.tolist()
    return [
        _Row(name, group, truth.class_id, tuple(shares))
        for name, group, truth, shares in zip(seen.ids, seen.groups, seen.truth, given, strict=True)
    ]


def _write(path: Path, rows: Sequence[_Row], classes: Sequence[str]) -> None:
    """CSV with columns ``id, group, true, given`` and the probability of each class."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "group", "true", "given", *(f"p_{name}" for name in classes)])
        for row in rows:
            given = classes[int(np.argmax(row.probabilities))]
            writer.writerow([row.id, row.group, classes[row.truth], given, *row.probabilities])


def _read(path: Path, classes: Sequence[str]) -> list[_Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            _Row(
                row["id"],
                row["group"],
                classes.index(row["true"]),
                tuple(float(row[f"p_{name}"]) for name in classes),
            )
            for row in csv.DictReader(file)
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
