"""The recipe for models of before networks: labels in, one bundle out. Reads top to bottom.

Crops are measured, rare classes filled within the training part, a model of
:data:`~cellwright.learning.classical_models.CLASSICAL` is fitted to the rows and stored as ONNX.
From there on everything is as for a network: temperature and threshold of likeness come from the
validation part, the test part is looked at once, and the same commands run the bundle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import graph_entry, open_bundle
from cellwright.bundles.card import Card
from cellwright.bundles.class_probabilities import Features
from cellwright.bundles.feature_graph import (
    OUTPUT,
    RowStatistics,
    export_model,
    model_logits,
)
from cellwright.errors import ConfigError, UnknownNameError
from cellwright.features.extractors import EXTRACTORS, channels_as_named
from cellwright.learning.balancing import class_weights
from cellwright.learning.class_config import ClassificationConfig
from cellwright.learning.class_crops import CropSet, read_crops
from cellwright.learning.class_input import choose_class_input, refuse_rare
from cellwright.learning.classical_models import CLASSICAL
from cellwright.learning.classification import Draft, bundle_and_evaluate
from cellwright.learning.config import ScheduleConfig, TrainConfig
from cellwright.learning.feature_balancing import FEATURE_SAMPLERS
from cellwright.learning.run_record import (
    TEST_SEED,
    TrainingResult,
    claim_parts,
    claim_run_dir,
    training_record,
)
from cellwright.learning.training_data import Parts

DEFAULT_FEATURES = "simple"

HEEDED = {
    *("model", "settings", "features", "crop_px", "fit", "channels", "sampling"),
    *("weight_power", "views", "choose_by", "unlike_quantile"),
}
"""Settings of the section that mean something here; the others teach networks."""

Rows = NDArray[np.float32]


def begin_classical(config: TrainConfig, run_dir: Path) -> None:
    """Refuse what can be refused before any image is read.

    Raises:
        UnknownNameError: no such measurements or sampling.
        ConfigError: the folder holds another run, or settings that a model without epochs has not.
    """
    chosen = config.classification
    kind = chosen.features or DEFAULT_FEATURES
    if kind not in EXTRACTORS:
        raise UnknownNameError("kind of features", kind, EXTRACTORS)
    if chosen.sampling not in FEATURE_SAMPLERS:
        raise UnknownNameError("sampling", chosen.sampling, FEATURE_SAMPLERS)
    default = ClassificationConfig()
    idle = [
        f"classification.{name}"
        for name in type(chosen).model_fields
        if name not in HEEDED and getattr(chosen, name) != getattr(default, name)
    ]
    idle += ["schedule"] if config.schedule != ScheduleConfig() else []
    idle += ["start_from"] if config.start_from is not None else []
    if idle:
        raise ConfigError(
            f"{chosen.model} is fitted at once and not in epochs, so this says nothing",
            where=idle[0],
            remedy=f"leave out {', '.join(idle)}, or choose a network",
        )
    if config.views != 1:
        raise ConfigError("a classifier's views are set by classification.views", where="views")
    rows = np.eye(8, dtype=np.float32)
    fit_model(chosen, rows, np.arange(8) % 2, seed=0)
    claim_run_dir(config, run_dir)


def train_classical(
    parts: Parts, config: TrainConfig, run_dir: Path, *, command: str = ""
) -> TrainingResult:
    """Measure, fit, calibrate, evaluate, write the bundle and a page about it.

    The run was begun (:func:`begin_classical`).

    Raises:
        DatasetError: a class without images to learn from, or images that do not fit together.
        AnnotationError: labels that are no class of a whole image.
    """
    rare = refuse_rare(parts.train, parts.val)
    chosen = config.classification
    spec, decoding = choose_class_input(parts.train, config.input, chosen)
    claim_parts(parts, run_dir)

    kind = chosen.features or DEFAULT_FEATURES
    columns = EXTRACTORS[kind].columns(channels_as_named(spec.channels, spec.channel_names))
    decoding = decoding.model_copy(update={"features": Features(kind=kind, columns=columns)})
    train = read_crops(parts.train, spec, decoding)
    rows = measured(train, kind)
    statistics = RowStatistics.of(rows)
    balance = FEATURE_SAMPLERS[chosen.sampling]
    learned, class_ids = balance(statistics.filled(rows), train.class_ids, config.seed)
    model = fit_model(chosen, learned, class_ids, seed=config.seed)

    answers = CLASSICAL[chosen.model].answers
    graph = export_model(model, statistics, rows, answers=answers)
    probe = _random_rows(statistics)
    logits = model_logits(model, statistics, probe, answers=answers).astype(np.float32)
    record = training_record(config, parts, command=command)
    card = Card(
        name=config.name,
        task="classification",
        classes=parts.whole.classes,
        description=config.description,
        licence=config.licence,
        limits=(*config.limits, *rare, *parts.limits),
        input=spec,
        classification=decoding,
        training=record.model_copy(update={"epochs": 0}),
        graphs=(graph_entry("graphs/fp32.onnx", graph),),
    )
    draft = Draft(card, graph, {"input": probe, OUTPUT: logits})
    return bundle_and_evaluate(draft, parts, run_dir, quantile=chosen.unlike_quantile)


def measured(crops: CropSet, kind: str) -> Rows:
    """``(N, F)`` of every crop, as in inference."""
    measure = EXTRACTORS[kind].measure
    return np.stack([measure(crops.crop(index)) for index in range(len(crops))])


def fit_model(
    chosen: ClassificationConfig, rows: Rows, class_ids: NDArray[np.int64], *, seed: int
) -> Any:
    """The model of the config, fitted; a pipeline where measurements are scaled first.

    Raises:
        ConfigError: settings that this model does not know or that are out of range.
    """
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 - scikit-learn takes a second
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - as above

    row = CLASSICAL[chosen.model]
    try:
        last = row.build(seed, **chosen.settings)
        model = make_pipeline(*([StandardScaler()] if row.scaled else []), last)
        n_classes = int(class_ids.max()) + 1
        weights = class_weights(class_ids, n_classes, power=chosen.weight_power)[class_ids]
        name = model.steps[-1][0]
        return model.fit(rows, class_ids, **{f"{name}__sample_weight": weights})
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{chosen.model} does not take these settings ({error})",
            where="classification.settings",
        ) from error


def validation_figure(bundle: Path, choose_by: str) -> float:
    """What a search compares trials by: a figure of the validation part, from the card."""
    figures = open_bundle(bundle).card.evaluations[0].metrics
    names = ("weighted_f1", "macro_f1") if choose_by == "mean_f1" else (choose_by,)
    values = [figures[name].value for name in names]
    return float(np.mean([0.0 if value is None else value for value in values]))


def _random_rows(statistics: RowStatistics) -> Rows:
    """Seeded rows as the training part might have them; they are no cell's."""
    rng = np.random.default_rng(TEST_SEED)
    drawn = rng.normal(statistics.mean, statistics.std, (4, len(statistics.mean)))
    return drawn.astype(np.float32)
