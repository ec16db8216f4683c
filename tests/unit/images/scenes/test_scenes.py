"""Every row of SCENES gives back the stack that was written, and refuses what it must."""

from __future__ import annotations

import sys
from contextlib import suppress

import numpy as np
import pytest
import tifffile
import zarr
from pylibCZIrw import czi

from cellwright.errors import ImageError, MissingExtraError
from cellwright.images.scenes import SCENES, kind_of_scenes, list_scene_files, open_scenes
from cellwright.images.scenes.scene import refuse_other_axes
from lif_files import write_lif
from nd2_files import write_nd2
from scene_files import NAMES, PIXEL_SIZE_UM, WRITERS, a_stack, zarr_image, zarr_plate

MODULES = {"CZI": "pylibCZIrw", "LIF": "liffile", "ND2": "nd2", "OME-Zarr": "zarr"}


@pytest.fixture(params=sorted(SCENES))
def kind(request):
    return request.param


@pytest.fixture
def written(kind, tmp_path):
    name, write = WRITERS[kind]
    write(tmp_path / name, a_stack())
    return tmp_path / name


def test_every_row_has_a_writer_here():
    assert set(WRITERS) == set(SCENES)


def test_planes_scale_and_names_are_those_of_the_file(kind, written):
    assert kind_of_scenes(written) == kind
    stack = a_stack()
    with open_scenes(written) as scenes:
        (scene,) = scenes
        assert (scene.shape, scene.n_times, scene.n_depths) == ((2, 20, 30), 2, 3)
        assert scene.pixel_size_um == pytest.approx(PIXEL_SIZE_UM)
        assert scene.channel_names == NAMES
        for time in range(2):
            for depth in range(3):
                assert np.array_equal(scene.plane(time, depth), stack[time, depth])


def test_planes_outlive_their_file(written):
    with open_scenes(written) as scenes:
        plane = scenes[0].plane(1, 1)
    assert np.array_equal(plane, a_stack()[1, 1])


def test_a_plane_beyond_the_limit_is_refused_before_it_is_read(written):
    with (
        pytest.raises(ImageError, match="more than the limit of 1000 values"),
        open_scenes(written, max_pixels=1000),
    ):
        pass


def test_a_damaged_file_is_one_sentence(kind, written):
    if kind == "OME-Zarr":
        (written / "0" / ".zarray").write_text("{")
    else:
        written.write_bytes(written.read_bytes()[:300])
    with pytest.raises(ImageError) as caught, open_scenes(written):
        pass
    assert str(written) in str(caught.value)
    assert caught.value.remedy


def test_flipped_bytes_give_pixels_or_one_sentence(kind, written):
    if kind == "OME-Zarr":
        written = written / "0" / ".zarray"
    sound, rng = written.read_bytes(), np.random.default_rng(0)
    top = written.parents[1] if kind == "OME-Zarr" else written
    for _ in range(25):
        spoiled = bytearray(sound)
        for place in rng.integers(0, len(sound), rng.integers(1, 20)):
            spoiled[place] = rng.integers(0, 256)
        written.write_bytes(
            spoiled[: rng.integers(1, len(sound))] if rng.random() < 0.3 else spoiled
        )
        with suppress(ImageError), open_scenes(top) as scenes:
            for scene in scenes[:3]:
                scene.plane(scene.n_times - 1, scene.n_depths - 1)


def test_a_missing_reader_names_its_extra(kind, written, monkeypatch):
    if kind not in MODULES:
        pytest.skip("TIFF needs no extra")
    monkeypatch.setitem(sys.modules, MODULES[kind], None)
    with pytest.raises(MissingExtraError, match=r"cellwright\[bio\]"), open_scenes(written):
        pass


def test_what_is_no_stack_is_refused_with_the_choices(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(ImageError, match=r"CZI, LIF, ND2, OME-Zarr, TIFF"):
        kind_of_scenes(tmp_path / "a.txt")
    with pytest.raises(ImageError, match="does not exist"):
        kind_of_scenes(tmp_path / "b.czi")


def test_folders_are_searched_and_pyramids_are_not_entered(tmp_path):
    stack = a_stack()
    for name, write in WRITERS.values():
        (tmp_path / "deep").mkdir(exist_ok=True)
        write(tmp_path / "deep" / name, stack)
    (tmp_path / "deep" / "notes.txt").write_text("x")
    (tmp_path / "deep" / ".hidden.czi").write_text("x")
    found = list_scene_files([tmp_path, tmp_path / "deep" / "stack.czi"])
    assert sorted(path.name for path in found) == sorted(name for name, _ in WRITERS.values())
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="holds no such files"):
        list_scene_files([tmp_path / "empty"])


