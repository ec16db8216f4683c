"""The recipe for classes of crops and images: labels in, one bundle out. Reads top to bottom.

The epoch, the temperature and the threshold of likeness come from the validation part; the
test part is looked at once, at the end, and its figures go into the card.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cellwright.bundles.bundle import Bundle, open_bundle, write_bundle
from cellwright.bundles.card import Card, Evaluation, InputSpec
from cellwright.bundles.class_probabilities import ClassProbabilities
from cellwright.bundles.probe import disc_picture
from cellwright.data.crop_transforms import CROP_PRESETS
from cellwright.detectors.protocol import Schedule
from cellwright.errors import ConfigError, UnknownNameError
from cellwright.explain.importance import measure_importance, write_importance
from cellwright.inference.classifier import OUTPUT, Classifier
from cellwright.inference.evaluate_classification import (
    classify_labelled,
    prepare_labelled,
    report_classes,
)
from cellwright.inference.settle_classes import settle
from cellwright.learning.balancing import SAMPLERS, class_weights
from cellwright.learning.class_config import ClassificationConfig
from cellwright.learning.class_crops import CropSet, Draws, crop_loader, read_crops
from cellwright.learning.class_input import choose_class_input, refuse_rare
from cellwright.learning.classification_module import (
    VAL_BATCH,
    ClassificationModule,
    ClassRule,
)
from cellwright.learning.classification_page import write_page
from cellwright.learning.config import TrainConfig
from cellwright.learning.divergence import refuse_diverged
from cellwright.learning.freezing import check_freezing
from cellwright.learning.generated_crops import fill_rare, note_quality, settings_for
from cellwright.learning.graph_input import GraphInput
from cellwright.learning.mistakes import surest_mistakes
from cellwright.learning.optimizers import check_rule
from cellwright.learning.privileged import PrivilegedHead, check_privileged, with_measurements
from cellwright.learning.quantization_aware import AwareNetwork, together
from cellwright.learning.run_record import (
    TEST_SEED,
    TrainingResult,
    claim_parts,
    claim_run_dir,
    training_record,
    unsettled_path,
)
from cellwright.learning.smaller_network import (
    as_begun,
    compressions_of,
    how_made,
    int8_replays,
    shipped_graph,
    to_train,
)
from cellwright.learning.start_leaks import with_leaks_of
from cellwright.learning.starting_weights import Start, read_start
from cellwright.learning.trainer import FitPlan, Watch, best_epoch, presets_by_epoch, run_trainer
from cellwright.learning.training_data import Parts
from cellwright.models import CLASSIFIERS
from cellwright.models.committee import Committee

IMPORTANCE = "importance.csv"


def begin_classifier(config: TrainConfig, run_dir: Path) -> None:
    """Refuse what can be refused before any image is read.

    Raises:
        UnknownNameError: no such network, optimizer, schedule, sampling or augmentation.
        ConfigError: the folder holds another run, or settings that contradict each other.
    """
    chosen = config.classification
    if chosen.model not in CLASSIFIERS:
        raise UnknownNameError("classification network", chosen.model, CLASSIFIERS)
    if chosen.sampling not in SAMPLERS:
        raise UnknownNameError("sampling", chosen.sampling, SAMPLERS)
    if config.schedule.augmentation not in CROP_PRESETS:
        raise UnknownNameError("augmentation preset", config.schedule.augmentation, CROP_PRESETS)
    if config.views != 1:
        raise ConfigError("a classifier's views are set by classification.views", where="views")
    check_privileged(chosen)
    check_rule(chosen.optimizer, chosen.rate, weight_decay=config.schedule.weight_decay)
    _check_network(config)
    claim_run_dir(config, run_dir)


def _check_network(config: TrainConfig) -> None:
    """Build the network once, so that what it lacks is said before images are read."""
    chosen = config.classification
    size = chosen.crop_px or (64, 64)
    network = build_classifier(chosen, 2, n_channels=3, crop_px=size)
    if chosen.generation is not None:
        settings_for(chosen.generation, "", seed=config.seed)
    if chosen.transfer is not None and chosen.transfer.last_blocks is not None:
        check_freezing(network, learning=chosen.transfer.last_blocks)
    to_train(network, config, GraphInput(3, size=size), anew=())


def train_classifier(
    parts: Parts,
    config: TrainConfig,
    run_dir: Path,
    *,
    command: str = "",
    watch: Watch | None = None,
) -> TrainingResult:
    """Train, calibrate, evaluate, write the bundle and a page about it.

    The run was begun (:func:`begin_classifier`). ``watch`` is told of every epoch of every member.

    Raises:
        DatasetError: a class without images to learn from, or images that do not fit together.
        AnnotationError: labels that are no class of a whole image.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)

    rare = refuse_rare(parts.train, parts.val)
    chosen = config.classification
    spec, decoding = choose_class_input(parts.train, config.input, chosen)
    claim_parts(parts, run_dir)
    record = training_record(config, parts, command=command)
    start = None if config.start_from is None else read_start(config.start_from)
    parts = with_leaks_of(start, parts, config.data)
    train, val = (read_crops(part, spec, decoding) for part in (parts.train, parts.val))
    train = with_measurements(train, parts.train, config.input, chosen)
    classes = parts.whole.classes
    filled = fill_rare(train, classes, chosen.generation, run_dir, seed=config.seed)
    crops = ClassCrops(filled.crops, val, classes)
    fitted = fit_committee(crops, config=config, run_dir=run_dir, start=start, watch=watch)
    note_quality(filled, train, fitted, classes, run_dir)

    epochs = [best_epoch(folder).number for folder in member_folders(run_dir, chosen.members)]
    record = record.model_copy(update=how_made(config, fitted, start, epochs=epochs))
    fed = GraphInput(spec.channels, size=decoding.crop_px)
    entry, graph = shipped_graph(fitted, fed, OUTPUT)
    card = Card(
        name=config.name,
        task="classification",
        classes=parts.whole.classes,
        description=config.description,
        licence=config.licence,
        limits=(*config.limits, *rare, *filled.sentences(classes), *parts.limits),
        input=spec,
        classification=decoding,
        training=record,
        graphs=(entry,),
    )
    draft = Draft(card, graph, _test_tensors(fitted, graph, spec, decoding))
    return bundle_and_evaluate(draft, parts, run_dir, quantile=chosen.unlike_quantile)


