"""``cellwright explain``: a picture, the bare map, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from cellwright.cli.main import app
from cellwright.errors import CellwrightError
from cellwright.images.read import read_image
from cellwright.images.write import write_tiff
from patch_model import a_picture, patch_bundle


@pytest.fixture
def given(tmp_path: Path) -> tuple[str, str]:
    bundle = patch_bundle(tmp_path / "patch.cellwright").path
    picture = tmp_path / "cell.tif"
    write_tiff(picture, a_picture(3, 8), pixel_size_um=0.5)
    return str(bundle), str(picture)


def explain(*arguments: object):
    return CliRunner().invoke(app, ["explain", *map(str, arguments)])


def test_a_picture_and_what_it_shows(given, tmp_path):
    out = tmp_path / "why" / "cell.png"
    done = explain(*given, "--out", out, "--json", "-")
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    assert content["class"] == content["predicted"] == "patch"
    assert content["probabilities"]["patch"] == content["probability"] > 0.5
    row, column = content["hottest_pixel"]
    assert (row in range(3, 7), column in range(8, 12)) == (True, True)
    assert content["layer"] == "maps"
    assert read_image(out).pixels.shape[0] == 3


def test_the_bare_map_keeps_size_unit_and_scale(given, tmp_path):
    for name in ("map.npy", "map.tif"):
        assert explain(*given, "--out", tmp_path / name).exit_code == 0
    array = np.load(tmp_path / "map.npy", allow_pickle=False)
    assert array.shape == (16, 16)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "map.tif"), array)
    assert read_image(tmp_path / "map.tif").pixel_size_um == 0.5
    assert array.sum() == pytest.approx(0.4 * 16 * 64 / 256, rel=1e-4)


def test_another_class_says_that_nothing_speaks_for_it(given, tmp_path):
    done = explain(*given, "--out", tmp_path / "a.png", "--class", "empty")
    assert done.exit_code == 0
    assert "nothing in these maps speaks for empty" in done.stderr
    assert "most probable: patch" in done.stderr


def test_what_cannot_be_explained_leaves_no_file(given, blob_bundle, tmp_path):
    bundle, picture = given
    for arguments, message in (
        ((bundle, picture, "--out", tmp_path / "a.pdf"), "ends in .png"),
        ((bundle, "--out", tmp_path / "a.png"), "nothing to explain"),
        ((bundle, picture, "--data", tmp_path, "--out", tmp_path / "a.png"), "too much"),
        ((bundle, "--data", tmp_path, "--out", tmp_path / "a.npy"), "ends in .html"),
        ((bundle, picture, "--out", tmp_path / "a.png", "--class", "cell"), "choose one of"),
        ((blob_bundle, picture, "--out", tmp_path / "a.png"), "not one that classifies"),
        ((bundle, tmp_path / "none.tif", "--out", tmp_path / "a.png"), "none.tif"),
    ):
        done = explain(*arguments)
        assert isinstance(done.exception, CellwrightError)
        assert message in str(done.exception)
    assert not list(tmp_path.glob("a.*"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--split", "x.csv"), "--split: this option says nothing where the model is explained on"),
        (("--format", "yolo"), "--format: this option says nothing"),
        (("--part", "test"), "--part: this option says nothing"),
        (("--pixel-size", "nan"), "pixel size must be above 0"),
        (("--pixel-size", "0.0001"), "more than 64 times smaller than in training (0.5 µm)"),
    ],
)
def test_options_of_the_other_way_and_impossible_sizes_are_refused(tmp_path, options, said):
    bundle = patch_bundle(tmp_path / "patch.cellwright", pixel_size_um=0.5, fit="centre").path
    write_tiff(tmp_path / "cell.tif", a_picture(3, 8), pixel_size_um=0.5)
    out = tmp_path / "map.npy"
    done = explain(bundle, tmp_path / "cell.tif", "--out", out, *options)
    assert isinstance(done.exception, CellwrightError)
    assert said in str(done.exception)
    assert not out.exists()


def test_options_of_an_image_are_refused_for_a_set(given, tmp_path):
    out = tmp_path / "table.csv"
    done = explain(given[0], "--data", tmp_path, "--out", out, "--class", "Nonsense")
    assert isinstance(done.exception, CellwrightError)
    assert "--class: this option says nothing" in str(done.exception)
