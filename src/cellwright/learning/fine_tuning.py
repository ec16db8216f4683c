"""Settings of the training that makes a finished bundle smaller: its own recipe, but shorter.

The network, its loss and its augmentation are those the bundle was trained with, and it begins
with the bundle's weights. What is near a good answer needs fewer epochs and smaller steps: a
third of the epochs and half the rate, unless told otherwise.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellwright.bundles.bundle import Bundle
from cellwright.errors import BundleError, ConfigError, UnknownNameError
from cellwright.learning.config import TrainConfig, checked, load_config
from cellwright.learning.run_record import recipe_of

SHARE_OF_EPOCHS = 3
SHARE_OF_RATE = 2


@dataclass(frozen=True)
class FineTuning:
    """What a training shall make of a bundle.

    Attributes:
        method: row of :data:`SECTIONS`.
        data: the section ``data`` of its settings.
        name: of the new bundle.
        keep: share of the channels that stay, where channels go.
        epochs: how long; None takes a third of the bundle's own training.
        recipe: settings the bundle was trained with; None takes those in its card.
        overrides: ``key=value`` changes of single settings.
    """

    method: str
    data: Mapping[str, Any]
    name: str
    keep: float = 0.5
    epochs: int | None = None
    recipe: Path | None = None
    overrides: tuple[str, ...] = ()


SECTIONS: dict[str, Callable[[FineTuning], dict[str, Any]]] = {
    "magnitude": lambda _plan: {"pruning": {"kind": "magnitude"}},
    "prune": lambda plan: {"pruning": {"kind": "structured", "keep": plan.keep}},
    "qat": lambda _plan: {"quantization": {"kind": "aware"}},
}
"""What each way to make a bundle smaller in training adds to its settings."""


def fine_tuning_config(bundle: Bundle, plan: FineTuning) -> TrainConfig:
    """The settings of the training.

    Raises:
        UnknownNameError: no such method.
        ConfigError: settings that do not fit the bundle, or each other.
        BundleError: its card does not say how it was trained, and no recipe was given.
    """
    if plan.method not in SECTIONS:
        raise UnknownNameError("method", plan.method, SECTIONS)
    raw = _recipe(bundle, plan)
    schedule = dict(raw.get("schedule", {}))
    usual = TrainConfig.model_fields["schedule"].default
    own = {name: schedule.get(name, getattr(usual, name)) for name in _SHORTENED}
    schedule |= {name: own[name] // SHARE_OF_EPOCHS for name in ("epochs", "gentle_epochs")}
    schedule["epochs"] = plan.epochs or max(1, schedule["epochs"])
    schedule["learning_rate"] = own["learning_rate"] / SHARE_OF_RATE
    schedule["warmup_epochs"] = min(1.0, own["warmup_epochs"])
    card = bundle.card
    raw |= {
        "name": plan.name,
        "description": card.description,
        "licence": card.licence,
        "limits": list(card.limits),
        "start_from": str(bundle.path),
        "data": dict(plan.data),
        "schedule": schedule,
        **SECTIONS[plan.method](plan),
    }
    if card.segmentation is not None:
        # They may have been chosen after the training, and both bundles are judged alike.
        raw["views"] = card.segmentation.views
    if card.classification is not None:
        chosen = dict(raw.get("classification", {}))
        # Layers were frozen to begin with other pictures; these weights have seen the right ones.
        # Generated crops would cost a training of their own, and the weights have seen them.
        for section in ("transfer", "generation"):
            chosen.pop(section, None)
        raw["classification"] = {**chosen, "crop_px": list(card.classification.crop_px)}
    return checked(raw, plan.overrides, where=bundle.path)


_SHORTENED = ("epochs", "gentle_epochs", "learning_rate", "warmup_epochs")


def _recipe(bundle: Bundle, plan: FineTuning) -> dict[str, Any]:
    """Sections of the settings that the bundle was trained with."""
    card = bundle.card
    recipe: dict[str, Any] = copy.deepcopy(dict(card.training.recipe))
    if plan.recipe is not None:
        recipe = recipe_of(load_config(plan.recipe))
    if not recipe:
        raise BundleError(
            "its card does not say which network it is and how it was trained",
            where=bundle.path,
            remedy="give the settings it was trained with: --recipe CONFIG.yaml (those of the "
            "models that come with Cellwright lie in the folder zoo of its repository)",
        )
    if recipe["task"] != card.task:
        raise ConfigError(
            f"this recipe trains for {recipe['task']}, but the bundle is for {card.task}",
            where=plan.recipe,
            remedy="give the settings that this bundle was trained with",
        )
    return recipe
