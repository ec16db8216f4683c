"""The recipe: labelled images in, one bundle out. Reads top to bottom.

Thresholds are chosen on the validation part; the test part is looked at once, at the
end, and its figures go into the card.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from cellwright.bundles.bundle import graph_entry, open_bundle, write_bundle
from cellwright.bundles.card import (
    Card,
    Decoding,
    Evaluation,
    InputSpec,
    MetricValue,
    TrainingRecord,
)
from cellwright.data.checksum import checksum
from cellwright.data.splits import write_split
from cellwright.detectors import DETECTORS
from cellwright.detectors.protocol import DetectionJob, ExportedDetector, Schedule
from cellwright.errors import ConfigError, UnknownNameError
from cellwright.images.write import atomic_path
from cellwright.inference.calibrate import settle
from cellwright.inference.evaluate import predict_labelled, report_on
from cellwright.inference.predictor import Predictor
from cellwright.learning.config import TrainConfig
from cellwright.learning.fit import fit_detector
from cellwright.learning.provenance import commit, machine
from cellwright.learning.training_data import Parts, choose_input, choose_window, load_parts, survey
from cellwright.metrics.detection import DetectionReport

TEST_SEED = 20


@dataclass(frozen=True)
class TrainingResult:
    """What a run left behind: its bundle, and the test report where there was a test part."""

    bundle: Path
    report: DetectionReport | None


def train(config: TrainConfig, run_dir: Path, *, command: str = "") -> TrainingResult:
    """Train, choose thresholds, evaluate, write the bundle.

    A run that was killed goes on at its last epoch when called again.

    Raises:
        ConfigError: the folder holds a run with other settings.
        MissingExtraError: a package that the detector needs is not installed.
        DatasetError, LeakError: the data cannot be used as configured.
    """
    _begin(config, run_dir)
    return train_on(load_parts(config.data), config, run_dir, command=command)


def train_on(
    parts: Parts, config: TrainConfig, run_dir: Path, *, command: str = ""
) -> TrainingResult:
    """:func:`train` on parts made elsewhere, for instance a share of the training part.

    Raises:
        ConfigError: the folder holds a run with other settings.
        MissingExtraError: a package that the detector needs is not installed.
        DatasetError: the training part holds no boxes.
    """
    _begin(config, run_dir)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, workers=True, verbose=False)

    write_split(run_dir / "split.csv", parts.whole, parts.part_of)
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
        fit=fit_detector,
    )
    exported = DETECTORS[config.detector.name].train(job, config.detector.settings)
    record = _training_record(config, parts, command=command)
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
    """Write the bundle, predict with it once, write it again with all that this taught.

    Thresholds and calibration come from the validation part, figures from both.
    """
    path = run_dir / f"{config.name}.cellwright"
    decoding = Decoding(output=exported.output, nms_scope=config.nms_scope)
    limits = [*config.limits, *parts.leaks]
    limits += [exported.licence_note] if exported.licence_note else []
    card = Card(
        name=config.name,
        task="detection",
        classes=parts.whole.classes,
        description=config.description,
        licence="AGPL-3.0" if exported.licence_note else config.licence,
        limits=tuple(limits),
        input=spec,
        decoding=decoding,
        training=record,
        graphs=(graph_entry("graphs/fp32.onnx", exported.graph),),
    )
    graphs = {"graphs/fp32.onnx": exported.graph}
    tests = test_tensors(exported, spec)
    write_bundle(path, card, graphs, tests)

    bundle = open_bundle(path)
    val = predict_labelled(Predictor(bundle), parts.val)
    card = settle(card, val)
    settled = Predictor(replace(bundle, card=card))
    thresholds = settled.thresholds.tolist()
    reports = {"validation part": report_on(val, settled, thresholds=thresholds)}
    if parts.test is not None:
        test = predict_labelled(settled, parts.test)
        reports["test part"] = report_on(test, settled, thresholds=thresholds)

    evaluations = tuple(
        as_evaluation(report, f"{parts.whole.name}, {name}") for name, report in reports.items()
    )
    write_bundle(path, card.model_copy(update={"evaluations": evaluations}), graphs, tests)
    return TrainingResult(path, reports.get("test part"))


def _begin(config: TrainConfig, run_dir: Path) -> None:
    """What can be refused before any image is read."""
    if config.detector.name not in DETECTORS:
        raise UnknownNameError("detector", config.detector.name, DETECTORS)
    DETECTORS[config.detector.name].require()
    claim_run_dir(config, run_dir)


def claim_run_dir(config: TrainConfig, run_dir: Path) -> None:
    """Write the settings into a new run folder, or check that they are the ones it holds.

    Raises:
        ConfigError: another config was run there.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "config.yaml"
    wanted = config.model_dump(mode="json")
    if path.exists():
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        changed = sorted(key for key in wanted if wanted[key] != (held or {}).get(key))
        if changed:
            raise ConfigError(
                f"the folder holds a run with other settings ({', '.join(changed)})",
                where=run_dir,
                remedy="choose another run folder, or delete this one",
            )
        return
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(wanted, sort_keys=False), encoding="utf-8")


def test_tensors(exported: ExportedDetector, spec: InputSpec) -> dict[str, NDArray[np.float32]]:
    """A seeded random input and what the trained network itself answers to it."""
    edge = 2 * spec.multiple
    rng = np.random.default_rng(TEST_SEED)
    image = rng.random((1, spec.channels, edge, edge + spec.multiple)).astype(np.float32)
    with torch.no_grad():
        outputs = exported.reference(torch.from_numpy(image))
    named = zip(exported.output_names, outputs, strict=True)
    return {"input": image} | {name: out.numpy().astype(np.float32) for name, out in named}


def as_evaluation(report: DetectionReport, data: str) -> Evaluation:
    """A report as the card keeps it."""
    content = report.to_json()
    return Evaluation(
        data=data,
        n_images=content["n_images"],
        metrics={k: MetricValue(**v) for k, v in content["metrics"].items()},
        per_class={
            name: {k: MetricValue(**v) for k, v in values.items()}
            for name, values in content["per_class"].items()
        },
    )


def _training_record(config: TrainConfig, parts: Parts, *, command: str) -> TrainingRecord:
    return TrainingRecord(
        data=parts.whole.name,
        data_licence=parts.whole.licence or config.data.licence,
        data_checksum=checksum(parts.whole),
        n_images=len(parts.train),
        command=command,
        commit=commit(),
        seed=config.seed,
        machine=machine(),
        epochs=config.schedule.epochs,
        date=datetime.now(timezone.utc).date().isoformat(),
    )
