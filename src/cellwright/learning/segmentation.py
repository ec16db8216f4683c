"""The recipe for masks and cells: labelled images in, one bundle out. Reads top to bottom.

Thresholds are chosen on the validation part; the test part is looked at once, at the end,
and its figures go into the card.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cellwright.bundles.bundle import open_bundle, write_bundle
from cellwright.bundles.card import Card, Evaluation, InputSpec
from cellwright.bundles.mask_output import DistanceInstances, SemanticMasks
from cellwright.bundles.probe import disc_picture
from cellwright.data.cell_weights import CELL_WEIGHTS
from cellwright.data.mask_pictures import Labelling
from cellwright.data.mask_transforms import MASK_PRESETS
from cellwright.detectors.protocol import Schedule
from cellwright.errors import ConfigError, UnknownNameError
from cellwright.inference.evaluate_segmentation import evaluate_segmentation
from cellwright.inference.segmentation_thresholds import settle
from cellwright.inference.segmenter import OUTPUT, Segmenter
from cellwright.learning.config import InputConfig, SegmentationConfig, TrainConfig
from cellwright.learning.graph_input import GraphInput
from cellwright.learning.optimizers import check_rule
from cellwright.learning.quantization_aware import AwareNetwork
from cellwright.learning.run_record import (
    TrainingResult,
    claim_parts,
    claim_run_dir,
    test_tensors,
    training_record,
    unsettled_path,
)
from cellwright.learning.segmentation_fit import SegmentationJob, fit_segmenter
from cellwright.learning.segmentation_module import Rule
from cellwright.learning.smaller_network import (
    as_begun,
    compressions_of,
    how_made,
    int8_replays,
    shipped_graph,
    to_train,
)
from cellwright.learning.start_leaks import with_leaks_of
from cellwright.learning.starting_weights import read_start
from cellwright.learning.trainer import Watch, best_epoch
from cellwright.learning.training_data import Parts, choose_input, choose_window, survey_pixels
from cellwright.losses import INSTANCE_LOSSES, MASK_LOSSES
from cellwright.losses.class_balance import CLASS_BALANCES
from cellwright.models import SEGMENTERS

OVERLAP_PX = 192
"""What tiles share by default: most of what a five-level U-Net looks at on both sides."""

LOSSES_OF = {"semantic": MASK_LOSSES, "instances": INSTANCE_LOSSES}
USUAL_LOSS = {"semantic": "dice-bce", "instances": "distance-instances"}


def begin_segmenter(config: TrainConfig, run_dir: Path) -> None:
    """Refuse what can be refused before any image is read.

    Raises:
        UnknownNameError: no such network, loss, balance, optimizer, schedule or augmentation.
        ConfigError: the folder holds another run, or settings that contradict each other.
    """
    chosen = config.segmentation
    if chosen.model not in SEGMENTERS:
        raise UnknownNameError("segmentation network", chosen.model, SEGMENTERS)
    losses = LOSSES_OF[config.task]
    if chosen.loss and chosen.loss not in losses:
        raise UnknownNameError(f"loss for task {config.task}", chosen.loss, losses)
    if chosen.class_balance is not None:
        if config.task != "semantic":
            raise ConfigError("class_balance weighs the classes of masks: use task: semantic")
        if chosen.class_balance not in CLASS_BALANCES:
            raise UnknownNameError("class balance", chosen.class_balance, CLASS_BALANCES)
    if chosen.cell_weights is not None:
        if config.task != "instances":
            raise ConfigError("cell_weights weighs the pixels of single cells: use task: instances")
        if chosen.cell_weights not in CELL_WEIGHTS:
            raise UnknownNameError("cell weights", chosen.cell_weights, CELL_WEIGHTS)
    if config.schedule.augmentation not in MASK_PRESETS:
        raise UnknownNameError("augmentation preset", config.schedule.augmentation, MASK_PRESETS)
    check_rule(chosen.optimizer, chosen.rate, weight_decay=config.schedule.weight_decay)
    network = build_network(chosen, 1, n_channels=1)
    _check_edges(config.input, multiple=int(network.multiple))  # type: ignore[arg-type]
    to_train(network, config, _fed(network, n_channels=1), anew=())
    claim_run_dir(config, run_dir)


def _check_edges(config: InputConfig, *, multiple: int) -> None:
    """Refuse tiles and windows that the network cannot halve as often as it does.

    Raises:
        ConfigError: an edge is no multiple of ``multiple``.
    """
    for name, edge in {"tile_px": config.tile_px, "window_px": config.window_px}.items():
        if edge is not None and edge % multiple:
            raise ConfigError(
                f"{edge} is no multiple of {multiple}, by which this network divides an image",
                where=f"input.{name}",
                remedy=f"choose {max(1, edge // multiple) * multiple} or "
                f"{(edge // multiple + 1) * multiple}, or a network of fewer levels",
            )


def train_segmenter(
    parts: Parts,
    config: TrainConfig,
    run_dir: Path,
    *,
    command: str = "",
    watch: Watch | None = None,
) -> TrainingResult:
    """Train, choose thresholds, evaluate, write the bundle; ``watch`` is told of every epoch.

    The run was begun (:func:`begin_segmenter`).

    Raises:
        DatasetError: no labels, or labels that do not fit the task.
        AnnotationError: damaged labels.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, workers=True, verbose=False)

    plan = _plan(parts, config)
    spec = plan.input
    start = None if config.start_from is None else read_start(config.start_from)
    parts = with_leaks_of(start, parts, config.data)
    fed = _fed(plan.network, n_channels=spec.channels)
    network = as_begun(plan.network, config, fed, start)
    claim_parts(parts, run_dir)
    job = SegmentationJob(
        train=parts.train,
        val=parts.val,
        labelling=plan.labelling,
        classes=(plan.background, *plan.classes),
        input=spec,
        window=plan.window,
        crops_per_image=plan.crops_per_image,
        rule=_rule(config),
        run_dir=run_dir,
        weighting=CLASS_BALANCES.get(config.segmentation.class_balance or ""),
        cell_weights=CELL_WEIGHTS.get(config.segmentation.cell_weights or ""),
        watch=watch,
        compressions=compressions_of(config),
    )
    fitted = fit_segmenter(network, job)
    record = training_record(config, parts, command=command)
    epochs = [best_epoch(run_dir).number]
    record = record.model_copy(update=how_made(config, fitted, start, epochs=epochs))
    entry, graph = shipped_graph(fitted, fed, OUTPUT)
    card = Card(
        name=config.name,
        task=config.task,
        classes=plan.classes,
        description=config.description,
        licence=config.licence,
        limits=(*config.limits, *parts.limits),
        input=spec,
        segmentation=plan.decoding,
        training=record,
        graphs=(entry,),
    )
    return bundle_and_evaluate(card, graph, fitted, parts=parts, run_dir=run_dir)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What labels and pixels of the training part decide.

    Attributes:
        labelling: what the labels are read as.
        background: what is no cell.
        classes: names, without the background.
        decoding: how the network's output is read; its thresholds are not chosen yet.
        network: as its settings make it.
        input: how pixels become network input.
        window: (height, width) of a training picture in network pixels.
        crops_per_image: training windows drawn from an image in an epoch.
    """

    labelling: Labelling
    background: str
    classes: tuple[str, ...]
    decoding: SemanticMasks | DistanceInstances
    network: nn.Module
    input: InputSpec
    window: tuple[int, int]
    crops_per_image: int


def _plan(parts: Parts, config: TrainConfig) -> _Plan:
    """Look at the labels and pixels once, and decide what is trained on what."""
    labelling = _labelling(config)
    classes = labelling.classes(parts.whole)
    background = labelling.background(parts.whole)
    decoding = _decoding(config, len(classes), background)
    looks = survey_pixels(parts.train, largest_edge_px=0.0)
    spec = choose_input(looks, config.input)
    network = build_network(
        config.segmentation, decoding.channels(len(classes)), n_channels=spec.channels
    )
    spec = _segmenter_input(spec, config.input, multiple=int(network.multiple))  # type: ignore[arg-type]
    window, crops = choose_window(looks, spec, config.input)
    return _Plan(labelling, background, classes, decoding, network, spec, window, crops)


def bundle_and_evaluate(
    card: Card,
    graph: bytes,
    fitted: nn.Module,
    *,
    parts: Parts,
    run_dir: Path,
) -> TrainingResult:
    """Write a draft, look at the validation part with it, write the bundle with what this taught.

    Thresholds come from the validation part, figures from both.
    """
    path = run_dir / f"{card.name}.cellwright"
    graphs = {card.graphs[0].file: graph}
    tests = _replays(fitted, graph, card.input)
    with unsettled_path(path) as draft:
        bundle = open_bundle(write_bundle(draft, card, graphs, tests))
        card = card.model_copy(update={"segmentation": settle(Segmenter(bundle), parts.val)})
        settled = replace(bundle, card=card)
        reports = {"validation part": evaluate_segmentation(settled, parts.val)}
        if parts.test is not None:
            reports["test part"] = evaluate_segmentation(settled, parts.test)
    evaluations = tuple(
        Evaluation.of(report, parts.called(name)) for name, report in reports.items()
    )
    write_bundle(path, card.model_copy(update={"evaluations": evaluations}), graphs, tests)
    return TrainingResult(path, reports.get("test part"), parts.leaks)


def _replays(fitted: nn.Module, graph: bytes, spec: InputSpec) -> dict[str, NDArray[np.float32]]:
    """Test tensors: the network's own answer, or an int8 graph's to the picture such carry."""
    if isinstance(fitted, AwareNetwork):
        return int8_replays(graph, disc_picture(spec))
    return test_tensors(lambda image: (fitted(image),), [OUTPUT], spec)


def _fed(network: nn.Module, *, n_channels: int) -> GraphInput:
    return GraphInput(n_channels, multiple=int(network.multiple))  # type: ignore[arg-type]


def build_network(chosen: SegmentationConfig, n_outputs: int, *, n_channels: int) -> nn.Module:
    """The network of the config.

    Raises:
        ConfigError: settings that this network does not know.
    """
    try:
        return SEGMENTERS[chosen.model](n_outputs, n_channels, **chosen.settings)
    except TypeError as error:
        raise ConfigError(
            f"{chosen.model} does not take these settings ({error})", where="segmentation.settings"
        ) from error


def _labelling(config: TrainConfig) -> Labelling:
    chosen = config.segmentation
    task: Literal["semantic", "instances"] = (
        "semantic" if config.task == "semantic" else "instances"
    )
    return Labelling(task, chosen.neck_ratio, chosen.smallest_radius_px)


def _decoding(
    config: TrainConfig, n_classes: int, background: str
) -> SemanticMasks | DistanceInstances:
    if config.task == "instances":
        return DistanceInstances(views=config.views)
    activation: Literal["sigmoid", "softmax"] = "sigmoid" if n_classes == 1 else "softmax"
    return SemanticMasks(activation=activation, background=background, views=config.views)


def _segmenter_input(spec: InputSpec, config: InputConfig, *, multiple: int) -> InputSpec:
    """Stitched maps know no cell, so tiles share what the network looks at, not a cell's size."""
    overlap = OVERLAP_PX if config.overlap_px is None else config.overlap_px
    return spec.model_copy(
        update={"multiple": multiple, "overlap_px": min(overlap, spec.tile_px // 2)}
    )


def _rule(config: TrainConfig) -> Rule:
    chosen = config.segmentation
    return Rule(
        loss=LOSSES_OF[config.task][chosen.loss or USUAL_LOSS[config.task]],
        optimizer=chosen.optimizer,
        rate=chosen.rate,
        schedule=Schedule(**config.schedule.model_dump(), seed=config.seed),
    )
