"""A bundle with what is chosen and not learned, chosen anew on labelled images.

Thresholds of boxes with the calibration of counts, thresholds of masks and cells, the temperature
of classes; and how many mirror images are averaged. Nothing is trained: the graph and its test
tensors stay. For a model that meets another microscope, that may take longer for better outlines,
or that was joined of several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from cellwright.bundles.bundle import Bundle, open_bundle, write_bundle
from cellwright.bundles.card import Card, Evaluation
from cellwright.bundles.naming import check_name
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import ConfigError, DatasetError
from cellwright.inference import calibrate, segmentation_thresholds, settle_classes
from cellwright.inference.calibrate import MIN_IMAGES
from cellwright.inference.classifier import Classifier
from cellwright.inference.evaluate import predict_labelled, report_on
from cellwright.inference.evaluate_classification import classify_labelled, report_classes
from cellwright.inference.evaluate_segmentation import count_labelled
from cellwright.inference.evaluation import evaluate
from cellwright.inference.predictor import Predictor
from cellwright.inference.segmenter import Segmenter
from cellwright.metrics.report import Report


@dataclass(frozen=True)
class SettleJob:
    """What to choose by, and what to look at afterwards.

    Attributes:
        chosen_on: labelled images that thresholds are chosen on.
        chosen_on_name: those in words, for the card.
        reported: other labelled images by their words, looked at once, when all is chosen.
        views: mirror images that a prediction averages over; None leaves what the card says.
        runtime: that answers; ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
        threads: processor threads; None lets the runtime choose.
        command: how it was typed, for the card.
    """

    chosen_on: LabelledSet
    chosen_on_name: str
    reported: Mapping[str, LabelledSet]
    views: int | None = None
    runtime: str = "auto"
    threads: int | None = None
    command: str = ""


@dataclass(frozen=True)
class Choice:
    """What was chosen on labelled images.

    Attributes:
        card: with the choice.
        report: figures of those images for the bundle with that card, from what the network said
            of them when the choice was made.
    """

    card: Card
    report: Callable[[Bundle], Report]


def settle_bundle(bundle: Bundle, job: SettleJob, *, out: Path) -> Bundle:
    """Choose, measure, and write the bundle; its name is that of the file.

    Raises:
        ConfigError: ``out`` cannot be the name of a bundle, or is the bundle itself; or the model
            cannot average so many mirror images.
        DatasetError: fewer than :data:`~cellwright.inference.calibrate.MIN_IMAGES` images, or
            labels whose class the model does not know.
        AnnotationError: labels of another kind or size than the image.
    """
    check_name(out, bundle)
    if len(job.chosen_on) < MIN_IMAGES:
        raise DatasetError(
            f"{len(job.chosen_on)} images are too few to choose thresholds on",
            where=job.chosen_on.name,
            remedy=f"give at least {MIN_IMAGES} labelled images",
        )
    card = bundle.card if job.views is None else _with_views(bundle, job.views)
    choice = _CHOOSE[_section(card)](replace(bundle, card=card), job)
    card = choice.card
    settled = replace(bundle, card=card)
    reports = {job.chosen_on_name: choice.report(settled)}
    for name, part in job.reported.items():
        reports[name] = evaluate(settled, part, runtime=job.runtime, threads=job.threads)
    evaluations = tuple(Evaluation.of(report, name) for name, report in reports.items())
    training = card.training.model_copy(update={"settled": job.command})
    card = card.model_copy(
        update={"name": out.stem, "evaluations": evaluations, "training": training}
    )
    graphs = {entry.file: bundle.graph(entry) for entry in card.graphs}
    return open_bundle(write_bundle(out, card, graphs, bundle.tests))


def _section(card: Card) -> str:
    """The part of the card that says how an answer is read."""
    return next(name for name in _CHOOSE if getattr(card, name) is not None)


def _with_views(bundle: Bundle, views: int) -> Card:
    name = _section(bundle.card)
    section = getattr(bundle.card, name)
    try:
        section = type(section).model_validate({**section.model_dump(), "views": views})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        problem = problem.replace("Input should be", "it takes")
        raise ConfigError(
            f"this model cannot average {views} mirror images: {problem}",
            where=bundle.path,
            remedy="1, 2 or 4 for boxes, masks and cells; 1 or 8 for the classes of square crops",
        ) from error
    return bundle.card.model_copy(update={name: section})


def _choose_for_boxes(bundle: Bundle, job: SettleJob) -> Choice:
    predictor = Predictor(bundle, runtime=job.runtime, threads=job.threads)
    found = predict_labelled(predictor, job.chosen_on)

    def report(settled: Bundle) -> Report:
        judged = Predictor(settled, runtime=predictor.runtime, threads=job.threads)
        return report_on(found, judged, thresholds=judged.thresholds.tolist())

    return Choice(calibrate.settle(bundle.card, found), report)


def _choose_for_pixels(bundle: Bundle, job: SettleJob) -> Choice:
    segmenter = Segmenter(bundle, runtime=job.runtime, threads=job.threads)
    looked_at = segmentation_thresholds.look_at(segmenter, job.chosen_on)
    chosen = segmentation_thresholds.chosen(segmenter, looked_at)

    def report(settled: Bundle) -> Report:
        counts = count_labelled(
            settled,
            job.chosen_on,
            runtime=segmenter.runtime,
            threads=job.threads,
            maps={one.record_id: one.maps for one in looked_at.seen},
        )
        return counts.report()

    return Choice(bundle.card.model_copy(update={"segmentation": chosen}), report)


def _choose_for_classes(bundle: Bundle, job: SettleJob) -> Choice:
    classifier = Classifier(bundle, runtime=job.runtime, threads=job.threads)
    seen = classify_labelled(classifier, job.chosen_on)
    unlike = classifier.decoding.unlike
    quantile = None if unlike is None else unlike.quantile
    chosen = settle_classes.settle(classifier.decoding, seen, quantile=quantile)

    def report(settled: Bundle) -> Report:
        judged = Classifier(settled, runtime=classifier.runtime, threads=job.threads)
        return report_classes(replace(seen, found=judged.read(seen.logits)), judged)

    return Choice(bundle.card.model_copy(update={"classification": chosen}), report)


_CHOOSE: dict[str, Callable[[Bundle, SettleJob], Choice]] = {
    "decoding": _choose_for_boxes,
    "segmentation": _choose_for_pixels,
    "classification": _choose_for_classes,
}
"""By the section of the card: what depends on what the network says, chosen on labelled images."""
