"""Tables of the models that ship, from their cards."""

from __future__ import annotations

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.card import Card, Evaluation
from cellwright.bundles.zoo import ZOO
from table_text import FIGURES, figure, table

CELL_FIGURES = {
    "matched50": "matched at IoU 0.5",
    "matched50_95": "matched at 0.5:0.95",
    "pq": "panoptic quality",
    "pixel_f1": "F1 of pixels",
    "pixel_jaccard": "Jaccard of pixels",
}
CROP_FIGURES = {
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "ece": "calibration error",
}


def tested(card: Card) -> Evaluation:
    """The evaluation on the test part."""
    return next(e for e in card.evaluations if "test part" in e.data)


def zoo() -> str:
    """One row a model of the zoo that finds boxes."""
    return zoo_of("detection", FIGURES)


def zoo_cells() -> str:
    """One row a model of the zoo that cuts out cells."""
    return zoo_of("instances", CELL_FIGURES)


def zoo_crops() -> str:
    """One row a model of the zoo that says what a crop shows."""
    return zoo_of("classification", CROP_FIGURES)


def zoo_of(task: str, names: dict[str, str]) -> str:
    """Figures of the test part of every model of one task; count errors where cells are counted."""
    rows = []
    last: dict[str, str] = {}
    for name in sorted(ZOO):
        card = open_bundle(name).card
        if card.task != task:
            continue
        evaluation = tested(card)
        figures = [figure(evaluation.metrics[key]) for key in names]
        if "count_mae" in evaluation.metrics:
            last = {"count_mae": "count error an image"}
            figures.append(figure(evaluation.metrics["count_mae"], digits=2))
        data = evaluation.data.removesuffix(", test part")
        rows.append([f"`{name}`", data, str(evaluation.n_images), *figures])
    return table(["model", "test part of", "images", *names.values(), *last.values()], rows)


def zoo_classes() -> str:
    """How each bundle of the zoo was made and, of those that find boxes, one row a class."""
    parts = []
    for name in sorted(ZOO):
        card = open_bundle(name).card
        training = card.training
        parts.append(
            f"**{name}**: {training.n_images} training images, {training.epochs} epochs, seed "
            f"{training.seed}, commit {training.commit}, {training.machine}; data "
            f"{training.data}, checksum `{training.data_checksum[:16]}…`"
        )
        if card.task == "detection":
            rows = [
                [kind, str(values["recall"].n), *(figure(values[key]) for key in FIGURES)]
                for kind, values in tested(card).per_class.items()
            ]
            parts.append(table(["class", "cells", *FIGURES.values()], rows))
    return "\n\n".join(parts)
