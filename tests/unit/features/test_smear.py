"""Segmentation of simulated smears against their truth, and of pictures that are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.features import segment_crop, segment_smear
from cellwright.images.simulate.smear import SmearField, SmearScene, simulate_smear

SCENE = SmearScene(
    height=240, width=300, n_red=20, n_white=4, radius_px=13, blast_share=0.5, seed=10
)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


@pytest.fixture(scope="module")
def field() -> SmearField:
    return simulate_smear(replace(SCENE, clump_fraction=0.0))


def test_a_field_gives_cells_and_nuclei(field: SmearField) -> None:
    found = segment_smear(field.image)
    assert found.n_white == 4
    assert abs(found.n_red - len(field.red)) <= 2
    assert dice(found.white > 0, field.white.labels > 0) > 0.95
    assert dice(found.nuclei > 0, field.nuclei > 0) > 0.95
    inside = found.nuclei > 0
    assert (found.nuclei[inside] == found.white[inside]).all()
    assert not ((found.white > 0) & (found.red > 0)).any()


def test_size_and_seed_do_not_matter(field: SmearField) -> None:
    twice = field.image.repeat(2, axis=1).repeat(2, axis=2)
    assert segment_smear(twice).n_white == 4
    first, other = segment_smear(field.image), segment_smear(field.image, seed=9)
    assert dice(first.white > 0, other.white > 0) > 0.99


def test_16_bits_give_what_8_bits_give(field: SmearField) -> None:
    deep = field.image.astype(np.uint16) * 16
    assert dice(segment_smear(deep).white > 0, segment_smear(field.image).white > 0) > 0.97


def test_touching_cells_come_apart() -> None:
    """Two blasts, side by side with their plasma in contact."""
    lone = simulate_smear(replace(SCENE, n_red=6, n_white=2, blast_share=1.0, clump_fraction=0))
    boxes = lone.white.boxes().xyxy.astype(int)
    x1, y1, x2, y2 = max(boxes.tolist(), key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    cell = lone.image[:, y1:y2, x1:x2]
    canvas = np.repeat(np.median(lone.image, axis=(1, 2)).astype(np.uint8), 160 * 240)
    canvas = canvas.reshape(3, 160, 240)
    height, width = cell.shape[1:]
    for left in (40, 40 + width - 1):
        canvas[:, 40 : 40 + height, left : left + width] = cell
    assert segment_smear(canvas).n_white == 2


def test_a_crop_keeps_the_centred_cell_alone() -> None:
    field = simulate_smear(replace(SCENE, n_red=10, n_white=2, clump_fraction=0.0, seed=8))
    x1, y1, x2, y2 = field.white.boxes().xyxy[0].astype(int)
    top, left = max(0, y1 - 12), max(0, x1 - 12)
    crop = field.image[:, top : y2 + 12, left : x2 + 12]
    truth = field.white.labels[top : y2 + 12, left : x2 + 12] == 1
    found = segment_crop(crop)
    assert found.n_white == 1
    assert dice(found.white > 0, truth) > 0.9


def test_a_smear_without_white_cells_has_none() -> None:
    field = simulate_smear(replace(SCENE, n_white=0, n_platelets=0, clump_fraction=0.0))
    found = segment_smear(field.image)
    assert found.n_white == 0 and not found.nuclei.any()
    assert abs(found.n_red - len(field.red)) <= 3
    assert segment_crop(field.image).n_white == 0


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (np.zeros((1, 64, 64), np.uint8), "three colour channels"),
        (np.zeros((4, 64, 64), np.uint8), "three colour channels"),
        (np.full((3, 64, 64), 200, np.uint8), "grey"),
        (np.zeros((3, 8, 200), np.uint8), "too few"),
        (np.full((3, 64, 64), np.nan, np.float32), "NaN"),
    ],
)
def test_what_is_no_smear_is_refused(picture: np.ndarray, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        segment_smear(picture, where="a.png")


def test_a_grey_copy_of_a_smear_is_refused(field: SmearField) -> None:
    grey = np.repeat(field.image.mean(axis=0, keepdims=True), 3, axis=0).astype(np.uint8)
    with pytest.raises(ImageError, match="grey"):
        segment_smear(grey)


def test_many_fields_side_by_side_give_the_cells_of_all() -> None:
    tile = simulate_smear(replace(SCENE, clump_fraction=0)).image
    field = np.tile(tile, (1, 4, 4))
    found = segment_smear(field)
    assert 56 <= found.n_white <= 72