@dataclass(frozen=True, eq=False)
class Draft:
    """A bundle before its validation part was looked at: card, graph and test tensors."""

    card: Card
    graph: bytes
    tests: dict[str, NDArray[np.float32]]

    def write(self, path: Path, card: Card) -> Bundle:
        """The bundle with this card."""
        graphs = {card.graphs[0].file: self.graph}
        return open_bundle(write_bundle(path, card, graphs, self.tests))


@dataclass(frozen=True, eq=False)
class ClassCrops:
    """Crops to learn from and to choose the epoch by, and the names of their classes."""

    train: CropSet
    val: CropSet
    classes: tuple[str, ...]


def fit_committee(
    crops: ClassCrops,
    *,
    config: TrainConfig,
    run_dir: Path,
    start: Start | None = None,
    watch: Watch | None = None,
) -> nn.Module:
    """One network, or several from seeds of their own that answer together."""
    chosen = config.classification
    _, channels, height, width = crops.train.pixels.shape
    fed = GraphInput(channels, size=(height, width))
    fitted = []
    for number, folder in enumerate(member_folders(run_dir, chosen.members)):
        own = config.model_copy(update={"seed": config.seed + number})
        pl.seed_everything(own.seed, workers=True, verbose=False)
        network = build_classifier(
            chosen, len(crops.classes), n_channels=channels, crop_px=(height, width)
        )
        beginning = None if start is None else start.member(number)
        network = as_begun(network, own, fed, beginning)
        fitted.append(fit_classifier(network, crops, config=own, run_dir=folder, watch=watch))
    if len(fitted) == 1:
        return fitted[0]
    aware = [one for one in fitted if isinstance(one, AwareNetwork)]
    return together(aware) if aware else Committee(fitted).eval()


def member_folders(run_dir: Path, n_members: int) -> list[Path]:
    """A folder a member; the only one is trained in the run folder itself."""
    if n_members == 1:
        return [run_dir]
    return [run_dir / f"member-{number}" for number in range(n_members)]


