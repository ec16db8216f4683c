"""``cellwright evaluate``: how good a model is on labelled images, each figure with an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cellwright.cli.console import Cell, counted, print_table, progress_bar, say, write_json
from cellwright.cli.labels import only_part, open_labelled, seen_in_training
from cellwright.cli.options import (
    BundleName,
    Format,
    Json,
    LabelledData,
    Part,
    Runtime,
    Split,
    Threads,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cellwright.data.labelled_set import LabelledSet
    from cellwright.metrics.classification import ClassificationReport
    from cellwright.metrics.intervals import Interval
    from cellwright.metrics.report import Report

EXAMPLES = """Examples:

cellwright evaluate blood-cells labels/

cellwright evaluate runs/mine/mine.cellwright labels/ --split split.csv --part test --json -

cellwright evaluate runs/mine/mine.cellwright smears/ --shift stain"""


ALWAYS_WILSON = ("count_coverage",)
"""Figures of images, each of which counts once, whatever is resampled for the others."""


def evaluate(
    bundle: BundleName,
    source: LabelledData,
    *,
    format_name: Format = None,
    split: Split = None,
    part: Part = "all",
    shift: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Move the colours first: stain, gamma, white-balance …"),
    ] = None,
    runtime: Runtime = "auto",
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Measure a model on labelled images it has not seen: counts, rates, intervals."""
    from cellwright.bundles.bundle import open_bundle
    from cellwright.inference.evaluation import evaluate as measure

    opened = open_bundle(bundle)
    whole = open_labelled(source, format_name=format_name)
    labelled = only_part(whole, part, split_file=split)
    if seen_in_training(opened.card, whole, labelled, split_file=split):
        say(
            "warning: this model was trained on images of this very set, so these figures "
            "flatter it; use --part test with the --split file of its training"
        )
    if shift is not None:
        labelled = _moved(labelled, shift)
    with progress_bar("evaluating") as progress:
        report = measure(opened, labelled, runtime=runtime, threads=threads, progress=progress)
    if not write_json(report.to_json(), json):
        print_report(report)


def _moved(labelled: LabelledSet, shift: str) -> LabelledSet:
    """The images in the colours of another laboratory."""
    from cellwright.data.stain_shift import shifted

    return shifted(labelled, shift)


def print_report(report: Report) -> None:
    """The figures of an evaluation as tables on stdout, what they depend on on stderr."""
    from cellwright.metrics.classification import ClassificationReport
    from cellwright.metrics.detection import DetectionReport

    print_table(
        ("figure", "value", "low", "high", "n"),
        _figures(report.metrics),
        title=f"{counted(report.n_images, 'image')}, 95 % intervals",
    )
    for name, metrics in report.per_class.items() if len(report.per_class) > 1 else ():
        print_table(("figure", "value", "low", "high", "n"), _figures(metrics), title=f"\n{name}")
    if isinstance(report, DetectionReport):
        rule = _detection_rule(report)
    elif isinstance(report, ClassificationReport):
        _print_confusion(report)
        rule = "an image has the class of the largest probability"
    else:
        rule = _pixel_rule(report)
    unit = report.settings["resampled"]
    sentence = f"{rule}; intervals resample whole {unit}s{_but_wilsons(report)}"
    if report.settings.get("groups") == 1 and report.n_images > 1:
        sentence += "; all are of one group, so the intervals say nothing about others"
    first = next(iter(report.metrics.values()))
    if first.value is not None and first.low is None:
        sentence += f"; there is only one {unit}, so there is no interval"
    say(sentence)
    printed = (report.metrics, *(report.per_class.values() if len(report.per_class) > 1 else ()))
    if any(_no_width(one) for metrics in printed for one in metrics.values()):
        say(f"* an interval of no width: the {unit}s agree, which says little of others")
    if isinstance(report, DetectionReport) and report.capped_images:
        say(f"warning: {counted(len(report.capped_images), 'image')} reached the cap on detections")


def _but_wilsons(report: Report) -> str:
    """Which intervals are not resampled but Wilson's score intervals."""
    figures = [name for name in ALWAYS_WILSON if name in report.metrics]
    if report.task == "classification" and report.settings["resampled"] == "image":
        figures += ["the accuracy over all classes", "the precision and recall of a class"]
        figures += [name for name in ("false_alarms",) if name in report.metrics]
    return f", but those of {', '.join(figures)} are Wilson's" if figures else ""


def _no_width(one: Interval) -> bool:
    """Whether resampling saw certainty: where a few images agree it always does."""
    return one.low is not None and one.low == one.high


def _print_confusion(report: ClassificationReport) -> None:
    """Images by true class (row) and class given (column)."""
    print_table(
        ("true \\ given", *report.classes),
        [(name, *row) for name, row in zip(report.classes, report.confusion, strict=True)],
        title="\nconfusion",
    )


def _detection_rule(report: Report) -> str:
    """What counts as found by a detector."""
    settings = report.settings
    thresholds = ", ".join(f"{name} {at:.3g}" for name, at in settings["score_threshold"].items())
    return (
        f"precision, recall, f1 and counts: overlap 0.5, scores from {thresholds}; at most "
        f"{settings['max_detections']} detections of a class in an image"
    )


def _pixel_rule(report: Report) -> str:
    """What a segmentation's figures are of."""
    rule = (
        "figures pool the images unless their name ends in per_image; cells match at an overlap "
        "of 0.5 unless their name says otherwise"
    )
    true_cells = report.settings.get("true_cells")
    return rule if true_cells is None else f"{rule}; true cells: {true_cells}"


def _figures(metrics: Mapping[str, Interval]) -> list[tuple[Cell, ...]]:
    return [
        (f"{name} *" if _no_width(one) else name, one.value, one.low, one.high, one.n)
        for name, one in metrics.items()
    ]