class TestCZI:
    def test_scenes_are_apart_and_mosaics_whole(self, tmp_path):
        rng = np.random.default_rng(0)
        left, right, other = rng.integers(0, 255, (3, 20, 30), dtype=np.uint8)
        with czi.create_czi(str(tmp_path / "a.czi")) as document:
            document.write(left, plane={"C": 0}, scene=0, location=(0, 0))
            document.write(right, plane={"C": 0}, scene=0, location=(30, 0))
            document.write(other, plane={"C": 0}, scene=1, location=(500, 500))
        with open_scenes(tmp_path / "a.czi") as scenes:
            whole, single = scenes
            assert np.array_equal(whole.plane(0, 0)[0], np.concatenate([left, right], axis=1))
            assert np.array_equal(single.plane(0, 0)[0], other)

    def test_colours_come_red_first(self, tmp_path):
        blue_first = np.zeros((20, 30, 3), np.uint8)
        blue_first[..., 2] = 200
        with czi.create_czi(str(tmp_path / "a.czi")) as document:
            document.write(blue_first, plane={"C": 0})
        with open_scenes(tmp_path / "a.czi") as (scene,):
            assert scene.shape == (3, 20, 30)
            assert scene.plane(0, 0)[:, 0, 0].tolist() == [200, 0, 0]

    def test_channels_of_different_types_are_refused(self, tmp_path):
        with czi.create_czi(str(tmp_path / "a.czi")) as document:
            document.write(np.zeros((20, 30), np.uint8), plane={"C": 0})
            document.write(np.zeros((20, 30), np.uint16), plane={"C": 1})
        with (
            pytest.raises(ImageError, match="Gray16, Gray8"),
            open_scenes(tmp_path / "a.czi"),
        ):
            pass


class TestND2:
    @pytest.mark.parametrize("loops", ["TPZ", "PZT", "ZTP"])
    def test_positions_are_scenes_however_the_loops_are_nested(self, tmp_path, loops):
        stack = np.stack([a_stack(seed) for seed in range(4)], axis=1)
        path = tmp_path / "a.nd2"
        write_nd2(path, stack, pixel_size_um=0.5, channel_names=NAMES, loops=loops)
        with open_scenes(path) as scenes:
            assert [scene.name for scene in scenes] == [f"Point {number}" for number in range(1, 5)]
            for number, scene in enumerate(scenes):
                assert np.array_equal(scene.plane(1, 2), stack[1, number, 2])

    def test_a_single_plane_has_no_loops(self, tmp_path):
        plane = a_stack()[:1, None, :1]
        write_nd2(tmp_path / "a.nd2", plane, pixel_size_um=0.5, channel_names=NAMES)
        with open_scenes(tmp_path / "a.nd2") as (scene,):
            assert np.array_equal(scene.plane(0, 0), plane[0, 0, 0])


@pytest.mark.parametrize(("axes", "sizes"), [("ATYX", (2, 3, 4, 5)), ("QTQYX", (2, 3, 2, 4, 5))])
def test_axes_that_cannot_be_named_are_refused(axes, sizes, tmp_path):
    with pytest.raises(ImageError, match=r"2 in [AQ]"):
        refuse_other_axes(axes, sizes, where=tmp_path)


def test_images_of_a_lif_file_are_scenes(tmp_path):
    images = {"one": a_stack(0), "two": a_stack(1)[:1, :1, :1]}
    write_lif(tmp_path / "a.lif", images, pixel_size_um=0.5, channel_names=NAMES)
    with open_scenes(tmp_path / "a.lif") as (one, two):
        assert (one.name, two.name) == ("one", "two")
        assert np.array_equal(one.plane(1, 2), images["one"][1, 2])
        assert np.array_equal(two.plane(0, 0), images["two"][0, 0])


