from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from cellwright.data.inspection import inspect, write_report
from cellwright.data.inspection import looks as looks_module
from cellwright.data.inspection.looks import (
    FEWEST,
    Look,
    look_at,
    map_looks,
    odd_ones,
)
from cellwright.types import Category

from .conftest import MakeSet


def looks_of(n: int, *, colours: tuple[float, ...], seed: int = 0) -> list[Look]:
    """``n`` images a class around a brightness of its own, each a group."""
    rng = np.random.default_rng(seed)
    return [
        Look(f"{class_id}-{number}", f"{class_id}-{number}", class_id, rng.normal(colour, 0.02, 13))
        for class_id, colour in enumerate(colours)
        for number in range(n)
    ]


def test_the_numbers_of_an_image_by_hand():
    image = np.zeros((2, 10, 10), np.uint8)
    image[0] = 51
    image[1, :, 5:] = 255
    values = look_at(image)
    assert values[:2] == pytest.approx([0.2, 0.5])
    assert values[2:4] == pytest.approx([0, 0.5])
    assert values[4:8] == pytest.approx([0.2, 0, 0.2, 1])
    # A step of a half in the mean of both channels: 20 pixels beside it differ by a half.
    assert values[8] == pytest.approx(20 * 0.5 / 100)


def test_the_map_is_that_of_scikit_learn():
    looks = looks_of(15, colours=(0.3, 0.5))
    found = map_looks(looks)
    values = np.stack([one.values for one in looks])
    pca = PCA(2).fit((values - values.mean(0)) / values.std(0))
    assert found.explained == pytest.approx(pca.explained_variance_ratio_)
    expected = pca.transform((values - values.mean(0)) / values.std(0))
    assert np.abs(found.places) == pytest.approx(np.abs(expected), abs=1e-6)


def test_colours_that_tell_the_class_and_colours_that_do_not():
    told = map_looks(looks_of(20, colours=(0.2, 0.8)))
    assert told.told_by_colour.value == 1
    assert told.chance == pytest.approx(2 * 20 * 19 / (40 * 39))
    blind = map_looks(looks_of(40, colours=(0.5, 0.5)))
    assert blind.told_by_colour.low < blind.chance < blind.told_by_colour.high


def test_neighbours_of_the_same_group_do_not_count():
    looks = [
        Look(one.image_id, "one", one.class_id, one.values) for one in looks_of(12, colours=(0, 1))
    ]
    assert map_looks(looks).told_by_colour.value is None


def test_a_wrong_label_and_an_outlier_are_found():
    looks = looks_of(20, colours=(0.2, 0.8))
    swapped = Look("swapped", "swapped", 0, looks[25].values + 0.001)
    far = Look("far", "far", 1, looks[25].values + np.eye(13)[12] * 5)
    found = {(one.kind, one.image_id) for one in odd_ones([*looks, swapped, far], ("a", "b"))}
    assert ("looks_like_another", "swapped") in found
    assert ("outlier", "far") in found
    assert not {image for _, image in found} - {"swapped", "far"}


def test_few_images_one_class_or_mixed_channels_have_no_map():
    looks = looks_of(20, colours=(0.2, 0.8))
    assert map_looks(looks[: FEWEST - 1]) is None
    assert map_looks(looks[:20]) is None
    grey = Look("grey", "grey", 0, np.zeros(5))
    assert map_looks([*looks, grey]) is None
    assert odd_ones([*looks, grey], ("a", "b")) == []


def test_an_inspection_of_classes_says_it(make_set: MakeSet, tmp_path):
    rng = np.random.default_rng(0)
    images = {
        f"{kind}{number}": np.clip(rng.normal(level, 20, (3, 24, 24)), 0, 255).astype(np.uint8)
        for kind, level in (("a", 90), ("b", 160))
        for number in range(12)
    }
    labelled = make_set(images, {name: Category("ab".index(name[0])) for name in images})
    inspection = inspect(labelled)
    assert inspection.to_dict()["looks"]["told_by_colour"]["value"] == 1
    assert {name: set(found) for name, found in inspection.class_intensities.items()} == {
        name: {"red", "green", "blue"} for name in labelled.classes
    }
    write_report(inspection, labelled, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "How the classes look" in page
    assert "Pixel values of green by class" in page


def test_images_are_compared_in_blocks_with_the_result_of_the_whole(monkeypatch):
    looks = looks_of(30, colours=(0.4, 0.42, 0.44))
    looks = [replace(one, group=str(number % 7)) for number, one in enumerate(looks)]
    whole = map_looks(looks).told_by_colour, odd_ones(looks, "abc")
    expected = [
        min(
            (other for other in looks if other.group != one.group),
            key=lambda other: np.square(other.values[:3] - one.values[:3]).sum(),
        ).class_id
        == one.class_id
        for one in looks
    ]
    assert whole[0].value == np.mean(expected)
    monkeypatch.setattr(looks_module, "_BLOCK", 7)
    assert (map_looks(looks).told_by_colour, odd_ones(looks, "abc")) == whole
    blocks = [block.shape for _, block in looks_module._distances(np.zeros((20, 3)))]
    assert blocks == [(7, 20), (7, 20), (6, 20)]
