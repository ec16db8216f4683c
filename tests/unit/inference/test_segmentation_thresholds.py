"""Thresholds: the one that fits the labels is found, and of equals the default stays."""

import numpy as np

from cellwright.bundles.mask_output import DistanceInstances, SemanticMasks
from cellwright.data.targets import relative_distance
from cellwright.inference.segmentation_thresholds import (
    Seen,
    choose_foreground,
    choose_instances,
    choose_semantic,
    mean_matched,
)
from cellwright.types import Instances
from tiny_masks import draw_discs


def seen(*, faint=1.0, crumbs=0, seed=0):
    """Maps that are right but for their brightness, and for crumbs of foreground."""
    _, cells = draw_discs(10, edge=96, seed=seed)
    labels = cells.labels
    foreground = (labels > 0) * np.float32(faint)
    distance = relative_distance(labels) * np.float32(faint)
    rng = np.random.default_rng(seed)
    for y, x in rng.integers(0, 95, (crumbs, 2)):
        if not labels[y : y + 2, x : x + 2].any():
            foreground[y : y + 2, x : x + 2] = distance[y : y + 2, x : x + 2] = 0.9
    return Seen(np.stack([foreground, distance]), (labels > 0).astype(np.uint8), cells)


def test_the_best_foreground_threshold_is_found():
    faint = seen(faint=0.35)
    assert choose_foreground([faint]) == 0.3
    spec = choose_semantic([faint], SemanticMasks())
    assert spec.thresholds == (0.3,)
    assert choose_foreground([seen()]) == 0.5
    several = SemanticMasks(activation="softmax")
    assert choose_semantic([faint], several) == several


def test_seeds_and_foreground_are_set_so_that_cells_are_found():
    faint = [seen(faint=0.45, seed=seed) for seed in range(3)]
    assert mean_matched(faint, DistanceInstances()) == 0
    chosen = choose_instances(faint, DistanceInstances(), by_masks=False)
    assert chosen.foreground_threshold == 0.4
    assert mean_matched(faint, chosen) > 0.8
    assert choose_instances(faint, DistanceInstances(), by_masks=True).foreground_threshold == 0.4


def test_finer_seeds_for_small_cells_stay_out_where_they_bring_nothing():
    assert choose_instances([seen()], DistanceInstances(), by_masks=False).small_below_px == 0


def test_crumbs_that_are_no_cells_are_dropped():
    crumbs = [seen(crumbs=20, seed=seed) for seed in range(3)]
    chosen = choose_instances(crumbs, DistanceInstances(), by_masks=False)
    assert mean_matched(crumbs, DistanceInstances()) < 0.95
    assert mean_matched(crumbs, chosen) == 1


def test_images_without_cells_are_right_if_none_is_found():
    empty = Seen(
        np.zeros((2, 32, 32), np.float32),
        np.zeros((32, 32), np.uint8),
        Instances(np.zeros((32, 32), np.int32)),
    )
    assert mean_matched([empty], DistanceInstances()) == 1
    assert choose_foreground([empty]) == 0.5
    assert choose_instances([empty], DistanceInstances(), by_masks=False) == DistanceInstances()


def test_lengths_and_areas_are_those_of_the_training_images():
    """Images at twice the scale choose what the same images at their own scale choose."""
    crumbs = [seen(crumbs=20, seed=seed) for seed in range(3)]
    twice = [
        Seen(
            one.maps.repeat(2, axis=1).repeat(2, axis=2),
            one.mask.repeat(2, axis=0).repeat(2, axis=1),
            Instances(one.cells.labels.repeat(2, axis=0).repeat(2, axis=1)),
            magnification=2.0,
        )
        for one in crumbs
    ]
    chosen = choose_instances(twice, DistanceInstances(), by_masks=False)
    expected = choose_instances(crumbs, DistanceInstances(), by_masks=False)
    assert chosen.minimum_area_px == expected.minimum_area_px
    assert mean_matched(twice, chosen) == 1
    # What the figure was computed with is what a prediction does.
    coarse = DistanceInstances(seed_smoothing_px=4.0, seed_depth=0.2)
    as_if_small = [one._replace(magnification=1.0) for one in twice]
    assert mean_matched(twice, coarse) < mean_matched(as_if_small, coarse)
