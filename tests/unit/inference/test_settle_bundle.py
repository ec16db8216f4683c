"""Thresholds of a bundle chosen anew: the card follows the labels, the graph stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blob_model import discs, write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.card import Evaluation
from cellwright.bundles.mask_output import DistanceInstances
from cellwright.bundles.sessions import Batch, OnnxRuntimeSession
from cellwright.data.formats import read_labelled
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import ConfigError, DatasetError
from cellwright.images.write import write_labels, write_png
from cellwright.inference import segmentation_thresholds
from cellwright.inference.evaluation import evaluate
from cellwright.inference.settle_bundle import SettleJob, settle_bundle
from dark_model import dark_bundle
from ink_cells import draw_ink, scattered_discs, write_ink_bundle

WRONG = DistanceInstances(foreground_threshold=0.95, seed_threshold=0.9)
"""With these the drawn cells are not found."""


def labelled(folder: Path, n_images: int = 10) -> LabelledSet:
    for index in range(n_images):
        cells = scattered_discs(5, (60, 80), seed=index)
        write_png(folder / "images" / f"{index}.png", draw_ink(cells))
        write_labels(folder / "instances" / f"{index}.png", cells.labels)
    return read_labelled(folder)


def test_thresholds_follow_the_labels_and_the_graph_stays(tmp_path: Path) -> None:
    bundle = open_bundle(write_ink_bundle(tmp_path / "wrong.cellwright", segmentation=WRONG))
    drawn = labelled(tmp_path / "drawn")
    job = SettleJob(drawn, "drawn", reported={"again": drawn}, views=4, command="as typed")
    card = settle_bundle(bundle, job, out=tmp_path / "right.cellwright").card
    assert card.name == "right"
    assert card.segmentation is not None and card.segmentation.views == 4
    assert card.training.settled == "as typed"
    assert [one.data for one in card.evaluations] == ["drawn", "again"]
    for one in card.evaluations:
        assert one.n_images == 10
        assert (one.metrics["matched50"].value or 0) > 0.95
    again = open_bundle(tmp_path / "right.cellwright")
    assert again.graph() == bundle.graph()
    assert all(np.array_equal(again.tests[name], one) for name, one in bundle.tests.items())


def test_views_stay_where_none_are_asked_for(tmp_path: Path) -> None:
    two = WRONG.model_copy(update={"views": 2})
    bundle = open_bundle(write_ink_bundle(tmp_path / "two.cellwright", segmentation=two))
    job = SettleJob(labelled(tmp_path / "drawn"), "drawn", reported={})
    card = settle_bundle(bundle, job, out=tmp_path / "out.cellwright").card
    assert card.segmentation is not None and card.segmentation.views == 2


def test_boxes_are_settled_with_the_calibration_of_their_counts(tmp_path: Path) -> None:
    bundle = open_bundle(write_blob_model(tmp_path / "blobs.cellwright"))
    drawn = discs(tmp_path / "drawn", n_images=12)
    job = SettleJob(drawn, "drawn", reported={}, views=2, command="as typed")
    card = settle_bundle(bundle, job, out=tmp_path / "new.cellwright").card
    assert card.decoding is not None and card.decoding.views == 2
    assert card.decoding.class_thresholds
    assert card.calibration is not None and card.calibration.n_images == 12
    assert (card.evaluations[0].metrics["f1"].value or 0) > 0.9


def test_classes_are_settled_by_their_temperature(tmp_path: Path) -> None:
    bundle = dark_bundle(tmp_path / "dark.cellwright", temperature=50.0)
    write_smears(tmp_path / "smears")
    smears = read_labelled(tmp_path / "smears")
    job = SettleJob(smears, "smears", reported={"again": smears}, views=8)
    card = settle_bundle(bundle, job, out=tmp_path / "new.cellwright").card
    assert card.classification is not None
    assert card.classification.views == 8
    assert card.classification.temperature != 50.0
    assert card.classification.unlike is None
    assert (card.evaluations[1].metrics["accuracy"].value or 0) == 1.0


@pytest.mark.parametrize("task", ["boxes", "cells", "classes"])
def test_the_images_that_are_chosen_by_are_predicted_once(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if task == "boxes":
        bundle = open_bundle(write_blob_model(tmp_path / "blobs.cellwright"))
        drawn = discs(tmp_path / "drawn", n_images=12)
    elif task == "cells":
        bundle = open_bundle(write_ink_bundle(tmp_path / "wrong.cellwright", segmentation=WRONG))
        drawn = labelled(tmp_path / "drawn")
        monkeypatch.setattr(segmentation_thresholds, "LOOKED_AT", 5)  # every other image
    else:
        bundle = dark_bundle(tmp_path / "dark.cellwright", temperature=50.0)
        write_smears(tmp_path / "smears")
        drawn = read_labelled(tmp_path / "smears")
    fed = count_fed(monkeypatch)
    job = SettleJob(drawn, "drawn", reported={}, runtime="onnxruntime")
    settled = settle_bundle(bundle, job, out=tmp_path / "new.cellwright")
    settling, fed[:] = sum(fed), []
    expected = Evaluation.of(evaluate(settled, drawn, runtime="onnxruntime"), "drawn")
    assert settling == sum(fed) > 0
    assert settled.card.evaluations == (expected,)


def count_fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Images in each batch that a network is given from now on."""
    fed: list[int] = []
    run = OnnxRuntimeSession.run

    def counted(session: OnnxRuntimeSession, batch: Batch) -> dict[str, Batch]:
        fed.append(len(batch))
        return run(session, batch)

    monkeypatch.setattr(OnnxRuntimeSession, "run", counted)
    return fed


def write_smears(folder: Path) -> None:
    """Six pale and six dark pictures in the layout of a folder a class."""
    rng = np.random.default_rng(0)
    for name, brightness in (("normal", 220), ("blast", 20)):
        for index in range(6):
            pixels = rng.integers(brightness - 20, brightness + 20, (3, 48, 48))
            write_png(folder / name / f"{name}{index}.png", pixels.astype(np.uint8))
    (folder / "classes.txt").write_text("normal\nblast\n")


def test_what_cannot_be_settled_is_refused(tmp_path: Path) -> None:
    few = labelled(tmp_path / "few", n_images=3)
    enough = labelled(tmp_path / "enough")
    cells = open_bundle(write_ink_bundle(tmp_path / "cells.cellwright"))
    out = tmp_path / "out.cellwright"
    with pytest.raises(DatasetError, match="3 images are too few"):
        settle_bundle(cells, SettleJob(few, "few", reported={}), out=out)
    with pytest.raises(ConfigError, match="average 8 mirror images: it takes 1, 2 or 4;"):
        settle_bundle(cells, SettleJob(enough, "enough", reported={}, views=8), out=out)
    with pytest.raises(ConfigError, match="cannot be the name"):
        settle_bundle(cells, SettleJob(few, "few", reported={}), out=tmp_path / "A B.cellwright")
    assert not out.exists()
