"""TIFF in the shapes that microscopes and programs write, whole and by regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from cellwright.errors import ImageError
from cellwright.images.read import open_image, read_image
from hostile_makers import pil, pyramid, two_images

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 4096, (70, 101), dtype=np.uint16)
COLOUR = RNG.integers(0, 256, (70, 101, 3), dtype=np.uint8)
CHANNELS = RNG.integers(0, 4096, (3, 70, 101), dtype=np.uint16)
REDS_FIRST = COLOUR.transpose(2, 0, 1)

LAYOUTS: dict[str, tuple[np.ndarray, np.ndarray, dict[str, Any]]] = {
    "one strip": (GREY, GREY[None], {}),
    "raw strips": (GREY, GREY[None], {"rowsperstrip": 7}),
    "strips": (GREY, GREY[None], {"rowsperstrip": 7, "compression": "zlib"}),
    "raw tiles": (GREY, GREY[None], {"tile": (32, 16)}),
    "tiles": (GREY, GREY[None], {"tile": (32, 16), "compression": "lzw", "predictor": True}),
    "zstd": (GREY, GREY[None], {"compression": "zstd"}),
    "big endian": (GREY, GREY[None], {"byteorder": ">"}),
    "big endian tiles": (
        GREY,
        GREY[None],
        {"byteorder": ">", "tile": (32, 32), "compression": "zlib", "predictor": True},
    ),
    "bigtiff": (GREY, GREY[None], {"bigtiff": True}),
    "no metadata": (GREY, GREY[None], {"metadata": None}),
    "float": (GREY.astype(np.float32), GREY[None].astype(np.float32), {"tile": (32, 32)}),
    "rgb": (COLOUR, REDS_FIRST, {"photometric": "rgb"}),
    "rgb tiles": (
        COLOUR,
        REDS_FIRST,
        {"photometric": "rgb", "tile": (32, 16), "compression": "zlib"},
    ),
    "rgb planes": (REDS_FIRST, REDS_FIRST, {"photometric": "rgb", "planarconfig": "separate"}),
    "rgb plane tiles": (
        REDS_FIRST,
        REDS_FIRST,
        {
            "photometric": "rgb",
            "planarconfig": "separate",
            "tile": (32, 16),
            "compression": "zlib",
        },
    ),
    "channels": (CHANNELS, CHANNELS, {"metadata": {"axes": "CYX"}}),
    "channel strips": (
        CHANNELS,
        CHANNELS,
        {"metadata": {"axes": "CYX"}, "compression": "zlib", "rowsperstrip": 9},
    ),
    "imagej": (CHANNELS, CHANNELS, {"imagej": True, "metadata": {"axes": "CYX"}}),
    "ome": (CHANNELS, CHANNELS, {"ome": True, "metadata": {"axes": "CYX"}}),
}

REGIONS = ((0, 0, 70, 101), (31, 15, 33, 17), (69, 0, 70, 101), (5, 90, 68, 101))


def write(path: Path, array: np.ndarray, **options: Any) -> Path:
    options.setdefault("photometric", "minisblack")
    tifffile.imwrite(path, array, **options)
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_whole_and_by_regions(layout: str, tmp_path: Path) -> None:
    array, expected, options = LAYOUTS[layout]
    path = write(tmp_path / "a.tif", array, **options)
    pixels = read_image(path).pixels
    assert pixels.dtype == expected.dtype
    np.testing.assert_array_equal(pixels, expected)
    with open_image(path) as image:
        assert image.shape == expected.shape
        assert image.dtype == expected.dtype
        for y0, x0, y1, x1 in REGIONS:
            region = image.read_region(y0, x0, y1, x1)
            assert region.dtype == expected.dtype
            np.testing.assert_array_equal(region, expected[:, y0:y1, x0:x1])


@pytest.mark.parametrize("writer", ["tifffile, YCbCr tiles", "Pillow, RGB strips"])
def test_jpeg_within_tiff_comes_out_as_colours(writer: str, tmp_path: Path) -> None:
    smooth = np.indices((96, 96)).sum(axis=0).astype(np.uint8)
    colours = np.dstack([smooth, 255 - smooth, np.full_like(smooth, 40)])
    path = tmp_path / "a.tif"
    if writer.startswith("Pillow"):
        PillowImage.fromarray(colours).save(path, compression="jpeg")
    else:
        write(path, colours, compression="jpeg", tile=(32, 32), photometric="rgb")
    pixels = read_image(path).pixels
    assert np.abs(pixels.astype(int) - colours.transpose(2, 0, 1)).max() < 25
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read_region(10, 20, 70, 96), pixels[:, 10:70, 20:96])


@pytest.mark.parametrize("options", [{"tile": (32, 32)}, {"rowsperstrip": 16}])
def test_a_jpeg_tile_or_strip_cut_short_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", COLOUR, compression="jpeg", photometric="rgb", **options)
    with tifffile.TiffFile(path) as tif:
        offset, count = tif.pages[0].dataoffsets[-1], tif.pages[0].databytecounts[-1]
    data = bytearray(path.read_bytes())
    data[offset + count // 2 : offset + count] = bytes(count - count // 2)
    path.write_bytes(data)
    with pytest.raises(ImageError, match="cut short"):
        read_image(path)
    with pytest.raises(ImageError, match="cut short"), open_image(path) as image:
        image.read(60, 90, 70, 101)


def test_a_large_file_is_read_without_being_loaded(tmp_path: Path) -> None:
    """400 million zeros in tiles, mostly compressed away; the limit holds for a region."""
    path = tmp_path / "a.tif"
    tile = np.zeros((256, 256), np.uint8)
    marked = tile.copy()
    marked[3, 4] = 9
    tiles = (marked if number == 79 else tile for number in range(79 * 79))
    tifffile.imwrite(
        path, tiles, shape=(20_000, 20_000), dtype=np.uint8, tile=(256, 256), compression="zlib"
    )
    with pytest.raises(ImageError, match="limit of 1000000 values"):
        read_image(path, max_pixels=10**6)
    with open_image(path, max_pixels=10**6) as image:
        assert image.shape == (1, 20_000, 20_000)
        region = image.read_region(200, 0, 900, 900)
        assert np.argwhere(region).tolist() == [[0, 256 + 3 - 200, 4]]
        with pytest.raises(ImageError, match="limit of 1000000 values"):
            image.read_region(0, 0, 2000, 2000)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (GREY.astype(np.int32), GREY),
        (GREY.astype(np.uint64), GREY),
        (GREY.astype(np.int16), GREY),
        (GREY.astype(np.int32) - 4000, GREY.astype(np.float32) - 4000),
        (GREY.astype(np.uint32) * 4000, GREY.astype(np.float32) * 4000),
        (GREY / 7.0, (GREY / 7.0).astype(np.float32)),
        (GREY.astype(np.float16), GREY.astype(np.float16).astype(np.float32)),
        (GREY > 2000, (GREY > 2000) * np.uint8(255)),
    ],
)
def test_other_types_keep_their_values(
    stored: np.ndarray, expected: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored)
    pixels = read_image(path).pixels
    assert pixels.dtype == expected.dtype
    np.testing.assert_array_equal(pixels, expected[None])
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read_region(3, 4, 50, 60), expected[None, 3:50, 4:60])


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.full((4, 4), 2**31, np.uint32), "fit no supported type.*16 bits"),
        (np.array([[0, 2**24 + 1]], np.int64), "fit no supported type"),
        (np.full((4, 4), 1e39), "enormous"),
        (np.full((4, 4), np.nan, np.float32), "NaN"),
        (np.ones((4, 4), np.complex64), "complex64"),
    ],
)
def test_values_that_do_not_fit_are_refused(
    stored: np.ndarray, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.tif", stored)
    with pytest.raises(ImageError, match=message):
        read_image(path)


def test_nan_in_a_region_is_found_when_the_region_is_read(tmp_path: Path) -> None:
    values = np.zeros((64, 64), np.float32)
    values[60, 60] = np.nan
    path = write(tmp_path / "a.tif", values, tile=(16, 16), compression="zlib")
    with open_image(path) as image:
        image.read_region(0, 0, 32, 32)
        with pytest.raises(ImageError, match="NaN"):
            image.read_region(32, 32, 64, 64)


def test_white_is_zero_is_turned_round(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", GREY, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(path).pixels[0], 65535 - GREY)
    (tmp_path / "b.tif").write_bytes(pil("1", "TIFF")(np.random.default_rng(0)))
    assert set(np.unique(read_image(tmp_path / "b.tif").pixels)) == {0, 255}


def test_a_palette_becomes_colours_but_a_look_up_table_of_imagej_does_not(tmp_path: Path) -> None:
    index = COLOUR[:, :, 0]
    ramp = np.arange(256, dtype=np.uint16) * 257
    options = {"photometric": "palette", "colormap": np.stack([ramp, ramp[::-1], ramp * 0])}
    path = write(tmp_path / "a.tif", index, **options)
    np.testing.assert_array_equal(read_image(path).pixels, [index, 255 - index, index * 0])
    path = write(tmp_path / "b.tif", index, imagej=True, **options)
    np.testing.assert_array_equal(read_image(path).pixels, index[None])
    options["colormap"] = np.stack([ramp, ramp, ramp])
    path = write(tmp_path / "c.tif", index, **options)
    np.testing.assert_array_equal(read_image(path).pixels, index[None])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metadata": {"axes": "ZYX"}}, r"3 in focus \(Z\).*data unpack"),
        ({"imagej": True, "metadata": {"axes": "TYX"}}, r"3 in time \(T\)"),
        ({}, r"3 in pages"),
    ],
)
def test_stacks_say_which_axes_are_too_many(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.tif", CHANNELS, **options)
    for read in (read_image, open_image):
        with pytest.raises(ImageError, match=message):
            read(path)


def test_thumbnails_and_pyramid_levels_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.ome.tif").write_bytes(pyramid(np.random.default_rng(0)))
    assert read_image(tmp_path / "a.ome.tif").pixels.shape == (1, 256, 256)
    with tifffile.TiffWriter(tmp_path / "b.tif") as writer:
        writer.write(GREY)
        writer.write(GREY[::4, ::4], subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "b.tif").pixels, GREY[None])


def test_of_several_images_one_must_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(two_images(np.random.default_rng(0)))
    with pytest.raises(ImageError, match="holds 2 images"):
        read_image(path)
    assert read_image(path, series=1).pixels.shape == (1, 20, 20)
    with open_image(path, series=0) as image:
        assert image.shape == (1, 48, 64)
    with pytest.raises(ImageError, match="choose series from 0 to 1"):
        read_image(path, series=2)


def sized(**metadata: Any) -> dict[str, Any]:
    return {"ome": True, "metadata": {"axes": "YX", **metadata}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (sized(PhysicalSizeX=0.325, PhysicalSizeY=0.325), 0.325),
        (
            sized(
                PhysicalSizeX=650, PhysicalSizeXUnit="nm", PhysicalSizeY=650, PhysicalSizeYUnit="nm"
            ),
            0.65,
        ),
        (sized(PhysicalSizeX=1, PhysicalSizeXUnit="pixel", PhysicalSizeY=1), None),
        (sized(), None),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "um"}}, 0.5),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": r"\u00B5m"}}, 0.5),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "inch"}}, 12_700.0),
        ({"imagej": True, "resolution": (2, 2)}, None),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
    ],
)
def test_pixel_size_is_believed_only_where_it_is_meant(
    options: dict[str, Any], expected: float | None, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.tif", GREY, **options)
    assert read_image(path).pixel_size_um == pytest.approx(expected)
    with open_image(path) as image:
        assert image.pixel_size_um == pytest.approx(expected)


def test_pixels_that_are_not_square_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", GREY, **sized(PhysicalSizeX=0.5, PhysicalSizeY=0.6))
    with pytest.raises(ImageError, match=r"not square \(0.5 x 0.6 µm\)"):
        read_image(path)


def test_a_channel_lost_with_the_end_of_the_file_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ome.tif", CHANNELS, ome=True, metadata={"axes": "CYX"})
    whole = path.read_bytes()
    for end in range(300, len(whole) - 1, len(whole) // 40):
        path.write_bytes(whole[:end])
        for read in (read_image, open_image):
            with pytest.raises(ImageError):
                read(path)
