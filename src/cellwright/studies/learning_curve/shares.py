"""Shares of the training images: nested, every class in the smallest, one validation part.

A seed draws one order of the training images, and every share is a beginning of it, so a
curve never falls because other images were drawn. Images are drawn singly, not by group:
the question is what the labels drawn so far are worth, and the validation part holds other
groups anyway.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from cellwright.data.labelled_set import LabelledSet
from cellwright.data.splits import class_counts
from cellwright.errors import DatasetError
from cellwright.learning.config import DataConfig
from cellwright.learning.training_data import Parts, load_parts
from cellwright.studies.labels import Ratios, labels_config
from cellwright.studies.learning_curve.presets import PRESETS
from cellwright.studies.study import Request
from cellwright.studies.viability_yolo.simulated import simulated_config
from cellwright.types import boxes_of

RATIOS: Ratios = {"train": 78.0, "val": 22.0}
"""252 : 72 of the paper; nothing is kept for a test, the validation part is fixed instead."""


def source_of(request: Request) -> DataConfig:
    """The user's labels, or simulated ones."""
    if request.data is not None:
        return labels_config(request.data, ratios=RATIOS)
    return simulated_config(request.out / "data", PRESETS[request.preset].simulation)


@lru_cache(maxsize=1)
def fixed_parts(request: Request) -> Parts:
    """Training and validation part of a request's images, the same for all its cells."""
    return load_parts(source_of(request))


def share_of(parts: Parts, fraction: float, seed: int) -> Parts:
    """Parts whose training part is the first ``fraction`` of the seed's order, rounded down."""
    order = order_of(parts.train, seed)
    kept = order[: max(1, int(fraction * len(order) + 1e-9))]
    train = parts.train.subset(sorted(kept))
    part_of = dict.fromkeys(kept, "train") | {record.id: "val" for record in parts.val}
    whole = replace(parts.whole, records=(*train.records, *parts.val.records))
    return Parts(whole, train, parts.val, None, part_of, parts.leaks)


def order_of(train: LabelledSet, seed: int) -> list[str]:
    """Ids in a random order; the first image of each class is moved to the front."""
    drawn = np.random.default_rng(seed).permutation(len(train))
    records = [train.records[index] for index in drawn]
    held = np.array([class_counts(record, len(train.classes)) > 0 for record in records])
    firsts = [int(column.argmax()) for column in held.T if column.any()]
    front = list(dict.fromkeys(firsts))
    rest = [index for index in range(len(records)) if index not in set(front)]
    return [records[index].id for index in (*front, *rest)]


def box_edges(train: LabelledSet) -> list[float]:
    """Longer side of every labelled box, in image pixels."""
    edges: list[float] = []
    for record in train:
        boxes = boxes_of(record.load_annotation(), where=record.id)
        edges += np.maximum(boxes.widths_px, boxes.heights_px).tolist()
    return edges


def longest_px(train: LabelledSet, *, cell_px: float) -> int:
    """Longer side to draw images at, so that the median cell is ``cell_px`` across.

    Images are never enlarged. The same for every share, from the whole training part.

    Raises:
        DatasetError: there is no box.
    """
    edges = box_edges(train)
    if not edges:
        raise DatasetError("the training part holds no boxes", where=train.name)
    step = max(1, len(train) // 50)
    longest = float(np.median([max(r.load().image.shape[1:]) for r in train.records[::step]]))
    drawn = longest * min(1.0, cell_px / float(np.median(edges)))
    return int(np.clip(round(drawn), 64, 4096))
