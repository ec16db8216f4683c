"""Crops whose files say impossible things about their size."""

from __future__ import annotations

import csv
from pathlib import Path

from cellwright.images.write import write_tiff
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
