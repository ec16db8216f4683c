from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from cellwright.data.formats import read_labelled
from cellwright.metrics.intervals import Interval
from cellwright.metrics.semantic import evaluate_semantic
from cellwright.models import SEGMENTERS
from cellwright.studies.feature_enhancement.ceiling import passed_through
from cellwright.studies.feature_enhancement.comparison import (
    collect,
    conclude,
    difference,
    differences,
)
from cellwright.studies.feature_enhancement.judged import judge_masks
from cellwright.studies.feature_enhancement.magnitudes import magnitudes, recorded, recorder
from cellwright.studies.feature_enhancement.pictures import coloured, richest
from cellwright.studies.feature_enhancement.presets import PRESETS
from cellwright.studies.feature_enhancement.simulated import tissue, write_tissue
from cellwright.studies.feature_enhancement.study import plan
from cellwright.studies.feature_enhancement.training import Setting, config_of
from cellwright.studies.feature_enhancement.variants import (
    ENCODERS,
    PRINTED,
    network_of,
    schedule_of,
)
from cellwright.studies.kept_pictures import as_text, from_text
from cellwright.studies.study import Figure, NotAttempted, Outcome, Record, Request
from cellwright.types import SemanticMask
from tiny_masks import write_classes


def test_pixels_are_pooled_and_the_band_forgives_two_pixels():
    true = np.zeros((20, 20), np.uint8)
    true[5:10] = 1
    moved = np.roll(true, 2, axis=0)
    far = np.roll(true, 8, axis=0)
    judged = judge_masks([(moved, true)], ("other", "line"), units="columns")
    assert judged.iou["line"] == Interval(pytest.approx(3 / 7), None, None, 1)  # one column
    assert judged.tolerant["line"].value == 1.0
    assert judged.objects == {"other": 2, "line": 1}
    both = judge_masks([(moved, true), (true, true)], ("other", "line"), units="images")
    line = both.iou["line"]
    assert line.value == pytest.approx((3 + 5) / (7 + 5))  # not the mean of 3/7 and 1
    assert (line.low, line.high, line.n) == (pytest.approx(3 / 7), 1.0, 2)
    assert both.miou.value == pytest.approx((both.iou["other"].value + line.value) / 2)
    judged = judge_masks([(far, true)], ("other", "line"), units="columns")
    assert judged.tolerant["line"].value == 0.0
    judged = judge_masks([(true, true)], ("other", "line", "none"), units="columns")
    assert judged.iou["none"].value is None and judged.tolerant["none"].value is None
    assert judged.miou.value == 1.0


def test_the_band_is_precision_and_recall_within_it():
    rng = np.random.default_rng(0)
    true, found = (ndimage.gaussian_filter(rng.normal(size=(90, 70)), 3) > 0.02 for _ in range(2))
    judged = judge_masks([(found.astype(np.uint8), true.astype(np.uint8))], "ab", units="columns")
    near = {side: ndimage.distance_transform_edt(~one) <= 2 for side, one in
            (("true", true), ("found", found))}  # fmt: skip
    precision = (found & near["true"]).sum() / found.sum()
    recall = (true & near["found"]).sum() / true.sum()
    expected = 1 / (1 / precision + 1 / recall - 1)
    assert judged.tolerant["b"].value == pytest.approx(expected)
    masks = [SemanticMask(one.astype(np.uint8)) for one in (true, found)]
    plain = evaluate_semantic(masks[:1], masks[1:], ("a", "b"))
    assert judged.iou["b"].value == pytest.approx(plain.per_class["b"]["jaccard"].value)


def test_columns_run_through_all_sections_and_are_drawn_whole():
    """Right in the left half of every section, wrong in the right one."""
    true = np.ones((256, 512), np.uint8)
    found = true.copy()
    found[:, 256:] = 0
    judged = judge_masks([(found, true)] * 5, ("other", "line"), units="columns")
    assert judged.iou["line"] == Interval(0.5, 0.0, 1.0, 2)  # as if there were one section


def record(variant: str, seed: int, miou: float) -> Record:
    figure = Figure("2", PRINTED[variant], "mIoU (%)", 100 * miou, note=f"seed {seed}")
    details = {"variant": variant, "seed": seed, "miou": miou, "val_miou": miou, "table": "2"}
    return Record(f"{variant}-seed{seed}", "done", Outcome((figure,), seed, details=details))


