"""Drawn cells are read back, whatever the size, the tiles and the magnification."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.bundles.card import InputSpec
from cellwright.bundles.mask_output import SemanticMasks
from cellwright.errors import BundleError, ConfigError, ImageError
from cellwright.images.resize import resize, resize_labels
from cellwright.inference.segmenter import Segmenter
from cellwright.metrics.instances import match_instances
from cellwright.types import Instances, SemanticMask
from ink_cells import FAR_REACH_PX, discs, draw_ink, scattered_discs, write_ink_bundle


def segmenter(folder: Path, network: str = "cells", **parts: object) -> Segmenter:
    return Segmenter(open_bundle(write_ink_bundle(folder / "ink.cellwright", network, **parts)))


def spec(tile_px: int, overlap_px: int = 0, **fields: object) -> InputSpec:
    return InputSpec(channels=1, multiple=4, tile_px=tile_px, overlap_px=overlap_px, **fields)


@pytest.mark.parametrize("size", [(200, 170), (131, 64), (57, 211)])
def test_tiled_equals_whole_where_the_overlap_covers_what_the_network_sees(
    size: tuple[int, int], tmp_path: Path
) -> None:
    image = np.random.default_rng(4).integers(0, 256, (1, *size), dtype=np.uint8)
    overlap = -(-4 * FAR_REACH_PX // 4) * 4  # a quarter of it is not used
    tiled = segmenter(tmp_path, "far", spec=spec(96, overlap))
    whole = segmenter(tmp_path, "far", spec=spec(256))
    difference = np.abs(tiled.probabilities(image) - whole.probabilities(image))
    assert difference.max() < 1e-3
    # With tiles that merely touch, the seams show.
    seams = segmenter(tmp_path, "far", spec=spec(96))
    assert np.abs(seams.probabilities(image) - whole.probabilities(image)).max() > 0.05


@pytest.mark.parametrize("tile_px", [32, 64, 160])
def test_touching_cells_are_read_back(tile_px: int, tmp_path: Path) -> None:
    truth = scattered_discs(40, (150, 180), seed=1)
    found = segmenter(tmp_path, spec=spec(tile_px, 8)).segment(draw_ink(truth))
    assert isinstance(found, Instances)
    assert len(found) == len(truth)
    assert len(match_instances(truth, found, iou_threshold=0.8).iou) == len(truth)
    assert found.scores is not None and found.scores.min() > 0.9


def test_tiles_leave_no_trace_in_the_labels(tmp_path: Path) -> None:
    image = draw_ink(scattered_discs(40, (150, 180), seed=2))
    small = segmenter(tmp_path, spec=spec(32, 8)).segment(image)
    large = segmenter(tmp_path, spec=spec(256)).segment(image)
    assert isinstance(small, Instances) and isinstance(large, Instances)
    assert (small.labels == large.labels).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (3, 90), (33, 31)])
def test_images_smaller_than_the_stride_or_no_multiple_of_it(
    size: tuple[int, int], tmp_path: Path
) -> None:
    image = np.full((1, *size), 200, np.uint8)
    mask = segmenter(tmp_path, "mask").segment(image)
    assert isinstance(mask, SemanticMask)
    assert mask.mask.shape == size
    assert (mask.mask == 1).all()
    assert segmenter(tmp_path, "far").probabilities(image).shape == (1, *size)


def test_classes_of_pixels(tmp_path: Path) -> None:
    image = np.repeat(np.array([0, 40, 60, 140, 160, 255], np.uint8), 8)[None, None].repeat(9, 1)
    expected = np.repeat([0, 0, 1, 1, 2, 2], 8)[None].repeat(9, 0)
    for network in ("two_masks", "softmax"):
        found = segmenter(tmp_path, network).segment_fully(image)
        assert (found.mask.mask == expected).all()
        assert len(found.cells) == 2
        assert found.cells.class_ids is not None
        assert found.cells.class_ids.tolist() == [0, 1]


def test_thresholds_of_the_card_and_of_the_caller(tmp_path: Path) -> None:
    image = np.tile(np.arange(0, 256, 5, dtype=np.uint8), (8, 1))[None]
    card_says = SemanticMasks(thresholds=(0.9,))
    strict = segmenter(tmp_path, "mask", segmentation=card_says)
    probability = strict.probabilities(image)[0]
    for threshold, limit in ((None, 0.9), (0.1, 0.1)):
        found = strict.segment_fully(image, threshold=threshold)
        assert (found.mask.mask == (probability >= limit)).all()
    with pytest.raises(ConfigError, match="no threshold"):
        segmenter(tmp_path, "softmax").segment_fully(image, threshold=0.4)


def test_the_score_of_a_cell_is_of_its_own_class(tmp_path: Path) -> None:
    """Everywhere the first class is the more probable one, and below its threshold."""
    image = np.full((1, 16, 16), 152, np.uint8)
    card_says = SemanticMasks(thresholds=(0.9999, 0.1))
    finding = segmenter(tmp_path, "two_masks", segmentation=card_says)
    dim, bright = finding.probabilities(image).mean(axis=(1, 2))
    assert 0.1 < bright < 0.5 < dim < 0.9999
    found = finding.segment_fully(image)
    assert (found.mask.mask == 2).all()
    assert found.cells.scores is not None
    assert found.cells.scores.tolist() == pytest.approx([bright], abs=1e-3)


@pytest.mark.parametrize("pixel_size_um", [0.25, 0.5, 0.8])
def test_pixel_size_sets_the_magnification_and_the_smallest_cell(
    pixel_size_um: float, tmp_path: Path
) -> None:
    """Cells of 10 px at 0.5 µm, and crumbs of 3 px that the card removes at any pixel size."""
    truth = discs((20, 25, 10), (20, 45, 10), (60, 60, 10), (60, 100, 3), (80, 20, 3))
    factor = 0.5 / pixel_size_um
    height, width = (round(edge * factor) for edge in truth.labels.shape)
    image = resize(draw_ink(truth), height, width)
    finding = segmenter(tmp_path, spec=spec(64, 16, pixel_size_um=0.5))
    card = finding.card.segmentation.model_copy(update={"minimum_area_px": 60})
    cleaning = segmenter(tmp_path, spec=spec(64, 16, pixel_size_um=0.5), segmentation=card)
    assert finding.magnification(pixel_size_um) == pytest.approx(factor)
    assert finding.magnification(None) == 1
    assert len(finding.segment(image, pixel_size_um=pixel_size_um)) == 5
    found = cleaning.segment(image, pixel_size_um=pixel_size_um)
    assert isinstance(found, Instances)
    assert found.labels.shape == (height, width)
    assert len(found) == 3
    expected = Instances.from_labels(resize_labels(truth.labels, height, width))
    assert len(match_instances(expected, found, iou_threshold=0.7).iou) == 3


def test_a_network_of_another_resolution_gives_maps_in_image_pixels(tmp_path: Path) -> None:
    truth = scattered_discs(20, (150, 180), seed=3)
    image = draw_ink(truth)
    plain = segmenter(tmp_path, spec=spec(64, 16)).probabilities(image)
    for factor in (0.5, 0.8, 1.7):
        made = segmenter(tmp_path, spec=spec(64, 16, resize_factor=factor))
        probabilities = made.probabilities(image)
        assert probabilities.shape == plain.shape
        whole = segmenter(tmp_path, spec=spec(512, 16, resize_factor=factor)).probabilities(image)
        assert np.abs(probabilities - whole).max() < 1e-5
        found = made.segment(image)
        assert isinstance(found, Instances)
        assert len(match_instances(truth, found, iou_threshold=0.6).iou) >= 19


def test_grey_and_colour_and_16_bit(tmp_path: Path) -> None:
    truth = discs((20, 25, 10), (20, 45, 10))
    finding = segmenter(tmp_path)
    grey = draw_ink(truth)
    expected = finding.segment(grey)
    colour = finding.segment(np.repeat(grey, 3, axis=0))
    deep = finding.segment(grey.astype(np.uint16) * 257)
    for other in (colour, deep):
        assert (other.labels == expected.labels).all()
    with pytest.raises(ImageError, match="2 channels"):
        finding.segment(np.repeat(grey, 2, axis=0))


def test_empty_images_hold_nothing(tmp_path: Path) -> None:
    image = np.zeros((1, 70, 50), np.uint8)
    for network in ("cells", "mask", "softmax"):
        found = segmenter(tmp_path, network).segment_fully(image)
        assert not found.mask.mask.any()
        assert len(found.cells) == 0


def test_network_inputs_are_what_prediction_feeds(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (1, 100, 90), dtype=np.uint8)
    finding = segmenter(tmp_path, "mask", spec=spec(64, 16))
    fed: list[np.ndarray] = []
    run = finding._session.run
    finding._session.run = lambda batch: fed.append(batch) or run(batch)  # type: ignore[method-assign]
    finding.probabilities(image)
    inputs = list(finding.network_inputs(image))
    assert len(inputs) == len(fed) > 1
    assert all((a == b).all() for a, b in zip(inputs, fed, strict=True))
    assert all(edge % 4 == 0 for batch in inputs for edge in batch.shape[2:])


def test_bundles_that_do_not_segment(tmp_path: Path, dot_bundle: Path) -> None:
    with pytest.raises(BundleError, match="model for detection, not one that segments"):
        Segmenter(open_bundle(dot_bundle))
    # A card that promises two channels more than the graph has.
    bundle = open_bundle(write_ink_bundle(tmp_path / "mask.cellwright", "mask"))
    card = bundle.card.model_copy(update={"classes": ("a", "b", "c")})
    wrong = Segmenter(type(bundle)(bundle.path, card))
    with pytest.raises(BundleError, match=r"not \(1, 3, 32, 32\)"):
        wrong.segment(np.zeros((1, 32, 32), np.uint8))


@pytest.mark.parametrize("network", ["cells", "mask", "softmax"])
def test_views_of_the_card_reach_the_pixels(network: str, tmp_path: Path) -> None:
    """A network without direction says the same of a mirror image, tile by tile."""
    image = draw_ink(scattered_discs(20, (90, 110), seed=5))
    plain = segmenter(tmp_path, network, spec=spec(64, 16))
    card = plain.card.segmentation.model_copy(update={"views": 4})
    calls = []
    averaging = segmenter(tmp_path, network, spec=spec(64, 16), segmentation=card)
    run = averaging._session.run
    averaging._session.run = lambda batch: calls.append(batch) or run(batch)
    found = averaging.probabilities(image)
    assert np.abs(found - plain.probabilities(image)).max() < 1e-5
    assert len(calls) % 4 == 0
    assert np.array_equal(calls[1], calls[0][..., ::-1])
    assert np.array_equal(calls[2], calls[0][:, :, ::-1])
