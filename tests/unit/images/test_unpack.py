from __future__ import annotations

import csv
import os

import numpy as np
import pytest
import tifffile

from cellwright.errors import ConfigError, ImageError
from cellwright.images.read import read_image
from cellwright.images.scenes import Scene, list_scene_files
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


def a_tiff(path, values, *, axes="TYX", dtype=np.uint8, names=()):
    """A stack whose planes are each of one value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    planes = np.stack([np.full((8, 9), value, dtype) for value in values])
    metadata = {"axes": axes} | ({"Channel": {"Name": list(names)}} if names else {})
    tifffile.imwrite(path, planes, ome=True, photometric="minisblack", metadata=metadata)
    return path


def test_a_picture_of_another_file_is_never_passed_off_as_this_ones(tmp_path):
    first, second = (
        a_tiff(tmp_path / plate / "scan.tif", values)
        for plate, values in {"plate1": (1, 2), "plate2": (3, 4)}.items()
    )
    out = tmp_path / "out"
    unpack([first], out, Choice())
    done = unpack([second], out, Choice())
    assert (done.rows, list(done.errors)) == ([], [second])
    assert "was not unpacked from this file" in done.errors[second].what
    assert [row["source"] for row in table(out)] == [str(first)] * 2
    assert read_image(out / "scan_t001.ome.tif").pixels.max() == 1


def test_a_file_replaced_by_an_older_one_is_taken_apart_again(tmp_path):
    source = a_tiff(tmp_path / "scan.tif", (1, 2))
    unpack([source], tmp_path / "out", Choice())
    a_tiff(source, (3, 4))
    os.utime(source, (1e9, 1e9))
    assert unpack([source], tmp_path / "out", Choice()).n_kept == 0
    assert read_image(tmp_path / "out" / "scan_t001.ome.tif").pixels.max() == 3


def test_a_file_that_is_no_picture_of_ours_is_not_overwritten(tmp_path):
    source = a_tiff(tmp_path / "in" / "a.tif", (1, 2))
    foreign = a_tiff(tmp_path / "out" / "a_t001.ome.tif", (7, 8))
    before = foreign.read_bytes()
    assert list(unpack([source], tmp_path / "out", Choice()).errors) == [source]
    assert foreign.read_bytes() == before


def test_channels_whose_names_come_out_alike_are_numbered(tmp_path):
    source = a_tiff(tmp_path / "a.ome.tif", (5, 9), axes="CYX", names=("Cy5 a", "cy5/a"))
    done = unpack([source], tmp_path / "out", Choice(channel="each"))
    pixels = [read_image(tmp_path / "out" / row["image"]).pixels.max() for row in done.rows]
    assert [row["image"] for row in done.rows] == ["a_Cy5-a-c1.ome.tif", "a_cy5-a-c2.ome.tif"]
    assert pixels == [5, 9]


def test_two_pictures_of_one_name_are_told(tmp_path):
    files = [a_tiff(tmp_path / "a.tif", (1, 2)), a_tiff(tmp_path / "a_t001.tif", (9,), axes="CYX")]
    done = unpack(files, tmp_path / "out", Choice())
    assert [row["source"] for row in done.rows] == [str(files[0])] * 2
    assert "a second picture called a_t001.ome.tif" in done.errors[files[1]].what


def test_the_mean_of_signed_planes_keeps_its_sign(tmp_path):
    source = a_tiff(tmp_path / "a.tif", (0, -10), axes="ZYX", dtype=np.int16)
    (row,) = unpack([source], tmp_path / "out", Choice("mean")).rows
    pixels = read_image(tmp_path / "out" / row["image"]).pixels
    assert pixels.dtype == np.float32
    assert np.unique(pixels).tolist() == [-5]


@pytest.mark.parametrize(("values", "dtype"), [((0, -10), np.float32), ((0, 300), np.uint16)])
def test_planes_of_a_scene_are_of_one_type(tmp_path, values, dtype):
    source = a_tiff(tmp_path / "a.tif", values, axes="ZYX", dtype=np.int32)
    done = unpack([source], tmp_path / "out", Choice("each"))
    pixels = [read_image(tmp_path / "out" / row["image"]).pixels for row in done.rows]
    assert [one.dtype for one in pixels] == [dtype, dtype]
    assert [one[0, 0, 0] for one in pixels] == list(values)


def test_rows_of_files_unpacked_before_stay_while_their_pictures_do(tmp_path):
    out = tmp_path / "out"
    first, second = a_tiff(tmp_path / "a.tif", (1, 2)), a_tiff(tmp_path / "b.tif", (3,), axes="CYX")
    unpack([first], out, Choice())
    (out / "a_t002.ome.tif").unlink()
    assert [row["image"] for row in unpack([second], out, Choice()).rows] == ["b.ome.tif"]
    assert [row["image"] for row in table(out)] == ["a_t001.ome.tif", "b.ome.tif"]


@pytest.mark.parametrize("text", ["name,count\na,1\n", 'image,"source\n', "\xff"])
def test_a_table_of_something_else_is_not_overwritten(stack_file, tmp_path, text):
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "images.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"no table of `data unpack`"):
        unpack([stack_file], tmp_path / "out", Choice("max"))
    assert path.read_bytes() == text.encode("latin-1")


def test_unpacking_into_a_folder_below_can_be_done_again(tmp_path):
    out = tmp_path / "pictures"
    for name, values in {"a.tif": (1, 2), "b.tif": (3,)}.items():
        a_tiff(tmp_path / name, values, axes="TYX" if len(values) > 1 else "CYX")
    for kept in (0, 3):
        done = unpack(list_scene_files([tmp_path], apart_from=out), out, Choice())
        assert (len(done.rows), done.n_kept, done.errors) == (3, kept, {})
    with pytest.raises(ConfigError, match="unpacked into itself"):
        list_scene_files([tmp_path], apart_from=tmp_path / "pictures" / "..")
