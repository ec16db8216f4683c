from __future__ import annotations

import csv
import os

import numpy as np
import pytest

from cellwright.errors import ConfigError, ImageError
from cellwright.images.read import read_image
from cellwright.images.scenes import Scene
from cellwright.images.unpack import Choice, focus, pieces, unpack
from lif_files import write_lif
from scene_files import NAMES, PIXEL_SIZE_UM, WRITERS, a_stack, zarr_plate


@pytest.fixture
def stack_file(tmp_path):
    name, write = WRITERS["CZI"]
    write(tmp_path / name, a_stack())
    return tmp_path / name


def table(folder, name="images.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def a_scene(tmp_path, *, n_times=1, n_depths=1, names=NAMES):
    return Scene(
        (2, 8, 8), n_times, n_depths, lambda _time, _depth: None, tmp_path, channel_names=names
    )


def test_each_plane_becomes_a_picture_with_scale_and_names(stack_file, tmp_path):
    done = unpack([stack_file], tmp_path / "out", Choice(depth="each"))
    assert [row["image"] for row in done.rows][:3] == [
        "stack_t001_z001.ome.tif",
        "stack_t001_z002.ome.tif",
        "stack_t001_z003.ome.tif",
    ]
    assert len(done.rows) == 6
    for row in table(tmp_path / "out"):
        picture = read_image(tmp_path / "out" / row["image"])
        expected = a_stack()[int(row["time"]) - 1, int(row["depth"]) - 1]
        assert np.array_equal(picture.pixels, expected)
        assert picture.pixel_size_um == pytest.approx(PIXEL_SIZE_UM)
        assert picture.channel_names == NAMES
        assert row["channels"] == "DAPI; PI"
        assert float(row["pixel_size_um"]) == PIXEL_SIZE_UM
    assert table(tmp_path / "out", "errors.csv") == []


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        ("max", a_stack()[0].max(axis=0)),
        ("mean", np.rint(a_stack()[0].mean(axis=0)).astype(np.uint16)),
        ("2", a_stack()[0, 1]),
    ],
)
def test_projections_and_single_planes(stack_file, tmp_path, depth, expected):
    unpack([stack_file], tmp_path / "out", Choice(depth=depth, time="1"))
    (row,) = table(tmp_path / "out")
    assert row["depth"] == depth
    assert np.array_equal(read_image(tmp_path / "out" / row["image"]).pixels, expected)


def test_the_sharpest_plane_is_the_one_in_focus(tmp_path):
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 60000, (2, 20, 30)).astype(np.uint16)
    blurred = np.full_like(sharp, 30000)
    stack = np.stack([blurred, sharp, blurred])[None]
    write_lif(tmp_path / "a.lif", {"a": stack}, pixel_size_um=0.5, channel_names=NAMES)
    unpack([tmp_path / "a.lif"], tmp_path / "out", Choice(depth="sharpest"))
    assert np.array_equal(read_image(tmp_path / "out" / "a_zsharpest.ome.tif").pixels, sharp)
    assert focus(sharp) > focus(blurred) == 0


def test_channels_apart_are_named_after_themselves(stack_file, tmp_path):
    unpack([stack_file], tmp_path / "out", Choice("1", "1", "each"))
    assert [row["image"] for row in table(tmp_path / "out")] == [
        "stack_t001_z001_DAPI.ome.tif",
        "stack_t001_z001_PI.ome.tif",
    ]
    picture = read_image(tmp_path / "out" / "stack_t001_z001_PI.ome.tif")
    assert np.array_equal(picture.pixels, a_stack()[0, 0, 1:])
    assert picture.channel_names == ("PI",)


@pytest.mark.parametrize(("channel", "index"), [("PI", 1), ("1", 0)])
def test_one_channel_by_name_or_number(stack_file, tmp_path, channel, index):
    unpack([stack_file], tmp_path / "out", Choice("1", "1", channel))
    (row,) = table(tmp_path / "out")
    pixels = read_image(tmp_path / "out" / row["image"]).pixels
    assert np.array_equal(pixels, a_stack()[0, 0, [index]])


