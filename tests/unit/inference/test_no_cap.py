"""Graphs with a fixed number of boxes: reaching it is said wherever a user looks."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from cellwright.bundles.bundle import Bundle, open_bundle
from cellwright.bundles.card import EndToEndBoxes
from cellwright.bundles.sessions import RUNTIMES
from cellwright.images.write import write_png
from cellwright.inference.decode import is_full
from cellwright.inference.predictor import Predictor
from cellwright.inference.run import predict_files

ROOM = 300
"""Boxes that the graph below can give, as many as the end-to-end networks do by default."""


class EndToEndSession:
    """A box of 4 px at every bright pixel, the first :data:`ROOM` of them."""

    def run(self, batch):
        output = np.zeros((len(batch), ROOM, 6), np.float32)
        for rows, image in zip(output, batch, strict=True):
            y, x = np.nonzero(image[0] > 0.1)
            found = np.stack([x - 2, y - 2, x + 2, y + 2, image[0, y, x], 0 * x], axis=1)
            found = found[np.argsort(-found[:, 4], kind="stable")][:ROOM]
            rows[: len(found)] = found
        return {"output0": output}


@pytest.fixture
def bundle(dot_bundle, monkeypatch) -> Bundle:
    monkeypatch.setitem(RUNTIMES, "rows", lambda _graph, _threads: EndToEndSession())
    opened = open_bundle(dot_bundle)
    decoding = opened.card.decoding.model_copy(update={"output": EndToEndBoxes()})
    return Bundle(opened.path, opened.card.model_copy(update={"decoding": decoding}))


def dots(n: int, *, weak: int = 0) -> np.ndarray:
    """uint8 ``(1, 250, 250)`` with ``n`` bright pixels, far apart, and weak ones after them."""
    image = np.zeros((1, 250, 250), np.uint8)
    rows, columns = np.divmod(np.arange(n + weak), 24)
    image[0, 5 + 10 * rows, 5 + 10 * columns] = np.repeat([230, 40], [n, weak])
    return image


@pytest.mark.parametrize(
    ("n", "capped"), [(0, False), (ROOM - 1, False), (ROOM, True), (420, True)]
)
def test_all_boxes_used_up_is_said(bundle, n, capped, caplog):
    predictor = Predictor(bundle, runtime="rows")
    found = predictor.predict(dots(n), minimum_score=0.5)
    assert len(found) == min(n, ROOM)
    assert predictor.is_capped(found) is capped
    assert ("cells beyond them are missing" in caplog.text) is capped


def test_boxes_below_the_score_asked_for_do_no_harm(bundle):
    """Such heads fill what is left with hypotheses; what counts has its room all the same."""
    predictor = Predictor(bundle, runtime="rows")
    image = dots(200, weak=200)
    assert not predictor.is_capped(predictor.predict(image, minimum_score=0.5))
    assert predictor.is_capped(predictor.predict(image))


def test_one_full_tile_of_many_is_enough(bundle):
    image = np.zeros((1, 250, 700), np.uint8)
    image[:, :, :250] = dots(320)
    predictor = Predictor(bundle, runtime="rows")
    assert predictor.is_capped(predictor.predict(image, minimum_score=0.5))


def test_dense_outputs_are_never_full(dot_decoding):
    grid = np.full((1, 6, 9, 9), 20, np.float32)
    assert not is_full({"level_4": grid}, dot_decoding.output, minimum_score=0.1)


def test_the_summary_names_the_images(bundle, tmp_path):
    write_png(tmp_path / "in" / "dense.png", dots(420))
    write_png(tmp_path / "in" / "sparse.png", dots(42))
    predict_files([tmp_path / "in"], bundle=bundle, out=tmp_path / "out", runtime="rows")
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        capped = {row["image_id"]: row["capped"] for row in csv.DictReader(file)}
    assert capped == {"dense": "1", "sparse": "0"}
