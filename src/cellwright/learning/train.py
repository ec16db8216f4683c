"""The recipe: labelled images in, one bundle out. Reads top to bottom.

Masks and cells have a recipe of their own, :mod:`cellwright.learning.segmentation`, and so
have classes, :mod:`cellwright.learning.classification`.

Thresholds are chosen on the validation part; the test part is looked at once, at the
end, and its figures go into the card.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lightning.pytorch as pl
import torch
from pydantic import ValidationError

from cellwright.bundles.bundle import graph_entry, open_bundle, write_bundle
from cellwright.bundles.card import Card, Decoding, Evaluation, InputSpec, TrainingRecord
from cellwright.detectors import DETECTORS
from cellwright.detectors.protocol import DetectionJob, Detector, ExportedDetector, Schedule
from cellwright.errors import ConfigError, UnknownNameError
from cellwright.inference.calibrate import settle
from cellwright.inference.evaluate import predict_labelled, report_on
from cellwright.inference.predictor import Predictor
from cellwright.learning.class_recipes import begin_classes, train_classes
from cellwright.learning.config import TrainConfig
from cellwright.learning.config_errors import in_words
from cellwright.learning.fit import fit_detector
from cellwright.learning.run_record import (
    TrainingResult,
    claim_parts,
    claim_run_dir,
    test_tensors,
    training_record,
    unsettled_path,
)
from cellwright.learning.segmentation import begin_segmenter, train_segmenter
from cellwright.learning.start_leaks import with_leaks_of
from cellwright.learning.starting_weights import read_start, starting_from
from cellwright.learning.trainer import Watch, best_epoch
from cellwright.learning.training_data import Parts, choose_input, choose_window, load_parts, survey


def train(
    config: TrainConfig, run_dir: Path, *, command: str = "", watch: Watch | None = None
) -> TrainingResult:
    """Train, choose thresholds, evaluate, write the bundle; ``watch`` is told of every epoch.

    A run that was killed goes on at its last epoch when called again.

    Raises:
        ConfigError: the folder holds a run with other settings.
        MissingExtraError: a package that the detector needs is not installed.
        DatasetError, LeakError: the data cannot be used as configured.
    """
    _begin(config, run_dir)
    parts = load_parts(config.data)
    return _train_begun(parts, config, run_dir, command=command, watch=watch)


def train_on(
    parts: Parts,
    config: TrainConfig,
    run_dir: Path,
    *,
    command: str = "",
    watch: Watch | None = None,
) -> TrainingResult:
    """:func:`train` on parts made elsewhere, for instance a share of the training part.

    Raises:
        ConfigError: the folder holds a run with other settings.
        MissingExtraError: a package that the detector needs is not installed.
        DatasetError: the training part holds nothing to learn from.
    """
    _begin(config, run_dir)
    return _train_begun(parts, config, run_dir, command=command, watch=watch)


def _train_begun(
    parts: Parts, config: TrainConfig, run_dir: Path, *, command: str, watch: Watch | None
) -> TrainingResult:
    """Train in the folder that :func:`_begin` claimed."""
    if config.task == "classification":
        return train_classes(parts, config, run_dir, command=command, watch=watch)
    if config.task != "detection":
        return train_segmenter(parts, config, run_dir, command=command, watch=watch)
    return _train_detector(parts, config, run_dir, command=command, watch=watch)


def _train_detector(
    parts: Parts, config: TrainConfig, run_dir: Path, *, command: str, watch: Watch | None
) -> TrainingResult:
    """Boxes in, a bundle out; the run was begun."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, workers=True, verbose=False)

    start = None if config.start_from is None else read_start(config.start_from)
    parts = with_leaks_of(start, parts, config.data)
    claim_parts(parts, run_dir)
    looks = survey(parts.train)
    spec = choose_input(looks, config.input)
    window, crops = choose_window(looks, spec, config.input)
    job = DetectionJob(
        train=parts.train,
        val=parts.val,
        input=spec,
        window=window,
        crops_per_image=crops,
        schedule=Schedule(**config.schedule.model_dump(), seed=config.seed),
        run_dir=run_dir,
        fit=fit_detector if start is None else starting_from(start, fit_detector),
        watch=watch,
    )
    detector = DETECTORS[config.detector.name]
    exported = detector.train(job, config.detector.settings)
    record = training_record(config, parts, command=command)
    if start is not None:
        record = record.model_copy(update={"started_from": start.source})
    if detector.ours:
        epochs = (best_epoch(run_dir).number,)
        record = record.model_copy(update={"shipped_epochs": epochs})
    return bundle_and_evaluate(config, exported, spec, parts=parts, record=record, run_dir=run_dir)