def records(enhanced: list[float], baseline: list[float]) -> dict[str, Record]:
    found = [record("baseline", seed, value) for seed, value in enumerate(baseline)]
    found += [record("enhanced", seed, value) for seed, value in enumerate(enhanced)]
    return {one.cell: one for one in found}


def test_variants_are_compared_seed_by_seed():
    held = records([0.72, 0.70, 0.75], [0.70, 0.69, 0.71])
    (one,) = differences(held)
    paired = stats.ttest_rel([72, 70, 75], [70, 69, 71])
    low, high = paired.confidence_interval()
    assert (one.mean, one.low, one.high, one.p) == pytest.approx((7 / 3, low, high, paired.pvalue))
    assert "no difference is shown" in conclude(held)[0]
    assert "it helps" in conclude(records([0.72, 0.722, 0.721], [0.70, 0.70, 0.70]))[0]
    assert "it harms" in conclude(records([0.70, 0.70, 0.70], [0.72, 0.722, 0.721]))[0]
    assert "says nothing" in conclude(records([0.72], [0.70]))[0]
    assert not differences(records([0.72], []))
    assert "Of 6 trainings" in conclude(held)[1]
    assert (
        "choose Proposed method, seed 2; on the test sections: mIoU (%) 75.0" in (conclude(held)[1])
    )
    assert difference("enhanced", [1.0, 1.0]).p is None


def test_seeds_are_pooled():
    figures = {(f.table, f.row): f for f in collect(records([0.72, 0.70], [0.70, 0.69]))}
    lone = Figure("2", PRINTED["long"], "mIoU (%)", 70.0, 68.0, 72.0, 16, note="seed 0; columns")
    held = {"long-seed0": Record("long-seed0", "done", Outcome((lone,), 0))}
    assert list(collect(held)) == [lone]  # a single training keeps its own interval
    mean = figures["2", PRINTED["enhanced"]]
    assert mean.value == pytest.approx(71.0) and mean.n == 2
    assert mean.low < 71.0 < mean.high
    assert figures["difference", PRINTED["enhanced"]].value == pytest.approx(1.5)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("variant", sorted(PRINTED))
def test_every_variant_is_a_network_at_every_size(preset, variant):
    chosen = network_of(variant, PRESETS[preset])
    if variant in ENCODERS:  # built at the smallest size; the larger ones differ in widths only
        chosen = network_of(variant, PRESETS["quick"])
        SEGMENTERS[chosen.model](4, 1, **chosen.settings)
        return
    small = {**chosen.settings, "base_width": 4, "levels": max(2, chosen.settings["levels"])}
    small.pop("n_chosen", None)
    SEGMENTERS[chosen.model](4, 1, **small)


def test_the_paper_preset_is_the_papers():
    paper = PRESETS["paper"]
    assert (paper.n_maps, paper.n_chosen, paper.crop_px) == (512, 8, 256)
    assert (paper.schedule["epochs"], paper.trials, paper.lambda_trials) == (2000, 50, 15)
    assert network_of("enhanced", paper).settings["boost"] == 250.0
    assert network_of("baseline", paper).loss == "bce"
    encoders = [network_of(one, paper).settings["encoder_settings"] for one in sorted(ENCODERS)]
    assert encoders[0]["dims"] == [96, 192, 384, 768]
    assert encoders[1] == {"channels": [64, 128, 256, 512], "stem_width": 32}


