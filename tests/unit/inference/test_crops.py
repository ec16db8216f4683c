"""Crops whose files say impossible things about their size, or nothing with their names."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from cellwright.bundles.card import InputSpec
from cellwright.images.normalise import Normalisation
from cellwright.images.write import write_tiff
from cellwright.inference.crops import choose_channels
from cellwright.inference.run import predict_files
from patch_model import a_picture, patch_bundle


def test_a_hostile_pixel_size_is_the_error_of_its_own_file(tmp_path: Path) -> None:
    bundle = patch_bundle(tmp_path / "patch.cellwright", pixel_size_um=0.5, fit="centre")
    write_tiff(tmp_path / "in" / "good.tif", a_picture(4, 4), pixel_size_um=0.5)
    write_tiff(tmp_path / "in" / "hostile.tif", a_picture(4, 4), pixel_size_um=0.0001)
    summary = predict_files([tmp_path / "in"], bundle=bundle, out=tmp_path / "out")
    assert summary.n_done == 1
    with (tmp_path / "out" / "errors.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["image_id"], "0.0001 µm" in row["error"]) == ("hostile", True)
    assert "--pixel-size" in row["remedy"]


def test_channels_of_one_name_stay_two_channels() -> None:
    full = Normalisation(kind="full_range")
    spec = InputSpec(channels=2, channel_names=("dye", "dye"), normalisation=full)
    image = np.stack([np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)])
    assert (choose_channels(image, spec, ("dye", "dye")) == image).all()
    named = InputSpec(channels=2, channel_names=("b", "a"), normalisation=full)
    assert (choose_channels(image, named, ("a", "b")) == image[::-1]).all()
    one = InputSpec(channels=1, channel_names=("bright",), normalisation=full)
    three = np.concatenate([image, image[:1] + 7])
    assert (choose_channels(three, one, ("dye", "dye", "bright")) == 7).all()
