"""A card that contradicts itself is refused when it is made."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cellwright.bundles.card import Card, GraphEntry, InputSpec, TrainingRecord
from cellwright.bundles.class_probabilities import ClassProbabilities
from cellwright.bundles.mask_output import DistanceInstances, SemanticMasks


def card(**fields: Any) -> Card:
    graph = GraphEntry(file="graphs/net.onnx", sha256="0" * 64)
    return Card(
        **{
            "name": "net",
            "classes": ("cell",),
            "licence": "Apache-2.0",
            "input": InputSpec(channels=1),
            "training": TrainingRecord(data="none", n_images=0),
            "graphs": (graph,),
        }
        | fields
    )


@pytest.mark.parametrize(
    ("task", "segmentation"),
    [
        ("semantic", None),
        ("semantic", DistanceInstances()),
        ("instances", SemanticMasks()),
        ("instances", None),
        ("classification", SemanticMasks()),
    ],
)
def test_segmentation_must_fit_the_task(task: str, segmentation: object) -> None:
    with pytest.raises(ValidationError, match="segmentation"):
        card(task=task, segmentation=segmentation)


@pytest.mark.parametrize(
    ("task", "segmentation"),
    [
        ("semantic", SemanticMasks(thresholds=(0.4,), minimum_area_px=20)),
        ("instances", DistanceInstances(seed_threshold=0.6)),
    ],
)
def test_a_card_survives_its_json(task: str, segmentation: object) -> None:
    made = card(task=task, segmentation=segmentation)
    assert Card.model_validate_json(made.model_dump_json()) == made


def test_thresholds_are_one_a_class() -> None:
    with pytest.raises(ValidationError, match="2 thresholds for 1 classes"):
        card(task="semantic", segmentation=SemanticMasks(thresholds=(0.4, 0.5)))
    assert SemanticMasks().class_thresholds(2) == (0.5, 0.5)


def test_softmax_takes_no_thresholds() -> None:
    with pytest.raises(ValidationError, match="softmax"):
        SemanticMasks(activation="softmax", thresholds=(0.5,))


@pytest.mark.parametrize(
    ("segmentation", "n_classes", "channels"),
    [
        (SemanticMasks(), 1, 1),
        (SemanticMasks(activation="softmax"), 3, 4),
        (DistanceInstances(), 1, 2),
        (DistanceInstances(), 3, 5),
    ],
)
def test_channels(
    segmentation: SemanticMasks | DistanceInstances, n_classes: int, channels: int
) -> None:
    assert segmentation.channels(n_classes) == channels


def test_classification_must_fit_the_task() -> None:
    spec = ClassProbabilities(crop_px=(40, 40), views=8, temperature=1.3)
    made = card(task="classification", classification=spec)
    assert Card.model_validate_json(made.model_dump_json()).classification == spec
    with pytest.raises(ValidationError, match="needs classification"):
        card(task="classification")
    with pytest.raises(ValidationError, match="does not go with"):
        card(task="semantic", segmentation=SemanticMasks(), classification=spec)
    with pytest.raises(ValidationError, match="square"):
        ClassProbabilities(crop_px=(40, 41), views=8)


def test_a_training_that_brought_nothing_says_what_ships_instead() -> None:
    idle = TrainingRecord(data="d", n_images=1, started_from="parent", shipped_epochs=(0,))
    cut = idle.model_copy(update={"pruning": {"kind": "structured"}})
    assert "those of parent; no later epoch" in idle.improved_nothing()
    assert "those of parent without the channels that were cut;" in cut.improved_nothing()
    assert not idle.model_copy(update={"shipped_epochs": (4,)}).improved_nothing()


def test_a_card_warns_of_thresholds_of_one_member_until_they_are_chosen() -> None:
    joined = TrainingRecord(data="d", n_images=1, joined=("a (0123)", "b (4567)"))
    settled = joined.model_copy(update={"settled": "cellwright models settle …"})
    task = {"task": "semantic", "segmentation": SemanticMasks(), "limits": ("one",)}
    first, second = card(training=joined, **task).cautions
    assert first == "one" and "those of a (0123)" in second
    assert card(training=settled, **task).cautions == ("one",)