def test_names_of_channels_cannot_lead_out_of_the_folder(tmp_path):
    scene = a_scene(tmp_path, names=("../../x", "/"))
    assert [piece.suffix for piece in pieces(scene, Choice(channel="each"))] == ["_x", "_c2"]


def test_wells_and_fields_are_found_in_the_names(tmp_path):
    from cellwright.inference.identity import name_images

    zarr_plate(
        tmp_path / "plate.zarr", {"A/1/0": a_stack(), "B/12/0": a_stack(), "B/12/1": a_stack()}
    )
    done = unpack([tmp_path / "plate.zarr"], tmp_path / "out", Choice("max", "1"))
    named = name_images([tmp_path / "out" / row["image"] for row in done.rows])
    assert [(one.well, one.field) for one in named] == [("A01", "1"), ("B12", "1"), ("B12", "2")]
    assert [(row["well"], row["field"]) for row in done.rows] == [
        (one.well, one.field) for one in named
    ]


def test_a_stopped_run_goes_on_and_a_newer_file_is_taken_apart_again(stack_file, tmp_path):
    out = tmp_path / "out"
    assert unpack([stack_file], out, Choice("max")).n_kept == 0
    (out / "stack_t002_zmax.ome.tif").unlink()
    before = (out / "stack_t001_zmax.ome.tif").stat().st_mtime_ns
    assert unpack([stack_file], out, Choice("max")).n_kept == 1
    assert (out / "stack_t001_zmax.ome.tif").stat().st_mtime_ns == before
    later = before / 1e9 + 100
    os.utime(stack_file, (later, later))
    assert unpack([stack_file], out, Choice("max")).n_kept == 0


def test_a_damaged_file_becomes_a_row_and_the_others_are_done(stack_file, tmp_path):
    (tmp_path / "bad.czi").write_bytes(stack_file.read_bytes()[:300])
    done = unpack([tmp_path / "bad.czi", stack_file], tmp_path / "out", Choice("max"))
    assert len(done.rows) == 2
    (row,) = table(tmp_path / "out", "errors.csv")
    assert row["source"] == str(tmp_path / "bad.czi")
    assert row["error"] and row["remedy"]


def test_several_depths_want_a_choice(stack_file, tmp_path):
    done = unpack([stack_file], tmp_path / "out", Choice())
    (error,) = done.errors.values()
    assert "3 planes in depth" in error.what
    assert "--z: each, max, mean, sharpest" in error.remedy


def test_one_depth_needs_none(tmp_path):
    for depth in (None, "max", "sharpest", "each", "1"):
        (piece,) = pieces(a_scene(tmp_path), Choice(depth))
        assert (piece.depth, piece.suffix) == ("1", "")


@pytest.mark.parametrize(
    ("choice", "remedy"),
    [
        (Choice("7"), "choose from 1 to 3"),
        (Choice("1", "3"), "choose from 1 to 2"),
        (Choice("1", "0"), "choose from 1 to 2"),
        (Choice("1", "1", "Cy5"), "choose one of: DAPI, PI, 1, 2"),
        (Choice("1", "1", "3"), "choose one of: DAPI, PI, 1, 2"),
    ],
)
def test_what_a_file_has_not_is_refused_with_the_choices(tmp_path, choice, remedy):
    with pytest.raises(ImageError) as caught:
        pieces(a_scene(tmp_path, n_times=2, n_depths=3), choice)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("choice", [Choice("median"), Choice("-1"), Choice(time="max")])
def test_words_of_no_meaning_are_refused_before_anything_is_written(stack_file, tmp_path, choice):
    with pytest.raises(ConfigError):
        unpack([stack_file], tmp_path / "out", choice)
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_name_are_refused(tmp_path):
    names = [tmp_path / "a" / "x.czi", tmp_path / "b" / "X.nd2"]
    with pytest.raises(ConfigError, match="one name"):
        unpack(names, tmp_path / "out", Choice())
