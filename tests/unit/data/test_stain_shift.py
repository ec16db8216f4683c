from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.data.stain_shift import SHIFTS, shifted, shifted_image
from cellwright.errors import ImageError, UnknownNameError
from cellwright.images.write import write_png
from cellwright.types import Category

SMEAR = np.random.default_rng(0).integers(60, 250, (3, 24, 30)).astype(np.uint8)


@pytest.mark.parametrize("name", sorted(SHIFTS))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_shift_moves_pixels_and_keeps_shape_and_type(name, dtype):
    image = SMEAR / np.float32(255) if dtype == np.float32 else SMEAR.astype(dtype)
    if dtype == np.uint16:
        image = image * 257
    moved = shifted_image(image, "a", name=name)
    assert (moved.shape, moved.dtype) == (image.shape, image.dtype)
    assert np.abs(moved.astype(float) - image).mean() > 0


@pytest.mark.parametrize("name", sorted(set(SHIFTS) - {"dark"}))
def test_an_image_is_moved_by_its_id_and_the_seed_alone(name):
    first = shifted_image(SMEAR, "a", name=name)
    shifted_image(SMEAR, "b", name=name)
    assert np.array_equal(first, shifted_image(SMEAR, "a", name=name))
    assert not np.array_equal(first, shifted_image(SMEAR, "b", name=name))
    assert not np.array_equal(first, shifted_image(SMEAR, "a", name=name, seed=1))


def test_dark_takes_a_fifth_of_the_light():
    moved = shifted_image(SMEAR, "a", name="dark")
    assert np.array_equal(moved, np.rint(SMEAR * np.float32(0.8)).astype(np.uint8))


def test_white_balance_leaves_green():
    moved = shifted_image(SMEAR, "a", name="white-balance")
    assert np.array_equal(moved[1], SMEAR[1])
    assert not np.array_equal(moved[0], SMEAR[0])


def test_an_unknown_shift_and_a_grey_image_are_refused():
    with pytest.raises(UnknownNameError, match="stain-matrix"):
        shifted_image(SMEAR, "a", name="sepia")
    with pytest.raises(ImageError, match="red, green and blue"):
        shifted_image(SMEAR[:1], "a", name="hue")


def test_a_shifted_set_keeps_ids_groups_and_labels(tmp_path):
    write_png(tmp_path / "a.png", SMEAR)
    record = Record("a", tmp_path / "a.png", partial(Category, 1), group="slide", split="test")
    moved = shifted(LabelledSet("smears", ("x", "y"), (record,)), "stain")
    assert moved.name == "smears, stain"
    (one,) = moved.records
    assert (one.id, one.group, one.split) == ("a", "slide", "test")
    sample = one.load()
    assert sample.annotation == Category(1)
    assert np.array_equal(sample.image, shifted_image(SMEAR, "a", name="stain"))


def test_a_set_is_not_shifted_by_a_name_that_does_not_exist():
    with pytest.raises(UnknownNameError, match="stain shift"):
        shifted(LabelledSet("smears", ("x",), ()), "sepia")
