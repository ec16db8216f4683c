"""What the label audit finds: on the test parts of the zoo's sets, and of errors planted there.

    python benchmarks/label_audit.py

Two measurements on images that the model did not learn from. First the audit as it is: how
many suspects of each kind, and the model's figures with all labels, without the cells that
lack a label, and without all suspects. Then, for the detector, errors are planted into the
labels, one image at a time: a label is removed, doubled, moved by half its width, given
another class, or drawn where no label lies; the share that comes back as a suspect of that
kind is the recall. Other suspects are no false alarms: the labels have flaws of their own.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.audit.audit import Audit, AuditSettings, audit_labels
from cellwright.audit.compare import Compared, compare_boxes
from cellwright.audit.folds import Fold
from cellwright.audit.judged import JudgedBoxes
from cellwright.audit.objects import find_suspects
from cellwright.audit.report import MAIN_FIGURES
from cellwright.audit.suspects import KINDS, Kind, Suspect, count_kinds
from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.zoo import ZOO
from cellwright.data.datasets import load_dataset
from cellwright.data.splits import part, read_split
from cellwright.metrics.intervals import wilson
from cellwright.metrics.matching import iou_matrix
from cellwright.types import Boxes
from record import write_results

SPLITS = Path(__file__).parent.parent / "zoo" / "splits"
SETS = {
    "blood-cells": "bccd_blood_cells",
    "live-dead": "livedead_labelfree",
    "hela-dic": "hela_dic",
    "hela-dic-half-int8": "hela_dic",
}
SPLIT_OF = {
    "bccd_blood_cells": "blood-cells",
    "livedead_labelfree": "live-dead",
    "hela_dic": "hela-dic",
}
SEED, ROUNDS = 0, 4


def main() -> None:
    """Audit, plant, and write results/label_audit.json."""
    content = {}
    for model, data in SETS.items():
        if model in ZOO:
            found = audit(model, data)
            content[model] = {"data": data, **described(found)}
            if found.rule is not None:
                content[model]["planted"] = planted(found)
    path = write_results("label_audit", content)
    print(json.dumps(json.loads(path.read_text()), indent=2))


def audit(model: str, data: str) -> Audit:
    """The test part, judged by the model that ships."""
    split = SPLITS / f"{SPLIT_OF[data]}.csv"
    whole = load_dataset(data)
    test = part(whole, read_split(split), "test")
    settings = AuditSettings(runtime="onnxruntime")
    return audit_labels([Fold(open_bundle(model), split)], whole, test, settings=settings)


def described(found: Audit) -> dict[str, object]:
    """Counts, limits and the main figures, three ways."""
    missing = [one for one in found.suspects if one.kind == "missing"]
    reports = {
        "all_labels": found.report(),
        "without_missing": found.report(without=missing),
        "without_suspects": found.report(without=found.suspects),
    }
    return {
        "n_images": len(found.judged),
        "n_labels": sum(one.n_labels for one in found.judged),
        "suspects": count_kinds(found.suspects),
        "limits": {"cell": found.limits.cell, "none": found.limits.none} if found.rule else None,
        "figures": {
            way: {name: report.metrics[name].to_json() for name in MAIN_FIGURES[found.card.task]}
            for way, report in reports.items()
        },
    }


def planted(found: Audit) -> dict[str, object]:
    """Recall of each kind over every image and :data:`ROUNDS` rounds, one error at a time."""
    rng = np.random.default_rng(SEED)
    hits, tried = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    for one in (one for one in found.judged if isinstance(one, JudgedBoxes)):
        for kind in KINDS:
            for _ in range(ROUNDS):
                spoiled = plant(one.compared, kind, rng)
                if spoiled is None:
                    continue
                labels, place = spoiled
                tried[kind] += 1
                hits[kind] += any(
                    suspect.kind == kind and on(suspect, place)
                    for suspect in find_suspects(again(one.compared, labels), found.limits)
                )
    return {kind: wilson(hits[kind], tried[kind]).to_json() for kind in KINDS}


def again(one: Compared, labels: Boxes) -> Compared:
    """The same prediction beside other labels."""
    return compare_boxes(one.image, one.classes, labels, one.found, counted=one.counted)


def plant(
    one: Compared, kind: Kind, rng: np.random.Generator
) -> tuple[Boxes, NDArray[np.float64]] | None:
    """Labels with one error, and the box that it is about; None where there is no room."""
    xyxy, class_ids = one.labels.xyxy.astype(float), one.labels.class_ids.copy()
    if not len(xyxy):
        return None
    row = int(rng.integers(len(xyxy)))
    place = xyxy[row].copy()
    if kind == "missing":
        return one.labels.select(np.arange(len(xyxy)) != row), place
    if kind == "wrong class":
        class_ids[row] = (class_ids[row] + rng.integers(1, len(one.classes))) % len(one.classes)
    elif kind == "misplaced":
        along = rng.permutation([1, 0]) * rng.choice([-0.5, 0.5])
        xyxy[row] += np.tile(along * (place[2:] - place[:2]), 2)
        place = xyxy[row]
    else:
        new = place + rng.normal(0, 0.03, 4) * (place[2:] - place[:2]).mean()
        if kind == "spurious":
            new = empty_place(one, place, rng)
            if new is None:
                return None
        xyxy = np.concatenate([xyxy, new[None]])
        class_ids = np.append(class_ids, class_ids[row])
        place = new
    return Boxes(xyxy, class_ids), place


def empty_place(
    one: Compared, like: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64] | None:
    """A box of the size of ``like`` that overlaps no label and no counted cell."""
    taken = np.concatenate([one.labels.xyxy, one.found.xyxy[one.counted]])
    for _ in range(200):
        corner = rng.uniform(0, taken.max(axis=0)[2:])
        new = np.concatenate([corner, corner + like[2:] - like[:2]])
        if iou_matrix(new[None], taken).max() < 0.05:
            return new
    return None


def on(suspect: Suspect, place: NDArray[np.float64]) -> bool:
    """Whether a suspect is about the planted box (a doubled one: or about its twin)."""
    return bool(iou_matrix(np.array([suspect.corners]), place[None])[0, 0] >= 0.5)


if __name__ == "__main__":
    main()
