"""A trial as a training: the config with the trial's settings, told of after every epoch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from cellwright.detectors import DETECTORS
from cellwright.errors import ConfigError
from cellwright.learning.classical import validation_figure
from cellwright.learning.classical_models import CLASSICAL
from cellwright.learning.config import TrainConfig, load_config
from cellwright.learning.train import train
from cellwright.tuning.space import overrides
from cellwright.tuning.worker import Measure, Search, Tell


def check_tunable(settings: TrainConfig) -> None:
    """Refuse a network whose training tells nothing of its epochs.

    Raises:
        ConfigError: as said.
    """
    detector = DETECTORS.get(settings.detector.name)
    silent = settings.detector.name if detector is None or not detector.ours else ""
    if settings.task != "detection":
        silent = ""
    if settings.task == "classification" and settings.classification.members > 1:
        raise ConfigError(
            "several networks are trained one after the other, so no epoch of theirs is the best",
            where="classification.members",
            remedy="tune one, and train several with what was found",
        )
    if silent:
        raise ConfigError(
            f"{silent} does not tell how good an epoch is, so it cannot be tuned",
            remedy="tune cell-detector, or a model for masks, cells or classes",
        )


def as_trainings(config: Path, changes: Sequence[str], *, command: str) -> Measure:
    """What a trial does: train with its settings; the bundle stays in the trial's folder."""

    def measure(params: Mapping[str, Any], folder: Path, tell: Tell) -> None:
        settings = load_config(config, (*changes, *overrides(params)))

        def watch(epoch: int, value: float, network: nn.Module) -> None:  # noqa: ARG001
            tell(epoch, value)

        result = train(settings, folder, command=command, watch=watch)
        if settings.task == "classification" and settings.classification.model in CLASSICAL:
            tell(0, validation_figure(result.bundle, settings.classification.choose_by))

    return measure


def fingerprint(settings: TrainConfig, search: Search) -> str:
    """The same for two workers exactly if they search the same.

    Args:
        settings: the config with an example of the space.
        search: ranges, sampler, pruner and seed; the number of trials may grow.
    """
    content = {
        "config": settings.model_dump(mode="json"),
        "space": {name: repr(one) for name, one in search.space.items()},
        "search": [search.sampler, search.pruner, search.seed],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
