"""Records of the store as the JSON that clients get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card
from cellwright.service.records import JobState, Outcome


def job_answer(state: JobState) -> dict[str, Any]:
    """A job and how far it is."""
    return {
        "id": state.id,
        "state": state.state,
        "model": state.model,
        "options": dict(state.options),
        "created": state.created.isoformat(timespec="seconds") + "Z",
        "n_images": state.n_images,
        "n_done": state.n_done,
        "n_failed": state.n_failed,
    }


def image_answer(outcome: Outcome, classes: Sequence[str]) -> dict[str, Any]:
    """One image of a job without its cells; ``counts`` are of what counts now."""
    return {
        "position": outcome.position,
        "name": outcome.name,
        "sha256": outcome.sha256,
        "height": outcome.height,
        "width": outcome.width,
        "state": outcome.state,
        "summary": outcome.summary,
        "problem": outcome.problem,
        "corrected": outcome.corrections is not None,
        "counts": class_counts(outcome, classes),
    }


def cells_answer(outcome: Outcome, classes: Sequence[str]) -> dict[str, Any]:
    """One image of a job with its cells and corrections."""
    return {
        **image_answer(outcome, classes),
        "cells": as_objects(outcome.cells),
        "corrections": outcome.corrections,
    }


def class_counts(outcome: Outcome, classes: Sequence[str]) -> dict[str, int] | None:
    """Cells of each class, a person's where there are such; None of an image without result."""
    if outcome.corrections is not None:
        names = [cell["class"] for cell in outcome.corrections]
        return {name: names.count(name) for name in classes}
    if outcome.summary is None:
        return None
    return {name: int(outcome.summary[f"n_{name}"]) for name in classes}


def as_objects(cells: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of a table of cells as objects by column."""
    if cells is None:
        return []
    return [dict(zip(cells["columns"], row, strict=True)) for row in cells["rows"]]


def model_answer(bundle: Bundle) -> dict[str, Any]:
    """What a client should know of a model."""
    card = bundle.card
    return {
        "name": card.name,
        "task": card.task,
        "classes": list(card.classes),
        "description": card.description,
        "licence": card.licence,
        "intended_use": card.intended_use,
        "limits": list(card.limits),
        "sha256": bundle.sha256,
        "thresholds": _thresholds(card),
        "input": card.input.model_dump(include={"channels", "channel_names", "pixel_size_um"}),
        "training": card.training.model_dump(include={"data", "data_licence", "n_images"}),
        "evaluations": [
            evaluation.model_dump(mode="json", exclude={"per_class"})
            for evaluation in card.evaluations
        ],
    }


def _thresholds(card: Card) -> list[float] | None:
    return None if card.decoding is None else list(card.decoding.thresholds(len(card.classes)))
