from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from blob_model import discs, write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.errors import ConfigError, ImageError
from cellwright.images.write import write_png
from cellwright.inference.outline_products import outline_products
from cellwright.inference.run import RunOptions, predict_files
from cellwright.inference.work import Outlines
from ink_cells import draw_ink, scattered_discs, write_ink_bundle


@pytest.mark.parametrize(
    ("wanted", "suffixes"),
    [
        ("none", set()),
        ("geojson", {".geojson"}),
        ("imagej", {".zip"}),
        ("both", {".geojson", ".zip"}),
    ],
)
def test_predict_writes_the_outlines_that_are_wanted(
    wanted: Outlines, suffixes: set[str], tmp_path: Path
) -> None:
    cells = scattered_discs(9, (80, 100), seed=1)
    write_png(tmp_path / "in" / "a.png", draw_ink(cells))
    bundle = open_bundle(write_ink_bundle(tmp_path / "cells.cellwright"))
    options = RunOptions(overlays="none", outlines=wanted)
    summary = predict_files([tmp_path / "in"], bundle=bundle, out=tmp_path / "out", options=options)
    found = {path.suffix: path for path in (tmp_path / "out").glob("outlines/a.*")}
    assert set(found) == suffixes
    assert summary.counts["cell"] == len(cells)
    if ".geojson" in found:
        features = json.loads(found[".geojson"].read_text(encoding="utf-8"))["features"]
        assert len(features) == len(cells)
    if ".zip" in found:
        with zipfile.ZipFile(found[".zip"]) as archive:
            assert {name[:4] for name in archive.namelist()} == {
                f"{n:04d}" for n in range(1, len(cells) + 1)
            }


def test_boxes_are_outlined_as_they_stand_in_the_table(tmp_path: Path) -> None:
    labelled = discs(tmp_path / "in", n_images=1)
    bundle = open_bundle(write_blob_model(tmp_path / "blobs.cellwright"))
    options = RunOptions(overlays="none", outlines="geojson")
    out = tmp_path / "out"
    predict_files([tmp_path / "in"], bundle=bundle, out=out, options=options)
    text = (out / "outlines" / f"{labelled.records[0].id}.geojson").read_text(encoding="utf-8")
    rows = (out / "cells.csv").read_text(encoding="utf-8").splitlines()[1:]
    places = [feature["geometry"]["coordinates"][0][0] for feature in json.loads(text)["features"]]
    table = [[float(row.split(",")[index]) for index in (5, 4)] for row in rows]
    assert places == table


def test_an_image_too_large_for_imagej_is_refused_before_it_is_written() -> None:
    with pytest.raises(ImageError, match="geojson"):
        outline_products("both", list, ("cell",), image_id="a", size=(10, 40_000))
    assert len(outline_products("geojson", list, ("cell",), image_id="a", size=(10, 40_000))) == 1


def test_a_model_that_classifies_has_no_outlines() -> None:
    with pytest.raises(ConfigError, match="--outlines"):
        RunOptions(outlines="both").refuse_detection()
