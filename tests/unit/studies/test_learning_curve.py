"""The learning curve: smoothing, shares, the power law and what is said of it."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import DatasetError
from cellwright.learning.training_data import Parts
from cellwright.studies.learning_curve.curves import epoch_curves, smoothed
from cellwright.studies.learning_curve.plots import epochs_of
from cellwright.studies.learning_curve.projection import (
    PowerLaw,
    fit_power_law,
    in_words,
    project,
)
from cellwright.studies.learning_curve.shares import order_of, share_of
from cellwright.studies.learning_curve.study import collect, conclude
from cellwright.studies.study import Figure, Outcome
from cellwright.studies.study import Record as CellRecord
from cellwright.types import Boxes

SIZES = (5, 12, 25, 63, 126, 252)


def test_the_moving_average_against_hand_values():
    # 0.6 * 20 + 0.4 * 10 = 16; 0.6 * 0 + 0.4 * 16 = 6.4
    assert smoothed([10.0, 20.0, 0.0]) == pytest.approx([10.0, 16.0, 6.4])


def test_the_logs_of_both_engines_are_read_in_percent(tmp_path):
    log = tmp_path / "ours" / "log"
    for version, text in {
        "version_0": "epoch,val/ap50_95,val/precision,val/recall,loss\n"
        "0,,,,3\n0,0.1,0.5,0.25,\n1,0.2,0.5,0.25,\n",
        # Resumed from the first epoch's checkpoint: the second was done again.
        "version_1": "epoch,val/ap50_95,val/precision,val/recall\n1,0.3,0.6,0.5\n",
    }.items():
        (log / version).mkdir(parents=True)
        (log / version / "metrics.csv").write_text(text)
    found = epoch_curves(tmp_path / "ours")
    assert found["ap50_95"] == pytest.approx([10, 30])
    assert found["precision"] == pytest.approx([50, 60])
    assert found["recall"] == pytest.approx([25, 50])

    engine = tmp_path / "theirs" / "ultralytics"
    engine.mkdir(parents=True)
    names = "epoch, time, metrics/precision(B), metrics/recall(B), metrics/mAP50-95(B)"
    (engine / "results.csv").write_text(f"{names}\n 1, 9.1, 0.5, 0.25, 0.1\n 2, 18, 1, 1, 0.4\n")
    assert epoch_curves(tmp_path / "theirs")["ap50_95"] == pytest.approx([10, 40])

    with pytest.raises(DatasetError, match="no validation"):
        epoch_curves(tmp_path)


@pytest.mark.parametrize("law", [PowerLaw(85, 140, 0.6), PowerLaw(60, 70, 0.2)])
def test_a_power_law_is_found_again(law):
    found = fit_power_law(SIZES, [law(n) for n in SIZES])
    assert (found.ceiling, found.rate) == pytest.approx((law.ceiling, law.rate), rel=1e-3)
    assert found.drop == pytest.approx(law.drop, rel=1e-2)


def test_no_law_rises_above_one_hundred_or_falls():
    above = fit_power_law(SIZES, [20, 35, 50, 65, 80, 95])
    assert above.ceiling <= 100
    falling = fit_power_law(SIZES, [90, 80, 70, 60, 50, 40])
    assert falling(1000) == pytest.approx(falling(10)) == pytest.approx(65)


def noisy(law, sd, seeds=3, seed=1):
    rng = np.random.default_rng(seed)
    return {n: (law(n) + rng.normal(0, sd, seeds)).tolist() for n in SIZES}


def test_the_forecast_holds_the_true_gain_and_says_how_many_labels():
    law = PowerLaw(80, 100, 0.5)
    forecast = project(noisy(law, 0.5))
    true = law(504) - law(252)
    assert forecast.low <= true <= forecast.high
    assert forecast.low < forecast.gain < forecast.high
    words = in_words(forecast, "net")
    assert "doubling your 252 training images is expected to bring +" in words
    # 80 - 100 / sqrt(n) reaches law(252) + 1 at n = 356: about 100 more.
    more = int(words.split("costs about ")[1].split()[0].replace(",", ""))
    assert 60 < more < 180


def test_a_flat_curve_says_that_more_is_not_worth_it():
    words = in_words(project(noisy(PowerLaw(70, 200, 1.8), 0.1)), "net")
    assert "not worth drawing" in words


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ({5: [1.0, 2.0], 10: [30.0, 31.0]}, "2 sizes"),
        ({n: [float(n)] for n in SIZES}, "2 seeds"),
        ({n: [0.1, 0.2, 0.0] for n in SIZES}, "next to nothing"),
        (noisy(PowerLaw(60, 60, 0.3), 15.0), "may bring anything"),
    ],
)
def test_what_cannot_be_told_is_not_told(points, why):
    forecast = project(points)
    assert forecast.law is None
    assert why in in_words(forecast, "net")


def _given(boxes):
    return boxes


def labelled(n, rare):
    """``n`` images of class 0; those in ``rare`` hold class 1 too."""
    records = []
    for index in range(n):
        ids = [0, 1] if index in rare else [0]
        boxes = Boxes(np.array([[0, 0, 9, 9]] * len(ids), np.float32), np.array(ids))
        name = f"i{index:03d}"
        records.append(Record(name, Path(f"{name}.png"), partial(_given, boxes), group=name))
    return LabelledSet("toy", ("common", "rare"), tuple(records))


def parts():
    whole = labelled(260, rare={7, 133, 255})
    ids = [record.id for record in whole]
    train, val = whole.subset(ids[:250]), whole.subset(ids[250:])
    return Parts(whole, train, val, None, {})


@pytest.mark.parametrize("seed", range(4))
def test_shares_are_nested_and_the_smallest_holds_every_class(seed):
    shares = [share_of(parts(), fraction, seed) for fraction in (0.02, 0.05, 0.1, 0.25, 0.5, 1)]
    assert [len(share.train) for share in shares] == [5, 12, 25, 62, 125, 250]
    ids = [{record.id for record in share.train} for share in shares]
    assert all(small < large for small, large in itertools.pairwise(ids))
    classes = {int(c) for record in shares[0].train for c in record.load_annotation().class_ids}
    assert classes == {0, 1}
    assert {tuple(r.id for r in share.val) for share in shares} == {
        tuple(f"i{index:03d}" for index in range(250, 260))
    }
    assert all(set(share.part_of) == {r.id for r in share.whole} for share in shares)


def test_each_seed_has_an_order_of_its_own():
    train = parts().train
    assert order_of(train, 0) == order_of(train, 0) != order_of(train, 1)
    assert sorted(order_of(train, 0)) == [record.id for record in train]


def cell(fraction, seed, n_train, ap):
    figures = (
        Figure("4", f"{fraction:.0%}", "train images", n_train),
        Figure("figure 3", f"net, {fraction:.0%}", "AP50:95 (%)", ap),
    )
    curve = {"ap50_95": [0.0, ap, ap], "precision": [1.0, 2.0, 2.0], "recall": [1.0, 2.0, 2.0]}
    details = {
        "detector": "cell-detector",
        "fraction": fraction,
        "seed": seed,
        "n_train": n_train,
        "final": {"ap50_95": ap},
        "curves": curve,
    }
    return CellRecord(f"{fraction}-{seed}", "done", Outcome(figures, seed, details=details))


def test_seeds_are_pooled_with_the_t_interval_of_their_mean():
    records = {str(s): cell(0.1, s, 25, ap) for s, ap in enumerate([40.0, 42.0, 44.0])}
    count, mean = collect(records)
    assert (count.value, count.low, count.metric) == (25, None, "train images")
    # sd 2, standard error 1.1547, t(0.975, 2) = 4.3027: +- 4.968
    assert (mean.value, mean.n) == (42, 3)
    assert (mean.low, mean.high) == pytest.approx((37.032, 46.968), abs=1e-3)


def test_a_plot_has_a_band_over_seeds_and_the_study_a_sentence():
    records = {
        f"{n}-{seed}": cell(n / 252, seed, n, PowerLaw(80, 100, 0.5)(n) + seed / 10)
        for n in SIZES
        for seed in range(3)
    }
    done = [dict(record.outcome.details) for record in records.values()]
    (first, *_) = epochs_of(done, "ap50_95")
    assert np.all(first.low <= first.y) and np.all(first.y <= first.high)
    # 0.6 of the second epoch, 0.4 of the first, which is 0.
    assert first.high[1] == pytest.approx(0.6 * (PowerLaw(80, 100, 0.5)(5) + 0.2))
    (sentence,) = conclude(records)
    assert sentence.startswith("cell-detector (ours): doubling your 252 training images")


def test_no_forecast_while_training_still_gains():
    records = {
        f"{n}-{seed}": cell(n / 252, seed, n, PowerLaw(80, 100, 0.5)(n) + seed / 10)
        for n in SIZES
        for seed in range(3)
    }
    for record in records.values():
        curve = record.outcome.details["curves"]["ap50_95"]
        curve[-2] = curve[-1] - 2.0
    (sentence,) = conclude(records)
    assert "no forecast beyond 252 images" in sentence
    assert "still gained 2.0 points in its last epoch" in sentence