def test_rows_differ_in_what_they_are_about_and_nothing_else():
    preset = PRESETS["cpu"]
    usual = schedule_of("baseline", preset)
    assert all(schedule_of(one, preset) == usual for one in PRINTED if one not in ("long", "heavy"))
    longer = {"epochs": preset.long_epochs, "batch_size": usual.batch_size // 2}
    assert schedule_of("long", preset) == usual.model_copy(update=longer)
    assert schedule_of("heavy", preset) == usual.model_copy(update={"augmentation": "cells"})
    first, second = network_of("baseline", preset), network_of("enhanced", preset)
    assert (first.loss, first.class_balance) == (second.loss, second.class_balance) == ("bce", None)


def test_half_size_is_for_the_papers_sections_and_not_for_a_users_images(tmp_path):
    own = Setting(Request("cpu", str(tmp_path), tmp_path))
    papers = Setting(Request("cpu", None, tmp_path))
    assert (own.longest_px, own.units) == (None, "images")
    with pytest.raises(NotAttempted, match="baseline-seed0 was not trained"):
        config_of(own, "long", 0)  # it goes on with those weights
    assert (papers.longest_px, papers.units) == (512, "columns")


def test_every_training_of_the_cpu_preset_stands_in_the_plan(tmp_path):
    names = [cell.name for cell in plan(Request("cpu", None, tmp_path))]
    assert len(set(names)) == len(names)
    assert {"enhanced-seed2", "long-seed0", "long-views-seed0", "pictures", "speed"} <= set(names)
    assert names.index("baseline-seed2") < names.index("long-seed0") < names.index("search-full")


def test_magnitudes_are_taken_without_enhancement_and_written_epoch_by_epoch(tmp_path):
    torch.manual_seed(0)
    network = SEGMENTERS["se-unet-enhanced"](3, 1, base_width=4, levels=3, n_chosen=2)
    window = torch.rand(1, 1, 16, 16)
    found = magnitudes(network.train(), window)
    assert network.training
    deepest = network.eval().encode(window)[-1].mean(dim=(0, 2, 3)).detach()
    chosen = list(network.bottom.chosen)
    assert found["chosen"] == pytest.approx(float(deepest[chosen].mean()))
    assert 2 * found["chosen"] + 14 * found["others"] == pytest.approx(16 * found["deepest"])
    heard = []
    watch = recorder(tmp_path, window, lambda epoch, value: heard.append((epoch, value)))
    for epoch, value in ((0, 0.1), (1, 0.2), (1, 0.3)):  # epoch 1 twice: a run that was resumed
        watch(epoch, value, network)
    assert heard == [(0, 0.1), (1, 0.2), (1, 0.3)]
    assert recorded(tmp_path)["miou"] == [0.1, 0.3]


def test_simulated_tissue_holds_every_class_and_is_repeatable():
    pixels, classes = tissue(96, 3)
    assert set(np.unique(classes)) == {0, 1, 2, 3}
    assert pixels[classes == 0].mean() > pixels[classes == 2].mean() > pixels[classes == 1].mean()
    again, _ = tissue(96, 3)
    assert (again == pixels).all()


def test_what_shrinking_gives_away():
    wide = np.kron(np.array([[0, 1], [2, 3]], np.uint8), np.ones((32, 32), np.uint8))
    assert (passed_through(wide, 32, 4) == wide).all()
    line = np.zeros((64, 64), np.uint8)
    line[:, 20] = 1  # a quarter of a small pixel at a quarter of the size
    assert not passed_through(line, 16, 2).any()


def test_pictures_show_where_the_rarest_class_is(tmp_path):
    labelled = read_labelled(write_tissue(tmp_path / "set", n_images=3, edge_px=300))
    squares = richest(labelled, 2)
    places = [(square.rows.start, square.columns.start) for square in squares]
    assert len(set(places)) == 2 and squares[0].rare >= squares[1].rare > 0
    rare = [(record.load().annotation.mask[:256, :256] == 3).sum() for record in labelled]
    assert squares[0].rare >= max(rare)
    picture = coloured(np.array([[0, 1], [2, 3]]))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 4
    assert np.array_equal(from_text(as_text(picture)), picture)


@pytest.mark.slow
def test_a_users_own_labels_by_path_have_a_table_of_their_own(tmp_path):
    """As a copy of the mouse liver set would: three classes, images that are no sections."""
    names = ("background", "membrane", "nucleus")
    data = write_classes(tmp_path / "liver", names=names, n_images=8)
    setting = Setting(Request("quick", str(data), tmp_path / "run"))
    (cell, *_) = plan(setting.request)
    assert cell.places == (("own labels", PRINTED["baseline"], "mIoU (%)"),)
    figures = {(one.table, one.metric): one for one in cell.measure(tmp_path / "work").figures}
    assert {f"IoU {name} (%)" for name in names} <= {metric for _, metric in figures}
    pooled = figures["own labels", "mIoU (%)"]
    assert 0 < pooled.value < 100 and not pooled.apart
    assert "interval over images" in pooled.note
