"""Which recipe teaches a classifier: that of networks or that of models on measurements."""

from __future__ import annotations

from pathlib import Path

from cellwright.errors import ConfigError, UnknownNameError
from cellwright.learning.classical import begin_classical, train_classical
from cellwright.learning.classical_models import CLASSICAL
from cellwright.learning.classification import begin_classifier, train_classifier
from cellwright.learning.config import TrainConfig
from cellwright.learning.run_record import TrainingResult
from cellwright.learning.trainer import Watch
from cellwright.learning.training_data import Parts
from cellwright.models import CLASSIFIERS


def begin_classes(config: TrainConfig, run_dir: Path) -> None:
    """Refuse what can be refused before any image is read.

    Raises:
        UnknownNameError: no such model, or another name that its recipe does not know.
        ConfigError: the folder holds another run, or settings that contradict each other.
    """
    chosen = config.classification
    if chosen.model in CLASSICAL:
        if config.pruning or config.quantization:
            raise ConfigError(
                f"{chosen.model} is no network: it has no weights to prune or to round",
                where="classification.model",
                remedy=f"leave pruning and quantization out, or choose: {', '.join(CLASSIFIERS)}",
            )
        begin_classical(config, run_dir)
        return
    if chosen.model not in CLASSIFIERS:
        raise UnknownNameError("classification model", chosen.model, [*CLASSIFIERS, *CLASSICAL])
    if chosen.features is not None:
        raise ConfigError(
            f"{chosen.model} learns from pixels, so this says nothing",
            where="classification.features",
            remedy=f"leave it out, or choose one of: {', '.join(CLASSICAL)}",
        )
    begin_classifier(config, run_dir)


def train_classes(
    parts: Parts,
    config: TrainConfig,
    run_dir: Path,
    *,
    command: str = "",
    watch: Watch | None = None,
) -> TrainingResult:
    """Train, calibrate, evaluate, write the bundle and a page about it.

    The run was begun (:func:`begin_classes`). ``watch`` is told of every epoch of a network.

    Raises:
        DatasetError: a class without images to learn from, or images that do not fit together.
        AnnotationError: labels that are no class of a whole image.
    """
    if config.classification.model in CLASSICAL:
        return train_classical(parts, config, run_dir, command=command)
    return train_classifier(parts, config, run_dir, command=command, watch=watch)
