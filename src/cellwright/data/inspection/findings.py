"""What can be wrong with labelled images: a table of kinds, each with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    Attributes:
        title: what is wrong, as a heading.
        severity: ``error`` spoils a result, ``warning`` may, ``note`` is for information.
        remedy: what to do.
    """

    title: str
    severity: Severity
    remedy: str


@dataclass(frozen=True)
class Finding:
    """Something noticed about one image; ``kind`` is a key of :data:`KINDS`."""

    kind: str
    image_id: str
    detail: str


KINDS: dict[str, Kind] = {
    "leak": Kind(
        "The same picture in two parts of the split",
        "error",
        "Move all copies to one part: a score measured across them flatters.",
    ),
    "torn_group": Kind(
        "A group in more than one part of the split",
        "error",
        "Split by group: cells of one well or patient resemble each other.",
    ),
    "contradiction": Kind(
        "The same picture with different labels",
        "error",
        "Keep the right labels and remove the other copy.",
    ),
    "nothing_labelled": Kind(
        "No label holds anything",
        "error",
        "Nothing can be learned: look for the labels, or whether they were exported empty.",
    ),
    "unreadable_image": Kind(
        "Image that cannot be read", "error", "Export it again, or remove it from the set."
    ),
    "unreadable_labels": Kind(
        "Labels that cannot be read", "error", "Correct the label file at the place named."
    ),
    "unknown_class": Kind(
        "Label of a class without a name",
        "error",
        "Add the class name, or correct the number in the label file.",
    ),
    "wrong_size": Kind(
        "Label image of another size than its image",
        "error",
        "Export the labels at full resolution, without scaling.",
    ),
    "blank_image": Kind(
        "Image of one single value",
        "warning",
        "Nothing can be seen in it: export it again, or remove it from the set.",
    ),
    "unlabelled": Kind(
        "Image without labels",
        "warning",
        "Label it or remove it; if it shows no cells, give it an empty label file.",
    ),
    "box_outside": Kind(
        "Box that reaches beyond its image", "warning", "Check whether it belongs to this image."
    ),
    "zero_size_box": Kind("Box without area", "warning", "Remove it or draw it again."),
    "doubled_box": Kind(
        "Two boxes of one class on the same place",
        "warning",
        "Remove one of them: it would be counted as a missed cell.",
    ),
    "copies": Kind(
        "Near-copies of a picture",
        "warning",
        "Give all copies the same group, so that a split keeps them together. Where images only "
        "share a fixed structure (well rims, a chamber): `data split --copies equal`.",
    ),
    "looks_like_another": Kind(
        "Image that looks like another class",
        "note",
        "Look at it; `cellwright data audit` asks a model that did not learn from it.",
    ),
    "outlier": Kind(
        "Image unlike the others of its class",
        "note",
        "Look at it: another stain, a wrong focus, or no smear at all?",
    ),
    "no_cells": Kind(
        "Labels that say there are no cells",
        "note",
        "Nothing, if the image shows none; else label it.",
    ),
    "repaired": Kind(
        "Repaired while reading", "note", "Correct the label file to make this line disappear."
    ),
}
