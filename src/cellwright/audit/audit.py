"""An audit from end to end: predict, learn the limits, collect and rank the suspects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cellwright.audit.compare import compare_boxes, compare_instances
from cellwright.audit.figures import BoxPair
from cellwright.audit.folds import Fold, SeenImages, assign, check_alike
from cellwright.audit.held import HeldSegmented
from cellwright.audit.judged import (
    Judged,
    JudgedBoxes,
    JudgedCells,
    JudgedMask,
    Origin,
    report_boxes,
    report_masks,
)
from cellwright.audit.limits import Limits, learn_limits
from cellwright.audit.regions import Probabilities, region_suspects
from cellwright.audit.suspects import Seen, Suspect, ranked
from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card
from cellwright.bundles.mask_output import DistanceInstances, SemanticMasks
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import BundleError, DatasetError
from cellwright.inference.counting_rule import CardRule
from cellwright.inference.evaluate import predict_labelled
from cellwright.inference.predictor import Predictor
from cellwright.inference.regions import mean_of_label
from cellwright.inference.segmenter import Segmenter
from cellwright.inference.truth import LabelReader
from cellwright.metrics.counting_rule import CountingRule
from cellwright.metrics.report import Report
from cellwright.types import Boxes, Instances

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of images."""


@dataclass(frozen=True)
class AuditSettings:
    """What a user may choose.

    Attributes:
        confidence: probability from which a cell is confident, instead of what labels teach.
        seen_images: what to do with images that every model learned from.
        runtime: ``auto`` or a row of :mod:`cellwright.bundles.sessions`.
        threads: processor threads; None lets the runtime choose.
    """

    confidence: float | None = None
    seen_images: SeenImages = "skip"
    runtime: str = "auto"
    threads: int | None = None


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        card: of the first model; task and classes are those of all.
        models: names of the models.
        runtime: what they ran in.
        judged: the images.
        suspects: the most certain first.
        limits: from where a cell is confident.
        scores: what a probability is: calibrated, or the bare score.
        left_out: ids of images that every model learned from.
        unlabelled: ids of images that nobody labelled.
        rule: what counts as a cell in figures of detection; None for masks.
    """

    card: Card
    models: tuple[str, ...]
    runtime: str
    judged: tuple[Judged, ...]
    suspects: tuple[Suspect, ...]
    limits: Limits
    scores: str
    left_out: tuple[str, ...]
    unlabelled: tuple[str, ...]
    rule: CountingRule | None = None

    def report(self, *, without: Sequence[Suspect] = ()) -> Report:
        """Every figure of the model's task, with all labels or without some suspects."""
        boxes = [one for one in self.judged if isinstance(one, JudgedBoxes)]
        if self.rule is not None:
            return report_boxes(boxes, without, self.card.classes, rule=self.rule)
        masks = [one for one in self.judged if isinstance(one, JudgedCells | JudgedMask)]
        return report_masks(masks, without, self.card.classes, task=self.card.task)


@dataclass
class _Collected:
    """What the models have said so far."""

    judged: list[Judged] = field(default_factory=list)
    rules: list[CardRule] = field(default_factory=list)
    calibrated: list[bool] = field(default_factory=list)
    runtime: str = ""


