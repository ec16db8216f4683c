"""Several bundles as one: the mean of what they say, and who may join."""

from __future__ import annotations

import importlib
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from blob_model import write_blob_model
from cellwright.bundles import graph_mean
from cellwright.bundles.bundle import Bundle, open_bundle, write_bundle
from cellwright.bundles.card import EndToEndBoxes, GraphEntry
from cellwright.bundles.class_probabilities import Features
from cellwright.bundles.committee import join_bundles
from cellwright.bundles.graph_mean import mean_graph
from cellwright.bundles.mask_output import DistanceInstances
from cellwright.bundles.onnx_graph import OnnxGraph
from cellwright.bundles.sessions import RUNTIMES, open_session
from cellwright.bundles.verify import verify
from cellwright.bundles.weights import graph_weights
from cellwright.errors import BundleError, ConfigError, MissingExtraError
from dark_model import dark_bundle, dark_graph
from ink_cells import ink_graph, write_ink_bundle
from patch_model import patch_bundle


def darks(folder: Path) -> list[Bundle]:
    """Three classifiers whose logits differ by a constant."""
    return [
        dark_bundle(folder / f"dark-{index}.cellwright", threshold=threshold)
        for index, threshold in enumerate((0.01, 0.02, 0.06))
    ]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_committee_answers_with_the_mean(tmp_path: Path, runtime: str) -> None:
    members = darks(tmp_path)
    joined = join_bundles(members, out=tmp_path / "three.cellwright")
    crops = np.random.default_rng(0).random((5, 3, 48, 48), dtype=np.float32)
    answers = [
        open_session(one.graph(), runtime=runtime).run(crops)["logits"]
        for one in (*members, joined)
    ]
    np.testing.assert_allclose(answers[-1], np.mean(answers[:-1], axis=0), rtol=1e-4, atol=1e-4)
    assert not np.allclose(answers[-1], answers[0])


def test_its_card_says_who_joined_and_what_is_left_to_do(tmp_path: Path) -> None:
    members = darks(tmp_path)
    joined = join_bundles(members, out=tmp_path / "three.cellwright")
    assert joined.card.name == "three"
    assert joined.card.training.joined == tuple(
        f"{one.card.name} ({one.sha256[:12]})" for one in members
    )
    assert joined.card.evaluations == () and joined.card.calibration is None
    assert any("models settle" in one for one in joined.card.cautions)
    assert all(row.passed for row in verify(joined))


def test_weights_are_found_under_the_number_of_their_member(tmp_path: Path) -> None:
    joined = join_bundles(darks(tmp_path), out=tmp_path / "three.cellwright")
    weights = graph_weights(joined.graph())
    alone = graph_weights(dark_graph(0.06))
    for name, array in alone.items():
        np.testing.assert_array_equal(weights[f"members.2.{name}"], array)


@pytest.mark.parametrize("write", [write_ink_bundle, write_blob_model])
def test_a_model_joined_with_its_twin_says_the_same(tmp_path: Path, write: object) -> None:
    assert callable(write)
    one = open_bundle(write(tmp_path / "one.cellwright"))
    twin = open_bundle(write(tmp_path / "twin.cellwright"))
    joined = join_bundles([one, twin], out=tmp_path / "two.cellwright")
    for name, answer in one.tests.items():
        np.testing.assert_allclose(joined.tests[name], answer, rtol=1e-5, atol=1e-5)


def test_a_model_is_not_joined_with_itself(tmp_path: Path) -> None:
    one = write_ink_bundle(tmp_path / "one.cellwright")
    copied = tmp_path / "copied.cellwright"
    copied.write_bytes(one.read_bytes())
    out = tmp_path / "two.cellwright"
    for again in (one, copied):
        with pytest.raises(BundleError, match="this model is named twice"):
            join_bundles([open_bundle(one), open_bundle(again)], out=out)
    assert not out.exists()


def test_models_that_answer_otherwise_are_refused(tmp_path: Path, dot_bundle: Path) -> None:
    cells = open_bundle(write_ink_bundle(tmp_path / "cells.cellwright"))
    mask = open_bundle(write_ink_bundle(tmp_path / "mask.cellwright", "mask"))
    dark, patch = darks(tmp_path)[0], patch_bundle(tmp_path / "patch.cellwright")
    other = dark_bundle(tmp_path / "other.cellwright", classes=("calm", "blast"))
    out = tmp_path / "out.cellwright"
    for pair, what in (
        ([cells, mask], "another task"),
        ([open_bundle(dot_bundle), cells], "another task"),
        ([dark, other], "another list of classes"),
        ([dark, patch], "another list of classes"),
    ):
        with pytest.raises(BundleError, match=what):
            join_bundles(pair, out=out)
    with pytest.raises(BundleError, match="no committee"):
        join_bundles([cells], out=out)
    with pytest.raises(ConfigError, match="would replace"):
        join_bundles([cells, cells], out=cells.path)
    with pytest.raises(ConfigError, match="cannot be the name"):
        join_bundles([cells, cells], out=tmp_path / "Out Of It.cellwright")
    assert not out.exists()


def test_boxes_that_stand_in_no_map_have_no_mean(tmp_path: Path, dot_bundle: Path) -> None:
    dots = open_bundle(dot_bundle)
    assert dots.card.decoding is not None
    decoding = dots.card.decoding.model_copy(update={"output": EndToEndBoxes()})
    card = dots.card.model_copy(update={"decoding": decoding})
    graphs: dict[str, GraphEntry] = {entry.file: entry for entry in card.graphs}
    path = tmp_path / "ranked.cellwright"
    write_bundle(path, card, {file: dots.graph(one) for file, one in graphs.items()}, dots.tests)
    ranked = open_bundle(path)
    with pytest.raises(BundleError, match="end_to_end_boxes"):
        join_bundles([ranked, ranked], out=tmp_path / "out.cellwright")


def test_models_on_measurements_do_not_join(tmp_path: Path) -> None:
    features = Features(kind="amount", columns=("total",))
    one = dark_bundle(tmp_path / "forest.cellwright", features=features)
    with pytest.raises(BundleError, match="networks are joined"):
        join_bundles([one, one], out=tmp_path / "out.cellwright")


def test_graphs_with_other_ends_have_no_mean() -> None:
    with pytest.raises(BundleError, match="take and give"):
        mean_graph([ink_graph("cells"), ink_graph("mask")])


def test_what_the_first_decodes_by_is_kept(tmp_path: Path) -> None:
    spec = DistanceInstances(seed_threshold=0.3)
    first = open_bundle(write_ink_bundle(tmp_path / "first.cellwright", segmentation=spec))
    second = open_bundle(write_ink_bundle(tmp_path / "second.cellwright"))
    joined = join_bundles([first, second], out=tmp_path / "out.cellwright")
    assert joined.card.segmentation == spec
    assert len(OnnxGraph(joined.graph()).input_names) == 1


def test_without_onnx_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "onnx" else found(name))
    with pytest.raises(MissingExtraError, match=r"pip install 'cellwright\[train\]'"):
        importlib.reload(graph_mean)
