"""Every model of the zoo: free to ship, states its figures, still computes what it did."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.verify import verify
from cellwright.bundles.zoo import FOLDER, ZOO, zoo_path
from cellwright.data.checksum import checksum
from cellwright.images.simulate.live_dead import LiveDeadPair, LiveDeadScene, simulate_pair
from cellwright.inference.evaluate import evaluate_bundle
from cellwright.inference.evaluate_segmentation import evaluate_segmentation
from cellwright.inference.predictor import Predictor
from cellwright.inference.segmenter import Segmenter
from cellwright.learning.config import load_config
from cellwright.learning.training_data import load_parts

RECIPES = Path(__file__).parents[2] / "zoo"

FIGURES = {
    "detection": ("ap50", "ap50_95", "precision", "recall", "count_mae"),
    "semantic": ("f1", "jaccard", "precision", "recall"),
    "instances": ("matched50", "matched50_95", "pq", "f1", "count_mae"),
    "classification": ("accuracy", "weighted_f1", "macro_f1", "auroc", "ece"),
}

needs_data = pytest.mark.skipif(
    not os.environ.get("CELLWRIGHT_DATA"), reason="CELLWRIGHT_DATA is not set"
)


def test_all_together_stay_small():
    assert ZOO
    assert sum(zoo_path(name).stat().st_size for name in ZOO) < 40_000_000
    assert {path.name for path in FOLDER.glob("*.cellwright")} == set(ZOO.values())


@pytest.mark.parametrize("name", sorted(ZOO))
def test_the_card_says_what_a_user_must_know(name):
    card = open_bundle(name).card
    assert card.name == name
    assert card.licence == "Apache-2.0"
    assert card.training.data_licence
    assert len(card.training.data_checksum) == 64
    assert card.description
    assert card.limits
    tested = [evaluation for evaluation in card.evaluations if "test part" in evaluation.data]
    for figure in FIGURES[card.task]:
        value = tested[0].metrics[figure]
        assert value.low <= value.value <= value.high
        assert value.n > 0
    made_from = card.compression.parent if card.compression else name
    assert (RECIPES / f"{made_from}.yaml").exists()


@needs_data
@pytest.mark.real_data
@pytest.mark.parametrize(
    "name", ["blood-cells", "cell-cycle", "cell-cycle-unstained-int8", "hela-dic"]
)
def test_the_card_knows_the_set_it_learned_from(name):
    """Else an audit would let a model judge labels that it has learned."""
    card = open_bundle(name).card
    recipe = card.compression.parent if card.compression else name
    whole = load_parts(load_config(RECIPES / f"{recipe}.yaml").data).whole
    assert checksum(whole) == card.training.data_checksum


@pytest.mark.parametrize("name", sorted(ZOO))
def test_the_test_tensors_replay_in_every_runtime(name):
    replays = verify(open_bundle(name))
    assert {replay.runtime for replay in replays} == {"onnxruntime", "openvino"}
    assert all(replay.passed for replay in replays), replays


@pytest.mark.parametrize("name", sorted(ZOO))
def test_an_empty_picture_holds_no_cells(name):
    bundle = open_bundle(name)
    if bundle.card.task == "classification":
        pytest.skip("says what a cell is, not whether there is one")
    blank = np.full((bundle.card.input.channels, 480, 640), 200, np.uint8)
    if bundle.card.segmentation is None:
        predictor = Predictor(bundle)
        assert len(predictor.count_boxes(predictor.predict(blank))) == 0
    else:
        assert len(Segmenter(bundle).segment_fully(blank).cells) == 0


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_simulated_field_of_2500_cells_is_counted_within_3_percent(dense_field, runtime):
    """Detectors elsewhere stop at 300; here both dyes of a dense field are counted."""
    predictor = Predictor(open_bundle("live-dead-fluo"), runtime=runtime)
    for image, n_cells in ((dense_field.blue, 2500), (dense_field.red, 500)):
        found = predictor.count_boxes(predictor.predict(image))
        assert len(found) == pytest.approx(n_cells, rel=0.03)


@pytest.fixture(scope="module")
def dense_field() -> LiveDeadPair:
    """Nuclei as small as the model was trained on; larger ones would not fit."""
    return simulate_pair(
        LiveDeadScene(n_cells=2500, radius_px=(9.0, 15.0), clump_fraction=0.1, seed=5)
    )


@needs_data
@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("blood-cells", ("ap50", "ap50_95", "recall", "count_mae")),
        ("live-dead", ("ap50", "ap50_95", "recall", "count_mae")),
        ("hela-dic", ("matched50", "pixel_f1", "pixel_jaccard")),
        ("nuclei", ("matched50", "matched50_per_image", "pixel_f1")),
    ],
)
def test_the_figures_on_the_card_are_reproduced(name, figures):
    """The test part, through the shipped file, gives what the card claims."""
    bundle = open_bundle(name)
    test = load_parts(load_config(RECIPES / f"{name}.yaml").data).test
    measure = evaluate_bundle if bundle.card.segmentation is None else evaluate_segmentation
    report = measure(bundle, test)
    claimed = next(e for e in bundle.card.evaluations if "test part" in e.data)
    assert report.n_images == claimed.n_images
    for figure in figures:
        assert report.metrics[figure].value == pytest.approx(
            claimed.metrics[figure].value, abs=0.01
        )
