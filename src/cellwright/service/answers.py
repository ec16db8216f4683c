"""Records of the store as the JSON that clients get."""

from __future__ import annotations

from typing import Any

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card
from cellwright.service.records import ImageState, JobState, Outcome


def job_answer(state: JobState, *, served: bool) -> dict[str, Any]:
    """A job, how far it is, and what it waits for where its model is not ``served``."""
    waits = state.state == "running" and not served
    return {
        "id": state.id,
        "state": state.state,
        "waits_for": f"the model {named_model(state)}, which is not served here" if waits else None,
        "model": state.model,
        "model_sha256": state.model_sha256,
        "options": dict(state.options),
        "created": state.created.isoformat(timespec="seconds") + "Z",
        "n_images": state.n_images,
        "n_done": state.n_done,
        "n_failed": state.n_failed,
    }


def named_model(state: JobState) -> str:
    """The model of a job for a message, by name and content."""
    return f"{state.model!r} with the SHA-256 {state.model_sha256[:12]}…"


def image_answer(image: ImageState) -> dict[str, Any]:
    """One image of a job without its cells.

    ``counts`` are of what counts now, ``summary`` is as the model found it.
    """
    return {
        "position": image.position,
        "name": image.name,
        "sha256": image.sha256,
        "height": image.height,
        "width": image.width,
        "state": image.state,
        "summary": image.summary,
        "problem": image.problem,
        "corrected": image.corrected,
        "counts": image.counts,
    }


def cells_answer(outcome: Outcome) -> dict[str, Any]:
    """One image of a job with the model's cells, and a person's corrections with their areas."""
    return {
        **image_answer(outcome),
        "cells": as_objects(outcome.cells),
        "corrections": outcome.corrections,
        "areas": outcome.areas,
    }


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
