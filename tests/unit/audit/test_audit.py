"""Planted errors in drawn pictures, judged by models that run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from blob_model import discs, write_blob_model
from cellwright.audit.audit import Audit, AuditSettings, audit_labels, levelled, probabilities_of
from cellwright.audit.folds import Fold
from cellwright.audit.suspects import count_kinds
from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, BundleError, DatasetError
from cellwright.images.write import write_png
from cellwright.inference.evaluate import evaluate_bundle
from cellwright.types import Annotation, Boxes, Category, Instances, SemanticMask
from ink_cells import draw_ink, scattered_discs, write_ink_bundle

SIZE = (160, 200)
SETTINGS = AuditSettings(threads=1, runtime="onnxruntime")


def _given(annotation: Annotation | None) -> Annotation | None:
    return annotation


def relabelled(labelled: LabelledSet, annotations: dict[str, Annotation | None]) -> LabelledSet:
    records = tuple(
        Record(one.id, one.image_path, partial(_given, annotations[one.id]), one.group)
        for one in labelled
    )
    return LabelledSet(labelled.name, labelled.classes, records)


def audited(bundle: Path | Bundle, labelled: LabelledSet) -> Audit:
    opened = bundle if isinstance(bundle, Bundle) else open_bundle(bundle)
    return audit_labels([Fold(opened)], labelled, labelled, settings=SETTINGS)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blob_model(tmp_path_factory.mktemp("bundle") / "blobs.cellwright")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> LabelledSet:
    return discs(tmp_path_factory.mktemp("blobs"), n_images=8)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> LabelledSet:
    """Touching discs, labelled as instances."""
    folder = tmp_path_factory.mktemp("ink")
    records = []
    for seed in range(4):
        cells = scattered_discs(20, SIZE, seed=seed)
        path = folder / f"ink{seed}.png"
        write_png(path, draw_ink(cells))
        records.append(Record(path.stem, path, partial(_given, cells), group=path.stem))
    return LabelledSet("ink", ("cell",), tuple(records))


def test_a_detector_finds_labels_that_were_taken_away_and_added(
    blobs: Path, pictures: LabelledSet
) -> None:
    """In each of 8 images: one label gone, one doubled, one beside its cell, one on nothing."""
    changed: dict[str, Annotation | None] = {}
    for record in pictures:
        boxes = record.load_annotation()
        assert isinstance(boxes, Boxes)
        xyxy = boxes.xyxy.copy()
        xyxy[2] += np.array([9, 0, 9, 0], np.float32)
        ghost = np.array([[0, 0, 6, 6]], np.float32)
        xyxy = np.concatenate([xyxy[1:], xyxy[1:2] + 1, ghost])
        changed[record.id] = Boxes(xyxy, np.zeros(len(xyxy), int))
    found = audited(blobs, relabelled(pictures, changed))
    counts = count_kinds(found.suspects)
    assert counts["missing"] >= 7
    assert counts["doubled"] >= 7
    assert counts["misplaced"] >= 6
    assert counts["spurious"] >= 8
    assert len(found.suspects) <= 40
    assert found.scores == "bare"


def test_right_labels_give_next_to_no_suspects(blobs: Path, pictures: LabelledSet) -> None:
    found = audited(blobs, pictures)
    assert sum(one.n_labels for one in found.judged) == 48
    assert len(found.suspects) <= 2


def test_figures_with_all_labels_are_those_of_evaluate(blobs: Path, pictures: LabelledSet) -> None:
    found = audited(blobs, pictures)
    report = evaluate_bundle(open_bundle(blobs), pictures, runtime="onnxruntime", threads=1)
    for name, figure in found.report().metrics.items():
        assert figure == report.metrics[name]


def test_of_a_mask_whole_cells_without_label_are_found(drawn: LabelledSet, tmp_path: Path) -> None:
    """Two cells of 20 lack a label, and one label is on nothing; the masks' rims are rough."""
    bundle = write_ink_bundle(tmp_path / "mask.cellwright", "mask")
    changed: dict[str, Annotation | None] = {}
    gone: dict[str, np.ndarray] = {}
    for record in drawn:
        cells = record.load_annotation()
        assert isinstance(cells, Instances)
        areas = np.bincount(cells.labels.ravel())[1:]
        unlabelled = np.argsort(areas)[-2:] + 1
        gone[record.id] = np.isin(cells.labels, unlabelled)
        mask = ((cells.labels > 0) & ~gone[record.id]).astype(np.uint8)
        changed[record.id] = SemanticMask(mask)
    masks = relabelled(drawn, changed)
    masks = LabelledSet(masks.name, ("background", "cell"), masks.records)
    found = audited(bundle, masks)
    assert {one.kind for one in found.suspects} == {"missing"}
    for name, wanted in gone.items():
        painted = np.zeros(SIZE, bool)
        for one in found.suspects:
            if one.image == name and one.region is not None:
                painted[one.region.window] |= one.region.pixels
        assert (painted & wanted).sum() / wanted.sum() > 0.9
        assert (painted & wanted).sum() / painted.sum() > 0.9
    every, rest = found.report(), found.report(without=found.suspects)
    assert every.metrics["precision"].value < 0.9
    assert rest.metrics["precision"].value > 0.99
    assert rest.metrics["recall"].value == pytest.approx(every.metrics["recall"].value, abs=0.01)