def bundle_and_evaluate(
    config: TrainConfig,
    exported: ExportedDetector,
    spec: InputSpec,
    *,
    parts: Parts,
    record: TrainingRecord,
    run_dir: Path,
) -> TrainingResult:
    """Write a draft of the bundle, predict with it, write the bundle with all that this taught.

    Thresholds and calibration come from the validation part, figures from both.
    """
    path = run_dir / f"{config.name}.cellwright"
    card = _first_card(config, exported, spec, parts=parts, record=record)
    graphs = {"graphs/fp32.onnx": exported.graph}
    tests = test_tensors(exported.reference, exported.output_names, spec)
    with unsettled_path(path) as draft:
        bundle = open_bundle(write_bundle(draft, card, graphs, tests))
        val = predict_labelled(Predictor(bundle), parts.val)
        card = settle(card, val)
        settled = Predictor(replace(bundle, card=card))
        thresholds = settled.thresholds.tolist()
        reports = {"validation part": report_on(val, settled, thresholds=thresholds)}
        if parts.test is not None:
            test = predict_labelled(settled, parts.test)
            reports["test part"] = report_on(test, settled, thresholds=thresholds)

    evaluations = tuple(
        Evaluation.of(report, parts.called(name)) for name, report in reports.items()
    )
    write_bundle(path, card.model_copy(update={"evaluations": evaluations}), graphs, tests)
    return TrainingResult(path, reports.get("test part"), parts.leaks)


def _first_card(
    config: TrainConfig,
    exported: ExportedDetector,
    spec: InputSpec,
    *,
    parts: Parts,
    record: TrainingRecord,
) -> Card:
    """The card before any image was predicted: no thresholds, no figures."""
    decoding = Decoding(
        output=exported.output,
        nms_scope=config.nms_scope,
        vote_iou=exported.vote_iou,
        views=config.views,
    )
    notes = [exported.licence_note] if exported.licence_note else []
    return Card(
        name=config.name,
        task="detection",
        classes=parts.whole.classes,
        description=config.description,
        licence="AGPL-3.0" if exported.licence_note else config.licence,
        limits=(*config.limits, *parts.limits, *notes),
        input=spec,
        decoding=decoding,
        training=record,
        graphs=(graph_entry("graphs/fp32.onnx", exported.graph),),
    )


def _begin(config: TrainConfig, run_dir: Path) -> None:
    """Refuse what can be refused before any image is read; claim the folder of the run.

    Raises:
        UnknownNameError: no such detector or network, or another name that its recipe looks up.
        ConfigError: the folder holds another run, or settings that contradict each other.
        MissingExtraError: a package that the detector needs is not installed.
    """
    if config.task == "classification":
        begin_classes(config, run_dir)
        return
    if config.task != "detection":
        begin_segmenter(config, run_dir)
        return
    if config.detector.name not in DETECTORS:
        raise UnknownNameError("detector", config.detector.name, DETECTORS)
    detector = DETECTORS[config.detector.name]
    detector.require()
    _check_names(config, detector)
    if not detector.ours:
        asked = {"start_from": config.start_from is not None, "views": config.views > 1}
        for setting in (name for name, given in asked.items() if given):
            raise ConfigError(
                f"{config.detector.name} cannot do this: only our own detector can",
                where=setting,
                remedy=f"leave {setting} out, or choose another detector.name",
            )
    claim_run_dir(config, run_dir)


def _check_names(config: TrainConfig, detector: Detector) -> None:
    """Refuse settings that the detector does not know.

    Raises:
        ConfigError: a setting of its own is unknown or out of range.
        UnknownNameError: no such augmentation.
    """
    try:
        detector.settings.model_validate(config.detector.settings)
    except ValidationError as error:
        raise ConfigError(in_words(error, detector.settings), where="detector.settings") from error
    augmentation = config.schedule.augmentation
    if augmentation not in detector.augmentations:
        raise UnknownNameError("augmentation preset", augmentation, detector.augmentations)
