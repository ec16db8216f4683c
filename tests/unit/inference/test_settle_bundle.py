"""Thresholds of a bundle chosen anew: the card follows the labels, the graph stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.mask_output import DistanceInstances
from cellwright.data.formats import read_labelled
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import BundleError, DatasetError
from cellwright.images.write import write_labels, write_png
from cellwright.inference.settle_bundle import SettleJob, settle_bundle
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


def test_few_images_and_other_tasks_are_refused(tmp_path: Path, dot_bundle: Path) -> None:
    few = labelled(tmp_path / "few", n_images=3)
    cells = open_bundle(write_ink_bundle(tmp_path / "cells.cellwright"))
    out = tmp_path / "out.cellwright"
    with pytest.raises(DatasetError, match="3 images are too few"):
        settle_bundle(cells, SettleJob(few, "few", reported={}), out=out)
    with pytest.raises(BundleError, match="model for detection"):
        settle_bundle(open_bundle(dot_bundle), SettleJob(few, "few", reported={}), out=out)
    assert not out.exists()