def audit_labels(
    folds: Sequence[Fold],
    whole: LabelledSet,
    wanted: LabelledSet,
    *,
    settings: AuditSettings | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Let each image be judged by the model that knows it least.

    Args:
        folds: one model or several of the same task and classes.
        whole: the set that the splits are of.
        wanted: the images to audit.
        settings: what a user may choose.
        progress: called after each image.

    Raises:
        ConfigError: models of different tasks or classes.
        DatasetError: no image is labelled, every image was learned from, or a class is unknown.
        AnnotationError: labels that the model's task cannot be compared with.
        BundleError: a model that neither detects nor segments.
    """
    settings = settings or AuditSettings()
    check_alike(folds)
    card = folds[0].bundle.card
    unlabelled = tuple(one.id for one in wanted if one.load_annotation() is None)
    labelled = wanted.subset([one.id for one in wanted if one.id not in set(unlabelled)])
    if not len(labelled):
        raise DatasetError("none of the images is labelled", where=wanted.name)
    shares = assign(folds, whole, labelled, seen_images=settings.seen_images)
    collected = _Collected()
    names = _names(folds)
    total = sum(len(share) for share, _ in shares.of_fold)
    for fold, name, (share, seen) in zip(folds, names, shares.of_fold, strict=True):
        if len(share):
            advance = _advance(progress, len(collected.judged), total)
            work = _Share(name, share, seen, advance)
            _judge(fold.bundle, work, settings, collected)
    limits = _limits(collected.judged, card, settings.confidence)
    return Audit(
        card=card,
        models=tuple(names),
        runtime=collected.runtime,
        judged=tuple(collected.judged),
        suspects=ranked([one for image in collected.judged for one in image.suspects(limits)]),
        limits=limits,
        scores="calibrated" if collected.calibrated and all(collected.calibrated) else "bare",
        left_out=shares.left_out,
        unlabelled=unlabelled,
        rule=collected.rules[0] if collected.rules else None,
    )


def _advance(progress: Progress | None, before: int, total: int) -> Progress:
    """Progress over all models, from that of one."""

    def advance(done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, total)

    return advance


@dataclass(frozen=True)
class _Share:
    """The images of one model.

    Attributes:
        model: its name.
        images: a labelled set.
        seen: what the model knew of each.
        progress: called with (done, all) of these images.
    """

    model: str
    images: LabelledSet
    seen: Mapping[str, Seen]
    progress: Progress

    def origin(self, image: str, group: str) -> Origin:
        """What stands with everything said about an image."""
        return Origin(image, group, self.model, self.seen[image])


def _judge(bundle: Bundle, share: _Share, settings: AuditSettings, collected: _Collected) -> None:
    """Add what one model says of its share."""
    if bundle.card.segmentation is not None:
        segmenter = Segmenter(bundle, runtime=settings.runtime, threads=settings.threads)
        collected.runtime = segmenter.runtime
        found = _judge_masks(segmenter, share, settings.confidence or 0.0)
        for done, one in enumerate(found, start=1):
            collected.judged.append(one)
            share.progress(done, len(share.images))
    elif bundle.card.decoding is not None:
        predictor = Predictor(bundle, runtime=settings.runtime, threads=settings.threads)
        collected.runtime = predictor.runtime
        collected.rules.append(predictor.counting_rule())
        collected.calibrated.append(predictor.card.calibration is not None)
        collected.judged += _judge_boxes(predictor, share, collected.rules[0].thresholds)
    else:
        raise BundleError(
            f"this is a model for {bundle.card.task}: labels are audited by models that detect or "
            "segment cells",
            where=bundle.path,
        )


def _judge_boxes(
    predictor: Predictor, share: _Share, common: Sequence[float]
) -> Iterator[JudgedBoxes]:
    found = predict_labelled(predictor, share.images, progress=share.progress)
    own = predictor.thresholds
    images = zip(found.ids, found.groups, found.truth, found.predicted, strict=True)
    for image, group, truth, predicted in images:
        scores = np.zeros(0, np.float32) if predicted.scores is None else predicted.scores
        sure = Boxes(
            predicted.xyxy, predicted.class_ids, probabilities_of(predictor.card, predicted)
        )
        compared = compare_boxes(
            image,
            predictor.classes,
            truth,
            sure,
            counted=scores >= own[predicted.class_ids],
        )
        pair = BoxPair(group, truth, levelled(predicted, own.tolist(), common))
        yield JudgedBoxes(share.origin(image, group), compared, pair)


def probabilities_of(card: Card, boxes: Boxes) -> NDArray[np.float32]:
    """``(N,)`` probability that each box is a true cell, by the card's calibration.

    Where the card knows none for a class, the bare score stands for it.
    """
    scores = np.zeros(len(boxes), np.float32) if boxes.scores is None else boxes.scores
    sure = scores.astype(np.float32)
    for class_id, one in enumerate(() if card.calibration is None else card.calibration.classes):
        if one is not None:
            own = boxes.class_ids == class_id
            sure[own] = one.probabilities_of(scores[own])
    return sure


def _judge_masks(segmenter: Segmenter, share: _Share, confidence: float) -> Iterator[Judged]:
    reader, card = LabelReader(segmenter.card, share.images), segmenter.card
    for record in share.images:
        sample = record.load()
        truth = reader.read(sample)
        found, maps = segmenter.segment_with_probabilities(
            sample.image, pixel_size_um=sample.pixel_size_um
        )
        origin = share.origin(record.id, record.group)
        held = (HeldSegmented(truth), HeldSegmented(found))
        if isinstance(sample.annotation, Instances) and card.task == "instances":
            support = mean_of_label(truth.cells.labels, maps[0], len(truth.cells))
            compared = compare_instances(
                record.id, card.classes, truth.cells, found.cells, support=support.astype(float)
            )
            yield JudgedCells(origin, compared, *held)
        else:
            suspects = region_suspects(
                record.id,
                card.classes,
                truth,
                found,
                _of_pixels(maps, card),
                confidence=confidence,
            )
            yield JudgedMask(origin, tuple(suspects), len(truth.cells), *held)


def _of_pixels(maps: NDArray[np.float32], card: Card) -> Probabilities:
    """Probabilities of background and classes, out of what the network gives."""
    spec = card.segmentation
    if isinstance(spec, SemanticMasks) and spec.activation == "softmax":
        return maps
    if isinstance(spec, DistanceInstances):
        # Which class a cell is of is not asked of single pixels: that there is one, is.
        maps = np.repeat(maps[:1], len(card.classes), axis=0)
    return np.concatenate([1 - maps.max(axis=0, keepdims=True), maps])


def _limits(judged: Sequence[Judged], card: Card, confidence: float | None) -> Limits:
    """Limits over all images; cells of an instance model have no weak candidates."""
    compared = [one.compared for one in judged if one.compared is not None]
    learned = learn_limits(
        [pair for one in compared for pair in one.of_labels()],
        [value for one in compared for value in one.of_unlabelled()],
        len(card.classes),
        confidence=confidence,
    )
    if isinstance(card.segmentation, DistanceInstances):
        return Limits(learned.cell, card.segmentation.foreground_threshold)
    return learned


def _names(folds: Sequence[Fold]) -> list[str]:
    """Names of the models, numbered where several have the same."""
    names = [fold.bundle.card.name for fold in folds]
    return [
        name if names.count(name) == 1 else f"{name} #{index}"
        for index, name in enumerate(names, start=1)
    ]


def levelled(boxes: Boxes, own: Sequence[float], common: Sequence[float]) -> Boxes:
    """Scores moved, without changing their order in a class, so that ``own`` becomes ``common``.

    Linear below and above the threshold of each class: lists of several models can then be
    judged by one rule.
    """
    if boxes.scores is None or tuple(own) == tuple(common):
        return boxes
    old, new = (np.array(side, np.float64)[boxes.class_ids] for side in (own, common))
    scores = boxes.scores.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = new * scores / old
        above = new + (1 - new) * (scores - old) / (1 - old)
    # Exactly the threshold stays at or above it, whatever rounding does.
    moved = np.where(scores >= old, np.maximum(above, new), np.minimum(below, np.nextafter(new, 0)))
    single = np.clip(np.nan_to_num(moved), 0, 1).astype(np.float32)
    limit = new.astype(np.float32)
    single = np.where(scores >= old, np.maximum(single, limit), single)
    return Boxes(boxes.xyxy, boxes.class_ids, single)