def fit_classifier(
    network: nn.Module,
    crops: ClassCrops,
    *,
    config: TrainConfig,
    run_dir: Path,
    watch: Watch | None = None,
) -> nn.Module:
    """Train ``network``; resumes from the run folder if it holds a checkpoint.

    Returns:
        The network with the averaged weights of the best validation epoch.
    """
    chosen = config.classification
    train, val, n_classes = crops.train, crops.val, len(crops.classes)
    schedule = Schedule(**config.schedule.model_dump(), seed=config.seed)
    draws = Draws(chosen.sampling, presets_by_epoch(schedule), chosen.mixup_alpha, config.seed)
    weights = class_weights(train.class_ids, n_classes, power=chosen.weight_power)
    rule = _class_rule(chosen, weights, schedule)
    head = None if train.measured is None else PrivilegedHead(network, train.measured.shape[1])
    best = run_trainer(
        ClassificationModule(network, val=val, rule=rule, head=head),
        crop_loader(train, n_classes, draws, batch_size=schedule.batch_size),
        FitPlan(
            schedule,
            run_dir,
            f"val/{chosen.choose_by}",
            watch=watch,
            compressions=compressions_of(config),
        ),
        n_val=-(-len(val) // VAL_BATCH),
    )
    network.load_state_dict(best)
    refuse_diverged(network)
    return network.cpu().eval()


def _class_rule(
    chosen: ClassificationConfig, weights: NDArray[np.float64], schedule: Schedule
) -> ClassRule:
    return ClassRule(
        weights=weights,
        smoothing=chosen.label_smoothing,
        optimizer=chosen.optimizer,
        rate=chosen.rate,
        schedule=schedule,
        transfer=chosen.transfer,
        privileged_weight=0.0 if chosen.privileged is None else chosen.privileged.weight,
    )


def bundle_and_evaluate(
    draft: Draft, parts: Parts, run_dir: Path, *, quantile: float
) -> TrainingResult:
    """Write a draft, look at the validation part with it, write the bundle with what this taught.

    Temperature and threshold come from the validation part, figures from both.
    """
    path = run_dir / f"{draft.card.name}.cellwright"
    with unsettled_path(path) as unsettled:
        classifier = Classifier(draft.write(unsettled, draft.card))
        val = classify_labelled(classifier, parts.val)
        decoding = settle(classifier.decoding, val, quantile=quantile)
        card = draft.card.model_copy(update={"classification": decoding})
        settled = Classifier(draft.write(unsettled, card))
        val = replace(val, found=settled.read(val.logits))
        seen, looked_at = {"validation part": val}, {"validation part": parts.val}
        if parts.test is not None:
            seen["test part"] = classify_labelled(settled, parts.test)
            looked_at["test part"] = parts.test
    reports = {name: report_classes(one, settled) for name, one in seen.items()}
    evaluations = tuple(
        Evaluation.of(report, parts.called(name)) for name, report in reports.items()
    )
    card = card.model_copy(update={"evaluations": evaluations})
    draft.write(path, card)
    importance = None
    if not card.takes_pixels:
        importance = measure_importance(settled, prepare_labelled(settled, parts.val))
        write_importance(run_dir / IMPORTANCE, importance)
    mistakes = {
        name: surest_mistakes(one, looked_at[name], card.classes) for name, one in seen.items()
    }
    write_page(run_dir, card, reports, mistakes=mistakes, importance=importance)
    return TrainingResult(path, reports.get("test part"), parts.leaks)


def build_classifier(
    chosen: ClassificationConfig, n_classes: int, *, n_channels: int, crop_px: tuple[int, int]
) -> nn.Module:
    """The network of the config.

    Raises:
        ConfigError: settings that this network does not know.
    """
    try:
        return CLASSIFIERS[chosen.model](n_classes, n_channels, crop_px=crop_px, **chosen.settings)
    except TypeError as error:
        raise ConfigError(
            f"{chosen.model} does not take these settings ({error})",
            where="classification.settings",
        ) from error


def _test_tensors(
    network: nn.Module, graph: bytes, spec: InputSpec, decoding: ClassProbabilities
) -> dict[str, NDArray[np.float32]]:
    """Seeded random crops and the network's own answer, or a picture and the int8 graph's."""
    if isinstance(network, AwareNetwork):
        picture = disc_picture(spec.model_copy(update={"multiple": 1}), size=decoding.crop_px)
        return int8_replays(graph, picture)
    rng = np.random.default_rng(TEST_SEED)
    crops = rng.random((2, spec.channels, *decoding.crop_px)).astype(np.float32)
    with torch.no_grad():
        logits = network(torch.from_numpy(crops)).numpy()
    return {"input": crops, OUTPUT: np.asarray(logits, np.float32)}