class TestTIFF:
    def test_unnamed_pages_are_times(self, tmp_path):
        pages = a_stack()[:, 0, 0]
        tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", metadata=None)
        with open_scenes(tmp_path / "a.tif") as (scene,):
            assert (scene.n_times, scene.n_depths) == (2, 1)
            assert np.array_equal(scene.plane(1, 0), pages[1][None])

    @pytest.mark.parametrize("shape", [(3, 1, 1), (1, 3, 1), (3, 2), (2, 1, 3)])
    @pytest.mark.parametrize("compression", [None, "zlib"])
    def test_no_unnamed_page_is_lost(self, tmp_path, shape, compression):
        pages = np.random.default_rng(0).integers(0, 255, (*shape, 16, 16), dtype=np.uint8)
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, pages, photometric="minisblack", compression=compression)
        with open_scenes(path) as (scene,):
            assert scene.n_times == np.prod(shape)
            for number, page in enumerate(pages.reshape(-1, 16, 16)):
                assert np.array_equal(scene.plane(number, 0)[0], page)

    def test_a_hyperstack_of_imagej(self, tmp_path):
        tifffile.imwrite(tmp_path / "a.tif", a_stack(), imagej=True, metadata={"axes": "TZCYX"})
        with open_scenes(tmp_path / "a.tif") as (scene,):
            assert np.array_equal(scene.plane(1, 2), a_stack()[1, 2])

    def test_colours_at_several_times(self, tmp_path):
        frames = np.random.default_rng(0).integers(0, 255, (4, 20, 30, 3), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "a.tif", frames, photometric="rgb", compression="zlib")
        with open_scenes(tmp_path / "a.tif") as (scene,):
            assert np.array_equal(scene.plane(3, 0), frames[3].transpose(2, 0, 1))

    def test_images_of_one_file_are_scenes(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
            tif.write(a_stack(0)[0, 0], metadata={"axes": "CYX", "Name": "left"})
            tif.write(a_stack(1)[0, 0], metadata={"axes": "CYX", "Name": "right"})
        with open_scenes(tmp_path / "a.ome.tif") as (left, right):
            assert (left.name, right.name) == ("left", "right")
            assert np.array_equal(right.plane(0, 0), a_stack(1)[0, 0])


class TestOMEZarr:
    def test_version_0_5(self, tmp_path):
        group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
        zarr_image(group, a_stack(), version="0.5")
        with open_scenes(tmp_path / "a.zarr") as (scene,):
            assert np.array_equal(scene.plane(1, 2), a_stack()[1, 2])
            assert scene.pixel_size_um == pytest.approx(PIXEL_SIZE_UM)

    def test_fields_of_a_plate_know_their_well(self, tmp_path):
        stacks = {place: a_stack(seed) for seed, place in enumerate(["A/1/0", "A/1/1", "B/12/0"])}
        zarr_plate(tmp_path / "plate.zarr", stacks)
        with open_scenes(tmp_path / "plate.zarr") as scenes:
            places = [(scene.well, scene.field) for scene in scenes]
            assert places == [("A01", "1"), ("A01", "2"), ("B12", "1")]
            for scene, stack in zip(scenes, stacks.values(), strict=True):
                assert np.array_equal(scene.plane(1, 2), stack[1, 2])

    def test_series_of_bioformats(self, tmp_path):
        top = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
        top.attrs["bioformats2raw.layout"] = 3
        for number in (0, 1, 10):
            zarr_image(top.create_group(str(number)), a_stack(number))
        with open_scenes(tmp_path / "a.zarr") as scenes:
            assert [scene.name for scene in scenes] == ["0", "1", "10"]
            assert np.array_equal(scenes[2].plane(0, 0), a_stack(10)[0, 0])

    def test_a_codec_that_would_run_code_is_refused(self, tmp_path):
        WRITERS["OME-Zarr"][1](tmp_path / "a.zarr", a_stack())
        described = tmp_path / "a.zarr" / "0" / ".zarray"
        described.write_text(
            described.read_text().replace('"filters": null', '"filters": [{"id": "pickle"}]')
        )
        assert "pickle" in described.read_text()
        with pytest.raises(ImageError), open_scenes(tmp_path / "a.zarr"):
            pass

    def test_chunks_beyond_the_limit_are_refused(self, tmp_path):
        group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
        zarr_image(group, a_stack())
        described = tmp_path / "a.zarr" / "0" / ".zarray"
        text = described.read_text()
        assert text.count("16") >= 2
        described.write_text(text.replace("16,", "100000,").replace("16\n", "100000\n"))
        with (
            pytest.raises(ImageError, match="chunks beyond the size limit"),
            open_scenes(tmp_path / "a.zarr"),
        ):
            pass

    def test_another_zarr_folder_says_what_it_wants(self, tmp_path):
        zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
        with (
            pytest.raises(ImageError, match="without an image or plate"),
            open_scenes(tmp_path / "a.zarr"),
        ):
            pass

    def test_paths_do_not_lead_out(self, tmp_path):
        zarr_plate(tmp_path / "plate.zarr", {"A/1/0": a_stack()})
        WRITERS["OME-Zarr"][1](tmp_path / "secret.zarr", a_stack())
        top = zarr.open_group(tmp_path / "plate.zarr", mode="a")
        top["A/1"].attrs["well"] = {"images": [{"path": "../../../secret.zarr"}]}
        with pytest.raises(ImageError), open_scenes(tmp_path / "plate.zarr"):
            pass