def test_of_instances_missing_and_spurious_ones_are_found(
    drawn: LabelledSet, tmp_path: Path
) -> None:
    bundle = write_ink_bundle(tmp_path / "cells.cellwright")
    clean = audited(bundle, drawn)
    changed: dict[str, Annotation | None] = {}
    for record in drawn:
        cells = record.load_annotation()
        assert isinstance(cells, Instances)
        largest = int(np.bincount(cells.labels.ravel())[1:].argmax()) + 1
        labels = np.where(cells.labels == largest, 0, cells.labels)
        labels[_empty_place(cells.labels)] = 99
        changed[record.id] = Instances.from_labels(labels)
    found = audited(bundle, relabelled(drawn, changed))
    before, after = count_kinds(clean.suspects), count_kinds(found.suspects)
    assert after["missing"] - before["missing"] == 4
    assert after["spurious"] - before["spurious"] == 4
    assert after["doubled"] == before["doubled"]


def _empty_place(labels: np.ndarray) -> tuple[slice, slice]:
    """A square of 9 px that touches no cell."""
    for y in range(0, labels.shape[0] - 9, 3):
        for x in range(0, labels.shape[1] - 9, 3):
            window = (slice(y, y + 9), slice(x, x + 9))
            if not labels[window].any():
                return window
    raise AssertionError("the picture is full")


def test_several_models_share_the_images_and_are_named_apart(
    blobs: Path, pictures: LabelledSet, tmp_path: Path
) -> None:
    folds = []
    for number in range(2):
        path = tmp_path / f"{number}.csv"
        rows = [
            f"{one.id},{one.group},{'test' if index % 2 == number else 'train'}"
            for index, one in enumerate(pictures)
        ]
        path.write_text("\n".join(["id,group,part", *rows]))
        folds.append(Fold(open_bundle(blobs), path))
    found = audit_labels(folds, pictures, pictures, settings=SETTINGS)
    models = {one.origin.image: one.origin.model for one in found.judged}
    assert [models[one.id] for one in pictures] == ["blobs #1", "blobs #2"] * 4
    assert found.report().n_images == 8


def test_levelled_scores_keep_their_order_and_meet_the_common_threshold() -> None:
    scores = np.linspace(0, 1, 41, dtype=np.float32)
    boxes = Boxes(np.tile([0, 0, 1, 1], (41, 1)), np.zeros(41, int), scores)
    moved = levelled(boxes, (0.3,), (0.6,))
    assert moved.scores is not None
    assert (np.diff(moved.scores) > 0).all()
    np.testing.assert_array_equal(moved.scores >= 0.6, scores >= 0.3)
    assert levelled(boxes, (0.3,), (0.3,)) is boxes


def test_a_calibrated_score_is_a_probability(calibrated_dots: Bundle) -> None:
    boxes = Boxes(np.zeros((2, 4)), np.array([0, 1]), np.array([0.7, 0.9]))
    np.testing.assert_allclose(probabilities_of(calibrated_dots.card, boxes), [0.5, 1.0], atol=1e-6)


def test_images_without_labels_are_named(blobs: Path, pictures: LabelledSet) -> None:
    names = [one.id for one in pictures]
    changed = {one.id: one.load_annotation() for one in pictures} | {names[0]: None}
    found = audited(blobs, relabelled(pictures, changed))
    assert found.unlabelled == (names[0],)
    with pytest.raises(DatasetError, match="none of the images is labelled"):
        audited(blobs, relabelled(pictures, dict.fromkeys(names)))


def test_labels_of_another_task_are_refused(
    blobs: Path, pictures: LabelledSet, tmp_path: Path
) -> None:
    classes = relabelled(pictures, {one.id: Category(0) for one in pictures})
    with pytest.raises(AnnotationError, match="a detector needs boxes"):
        audited(blobs, classes)
    with pytest.raises(
        AnnotationError,
        match="judged by masks or single cells, and this image is labelled with boxes",
    ):
        audited(write_ink_bundle(tmp_path / "mask.cellwright", "mask"), pictures)


def test_a_class_that_the_model_does_not_know_is_refused(
    blobs: Path, pictures: LabelledSet
) -> None:
    other = LabelledSet(pictures.name, ("square",), pictures.records)
    with pytest.raises(DatasetError, match="'square', which the model does not know"):
        audited(blobs, other)


def test_a_model_that_classifies_is_refused(blobs: Path, pictures: LabelledSet) -> None:
    bundle = open_bundle(blobs)
    update = {"task": "classification", "decoding": None}
    with pytest.raises(BundleError, match="classification"):
        audited(Bundle(bundle.path, bundle.card.model_copy(update=update)), pictures)
