from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from cellwright.models import SEGMENTERS
from cellwright.studies.feature_enhancement.comparison import (
    collect,
    conclude,
    difference,
    differences,
)
from cellwright.studies.feature_enhancement.judged import judge_masks
from cellwright.studies.feature_enhancement.magnitudes import magnitudes, recorded, recorder
from cellwright.studies.feature_enhancement.presets import PRESETS
from cellwright.studies.feature_enhancement.simulated import tissue
from cellwright.studies.feature_enhancement.variants import PRINTED, network_of
from cellwright.studies.study import Figure, Outcome, Record


def test_pixels_are_pooled_and_the_band_forgives_two_pixels():
    true = np.zeros((20, 20), np.uint8)
    true[5:10] = 1
    moved = np.roll(true, 2, axis=0)
    far = np.roll(true, 8, axis=0)
    judged = judge_masks([(moved, true)], ("other", "line"))
    assert judged.iou["line"] == pytest.approx(3 / 7)
    assert judged.tolerant["line"] == 1.0
    assert judged.objects == {"other": 2, "line": 1}
    both = judge_masks([(moved, true), (true, true)], ("other", "line"))
    assert both.iou["line"] == pytest.approx((3 + 5) / (7 + 5))  # not the mean of 3/7 and 1
    assert both.miou == pytest.approx((both.iou["line"] + both.iou["other"]) / 2)
    assert judge_masks([(far, true)], ("other", "line")).tolerant["line"] == 0.0
    assert np.isnan(judge_masks([(true, true)], ("other", "line", "none")).iou["none"])


def record(variant: str, seed: int, miou: float) -> Record:
    figure = Figure("2", PRINTED[variant], "mIoU (%)", 100 * miou, note=f"seed {seed}")
    details = {"variant": variant, "seed": seed, "miou": miou}
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
    assert difference("enhanced", [1.0, 1.0]).p is None


def test_seeds_are_pooled():
    figures = {(f.table, f.row): f for f in collect(records([0.72, 0.70], [0.70, 0.69]))}
    mean = figures["2", PRINTED["enhanced"]]
    assert mean.value == pytest.approx(71.0) and mean.n == 2
    assert mean.low < 71.0 < mean.high
    assert figures["difference", PRINTED["enhanced"]].value == pytest.approx(1.5)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("variant", sorted(PRINTED))
def test_every_variant_is_a_network_at_every_size(preset, variant):
    chosen = network_of(variant, PRESETS[preset])
    small = {**chosen.settings, "base_width": 4, "levels": max(2, chosen.settings["levels"])}
    small.pop("n_chosen", None)
    SEGMENTERS[chosen.model](4, 1, **small)


def test_the_paper_preset_is_the_papers():
    paper = PRESETS["paper"]
    assert (paper.n_maps, paper.n_chosen, paper.crop_px) == (512, 8, 256)
    assert (paper.schedule["epochs"], paper.trials, paper.lambda_trials) == (2000, 50, 15)
    assert network_of("enhanced", paper).settings["boost"] == 250.0
    assert network_of("baseline", paper).loss == "bce"


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
