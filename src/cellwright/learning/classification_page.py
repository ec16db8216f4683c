"""The page a classifier's run ends with: figures, confusion, ROC, mistakes, importance, curves."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cellwright.bundles.card import Card
from cellwright.explain.importance import Importance, add_importance_section
from cellwright.learning.generated_crops import FOLDER, QUALITY
from cellwright.learning.mistakes import Mistake, add_mistakes
from cellwright.metrics.classification import SENSITIVITY, ClassificationReport
from cellwright.reports.classes import add_class_table, add_confusion, add_reliability, add_roc
from cellwright.reports.page import Page
from cellwright.reports.plots import Curve, Labels, curves

PAGE = "report.html"


def write_page(
    run_dir: Path,
    card: Card,
    reports: Mapping[str, ClassificationReport],
    *,
    mistakes: Mapping[str, Sequence[Mistake]],
    importance: Importance | None = None,
) -> Path:
    """Write ``report.html`` into the run folder.

    Args:
        run_dir: holds the log of the training, whose curves are drawn.
        card: of the bundle.
        reports: part of the data, in words, to what was measured there.
        mistakes: the same parts, to the images taken for another class, surest first.
        importance: what the model goes by, where it was measured.
    """
    page = Page(card.name, card.description)
    for caution in card.cautions:
        page.note(caution, tone="warning")
    for name, report in reports.items():
        page.section(name.capitalize())
        add_report(page, report)
        add_mistakes(page, mistakes[name])
    if importance is not None:
        add_importance_section(page, importance)
    _add_curves(page, run_dir)
    _add_generated(page, run_dir / FOLDER)
    page.section("How it was made")
    training = card.training
    ships = training.shipped() and f"ships {training.shipped()}, "
    page.text(
        f"Trained on {training.n_images:,} images of {training.data}, {training.epochs} epochs, "
        f"{ships}seed {training.seed}, commit {training.commit or 'unknown'}, {training.machine}.",
        training.command,
    )
    return page.save(run_dir / PAGE)


def add_report(page: Page, report: ClassificationReport) -> None:
    """Figures, the table of classes, confusion and reliability of one set of images."""
    for metric, label in (
        ("weighted_f1", "Weighted F1"),
        ("macro_f1", "Macro F1"),
        ("accuracy", "Accuracy"),
        ("ece", "Calibration error"),
    ):
        figure = report.metrics[metric]
        shown = "–" if figure.value is None else f"{figure.value:.3f}"
        span = "" if figure.low is None else f"95 % interval {figure.low:.3f} to {figure.high:.3f}"
        page.headline(shown, label, detail=f"{span}; n {figure.n:,}".lstrip("; "))
    add_class_table(page, report.per_class)
    add_confusion(page, np.array(report.confusion, np.int64), report.classes)
    filled = [one for one in report.reliability if one.confidence is not None]
    claimed = [one.confidence for one in filled if one.confidence is not None]
    if filled:
        add_reliability(page, claimed, [one.accuracy for one in filled])
    if report.roc:
        add_roc(page, _named_with_area(report), report.roc)


def _named_with_area(report: ClassificationReport) -> list[str]:
    """``CLASS (area 0.98, sensitivity 0.91 at 95 %)``, a line of a legend each."""
    names = []
    for name in report.classes:
        area, reached = (report.per_class[name][key].value for key in ("auroc", SENSITIVITY))
        shown = "" if area is None else f" (area {area:.3f}"
        more = "" if reached is None else f", sensitivity {reached:.3f} at 95 %"
        names.append(f"{name}{shown}{more})" if shown else name)
    return names


def _add_curves(page: Page, run_dir: Path) -> None:
    """Loss and accuracy by epoch, from the log of the training; of several networks the first."""
    folder = run_dir if (run_dir / "log").exists() else run_dir / "member-0"
    logs = sorted((folder / "log").glob("version_*/metrics.csv"))
    series: dict[str, dict[int, float]] = {}
    for log in logs:
        with log.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                for key in ("train/loss", "val/loss", "val/accuracy", "val/macro_f1"):
                    if row.get(key):
                        series.setdefault(key, {})[int(row["epoch"])] = float(row[key])
    if not series:
        return
    page.section("Training")
    for keys, axis in (
        (("train/loss", "val/loss"), "loss"),
        (("val/accuracy", "val/macro_f1"), "figure"),
    ):
        lines = [
            Curve(key, list(series[key]), list(series[key].values()))
            for key in keys
            if key in series
        ]
        if lines:
            page.figure(
                curves(lines, labels=Labels(x="epoch", y=axis)),
                caption=", ".join(line.name for line in lines) + " by epoch.",
            )


def _add_generated(page: Page, folder: Path) -> None:
    """What a GAN added to the training part: how many, how good, a sheet of each class."""
    path = folder / QUALITY
    if not path.exists():
        return
    rows = json.loads(path.read_text(encoding="utf-8"))
    page.section("Generated crops")
    page.table(
        ("class", "real", "generated", "distance", "between real halves", "copies"),
        [tuple(row.values()) for row in rows],
        caption="Fréchet distance of features of this network, and share of copies of real crops",
    )
    for row in rows:
        page.picture(folder / f"{row['name']}.png", caption=f"{row['name']}, generated")
