"""Simulated pairs: the truth they come with is true of their pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from cellwright.errors import ConfigError
from cellwright.images.simulate import SIMULATORS
from cellwright.images.simulate.camera import Camera, expose, smooth_field
from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_pair, simulate_series
from cellwright.images.simulate.nuclei import APART, place

SMALL = LiveDeadScene(height=400, width=500, n_cells=60, radius_px=(7, 12), viability=0.7, seed=5)


def test_the_same_seed_gives_the_same_pixels_and_another_does_not() -> None:
    first, again, other = (simulate_pair(replace(SMALL, seed=seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.blue, again.blue)
    assert np.array_equal(first.red, again.red)
    assert np.array_equal(first.boxes.xyxy, again.boxes.xyxy)
    assert not np.array_equal(first.blue, other.blue)


def test_counts_are_exactly_those_asked_for() -> None:
    pair = simulate_pair(SMALL)
    assert len(pair.boxes) == len(pair.instances) == 60
    assert pair.dead.sum() == 18
    assert pair.viability == pytest.approx(0.7)
    assert pair.blue.shape == pair.red.shape == (1, 400, 500)


def test_boxes_fit_the_labels_to_the_pixel_and_enclose_them_where_nuclei_overlap() -> None:
    alone = simulate_pair(replace(SMALL, clump_fraction=0.0, n_cells=40))
    tight = alone.instances.boxes().xyxy
    # A pixel is labelled when its centre is inside, so a side differs by half a pixel or, where
    # the outline is curved, a little more.
    assert np.abs(tight - alone.boxes.xyxy).max() < 1
    assert np.abs(tight - alone.boxes.xyxy).mean() < 0.35
    clumped = simulate_pair(replace(SMALL, clump_fraction=1.0))
    tight = clumped.instances.boxes().xyxy
    assert (clumped.boxes.xyxy[:, :2] <= tight[:, :2] + 0.5).all()
    assert (clumped.boxes.xyxy[:, 2:] >= tight[:, 2:] - 0.5).all()
    assert np.abs(tight - clumped.boxes.xyxy).max() > 2


def test_every_nucleus_is_bright_in_blue_and_only_the_dead_are_in_red() -> None:
    pair = simulate_pair(replace(SMALL, clump_fraction=0.0, weak_fraction=0.0, n_cells=40))
    index = np.arange(1, 41)
    empty = pair.instances.labels == 0
    for image, expected in ((pair.blue[0], np.ones(40, bool)), (pair.red[0], pair.dead)):
        means = ndimage.mean(image, pair.instances.labels, index)
        threshold = image[empty].mean() + 0.15 * (image.max() - image[empty].mean())
        assert ((means > threshold) == expected).all()


def test_weak_nuclei_nearly_merge_with_the_background() -> None:
    scene = replace(SMALL, clump_fraction=0.0, n_cells=30)

    def contrast(weak_fraction: float) -> float:
        pair = simulate_pair(replace(scene, weak_fraction=weak_fraction))
        inside = pair.instances.labels > 0
        return float(pair.blue[0][inside].mean() - pair.blue[0][~inside].mean())

    assert contrast(1.0) < 0.35 * contrast(0.0)


def test_clumps_touch_and_the_rest_lies_apart() -> None:
    rng = np.random.default_rng(2)
    radii = rng.uniform(6, 10, 80)
    for fraction, touching in ((0.0, 0), (1.0, 80)):
        centres = place(radii, frame=(700, 700), clump_fraction=fraction, rng=rng)
        distance = np.linalg.norm(centres[:, None] - centres[None], axis=2)
        sums = radii[:, None] + radii[None]
        np.fill_diagonal(distance, np.inf)
        near = (distance < sums * (APART - 1e-9)).any(axis=1)
        assert near.sum() >= 0.97 * touching if touching else not near.any()
        assert (distance >= 0.6 * sums - 1e-9).all()


def test_the_background_is_uneven_and_noisy() -> None:
    empty = replace(SMALL, n_cells=0, height=512, width=512)
    image = simulate_pair(empty).blue[0].astype(float)
    blocks = image.reshape(8, 64, 8, 64).mean(axis=(1, 3))
    flat = simulate_pair(replace(empty, unevenness=0.0)).blue[0].astype(float)
    flat_blocks = flat.reshape(8, 64, 8, 64).mean(axis=(1, 3))
    assert np.ptp(blocks) > 3 * np.ptp(flat_blocks)
    assert flat[:64, :64].std() > 1


@pytest.mark.parametrize(("depth", "kind"), [(8, np.uint8), (12, np.uint16), (16, np.uint16)])
def test_pixels_stay_within_the_bits_of_the_camera(depth: int, kind: type) -> None:
    image = simulate_pair(replace(SMALL, camera=Camera(bit_depth=depth))).blue
    assert image.dtype == kind
    assert 2 ** (depth - 1) < image.max() <= 2**depth - 1
    assert np.median(image) > 0


def test_noise_has_the_variance_of_photons_and_read_out() -> None:
    camera = Camera(psf_sigma_px=0, photons=500, read_noise=5, bit_depth=16)
    light = np.full((600, 600), 0.5, np.float32)
    pixels = expose(light, camera, np.random.default_rng(0))[0].astype(float)
    gain = camera.white / (camera.photons * 2.2)
    assert pixels.var() / gain**2 == pytest.approx(0.5 * 500 + 25, rel=0.02)
    assert (pixels.mean() - 0.015 * camera.white) / gain == pytest.approx(250, rel=0.01)


def test_an_empty_field_has_no_viability() -> None:
    pair = simulate_pair(replace(SMALL, n_cells=0))
    assert pair.viability is None
    assert len(pair.boxes) == len(pair.instances) == 0


def test_a_series_drifts_and_shares_its_group() -> None:
    pairs = list(simulate_series(4, SMALL, name="hypoxia", seed=3))
    assert [pair.name for pair in pairs] == [f"hypoxia_00{i}" for i in (1, 2, 3, 4)]
    assert {pair.group for pair in pairs} == {"hypoxia"}
    medians = [float(np.median(pair.blue)) for pair in pairs]
    assert len(set(medians)) > 1
    again = list(simulate_series(4, SMALL, name="hypoxia", seed=3))
    assert all(np.array_equal(a.red, b.red) for a, b in zip(pairs, again, strict=True))


def test_registration_moves_red_against_blue() -> None:
    scene = replace(
        SMALL, viability=0.0, n_cells=20, clump_fraction=0.0, weak_fraction=0.0, unevenness=0.0
    )
    moved = simulate_pair(replace(scene, registration_px=(3.0, 0.0)))
    blue = moved.blue[0].astype(float) - moved.blue.mean()
    red = moved.red[0].astype(float) - moved.red.mean()
    spectrum = np.fft.rfft2(red) * np.conj(np.fft.rfft2(blue))
    peak = np.unravel_index(np.argmax(np.fft.irfft2(spectrum, s=blue.shape)), blue.shape)
    assert (int(peak[0]), int(peak[1])) == (0, 3)


def test_red_boxes_lie_where_red_shows_the_nuclei() -> None:
    scene = replace(SMALL, viability=0.5, n_cells=20, registration_px=(3.0, -2.0))
    pair = simulate_pair(scene)
    blue = pair.boxes.select(pair.dead)
    inside = (blue.xyxy[:, :2] > 5).all(axis=1)
    inside &= (blue.xyxy[:, 2:] < np.array([scene.width, scene.height]) - 5).all(axis=1)
    assert inside.sum() > 3
    moved = pair.red_boxes.xyxy[inside] - blue.xyxy[inside]
    assert np.allclose(moved, (3.0, -2.0, 3.0, -2.0), atol=1e-3)
    assert (pair.red_boxes.class_ids == 1).all()


def test_too_many_cells_are_refused_with_a_remedy() -> None:
    with pytest.raises(ConfigError, match=r"nuclei fit into 500 x 400 pixels; simulate fewer"):
        simulate_pair(replace(SMALL, n_cells=3000))


@pytest.mark.parametrize(
    "change",
    [{"viability": 1.2}, {"radius_px": (9, 4)}, {"height": 8}, {"n_cells": -1}, {"background": -1}],
)
def test_settings_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        replace(SMALL, **change)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        Camera(bit_depth=10)


def test_smooth_fields_are_smooth_and_fill_their_range() -> None:
    field = smooth_field((300, 200), np.random.default_rng(0))
    assert field.shape == (300, 200)
    assert field.min() >= 0
    assert field.max() <= 1
    assert np.abs(np.diff(field, axis=0)).max() < 0.05


def test_the_table_names_the_simulator() -> None:
    assert SIMULATORS["live_dead"] is simulate_series
