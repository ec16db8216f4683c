"""PNG, JPEG and BMP, each compared with what another library decodes."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from cellwright.errors import ImageError
from cellwright.images.read import IMAGE_SUFFIXES, list_images, open_image, read_image
from hostile_makers import alpha_png, chunk, exif_rotated, grey_png, palette_png, pil, png


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pillow_rgb(data: bytes) -> np.ndarray:
    return np.asarray(PillowImage.open(io.BytesIO(data)).convert("RGB")).transpose(2, 0, 1)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_8_bit_pictures_as_pillow_reads_them(
    kind: str, mode: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    data = pil(mode, kind)(rng)
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(data)
    picture = read_image(path)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape[0] == len(mode)
    assert picture.axes == ("YXC" if mode == "RGB" else "YX")
    assert picture.pixel_size_um is None
    expected = pillow_rgb(data)
    # JPEG decoders may round differently by one.
    assert np.abs(picture.pixels.astype(int) - expected[: len(mode)]).max() <= (kind == "JPEG")


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_png_keeps_every_bit(
    channels: int, rng: np.random.Generator, tmp_path: Path
) -> None:
    blue_first = rng.integers(0, 2**16, (20, 30, channels), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", blue_first)[1].tobytes())
    pixels = read_image(tmp_path / "a.png").pixels
    np.testing.assert_array_equal(pixels, blue_first[:, :, ::-1].transpose(2, 0, 1))


def test_palette_becomes_its_colours(rng: np.random.Generator, tmp_path: Path) -> None:
    data = palette_png(rng)
    (tmp_path / "a.png").write_bytes(data)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, pillow_rgb(data))


def test_1_bit_becomes_black_and_white(tmp_path: Path) -> None:
    rows = np.array([[0b10100000], [0b01111111]], np.uint8)
    (tmp_path / "a.png").write_bytes(png(rows, width=8, bits=1, kind=0))
    expected = [[255, 0, 255, 0, 0, 0, 0, 0], [0, *[255] * 7]]
    assert read_image(tmp_path / "a.png").pixels.tolist() == [expected]


def test_opaque_alpha_is_dropped_and_other_alpha_refused(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    data = alpha_png(255)(rng)
    (tmp_path / "a.png").write_bytes(data)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, pillow_rgb(data))
    (tmp_path / "b.png").write_bytes(alpha_png(254)(rng))
    with pytest.raises(ImageError, match=r"transparent.*without transparency"):
        read_image(tmp_path / "b.png")


def test_orientation_marks_are_ignored(rng: np.random.Generator, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(exif_rotated(rng))
    assert read_image(tmp_path / "a.jpg").pixels.shape == (3, 48, 64)


def test_gamma_and_broken_profiles_change_nothing(rng: np.random.Generator, tmp_path: Path) -> None:
    marks = chunk(b"gAMA", struct.pack(">I", 10_000)) + chunk(b"iCCP", b"x\0\0rubbish")
    (tmp_path / "a.png").write_bytes(grey_png(np.random.default_rng(1), marks))
    (tmp_path / "b.png").write_bytes(grey_png(np.random.default_rng(1)))
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.png").pixels, read_image(tmp_path / "b.png").pixels
    )


def test_kind_is_told_by_content_and_the_name_must_not_contradict(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    (tmp_path / "image").write_bytes(grey_png(rng))
    assert read_image(tmp_path / "image").pixels.shape == (1, 48, 64)
    (tmp_path / "a.jpg").write_bytes(grey_png(rng))
    with pytest.raises(ImageError, match=r"named \.jpg but holds a PNG; rename it to end in \.png"):
        read_image(tmp_path / "a.jpg")


def test_promises_are_checked_before_anything_is_decoded(tmp_path: Path) -> None:
    """16,000 x 16,000 zeros fit the file's bytes: only the limit can refuse them."""
    rows = np.zeros((16_000, 16_000 // 8), np.uint8)
    (tmp_path / "a.png").write_bytes(png(rows, width=16_000, bits=1, kind=0))
    with pytest.raises(ImageError, match=r"16000 x 16000 pixels.*limit of 1000 values"):
        read_image(tmp_path / "a.png", max_pixels=1000)
    with pytest.raises(ImageError, match="limit of 1000 values"):
        open_image(tmp_path / "a.png", max_pixels=1000)


def test_jpeg_without_its_end_is_refused_wherever_it_is_cut(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    data = pil("RGB", "JPEG")(rng)
    for end in (*range(3, len(data) - 1, 97), len(data) - 1):
        (tmp_path / "a.jpg").write_bytes(data[:end])
        with pytest.raises(ImageError, match="copy"):
            read_image(tmp_path / "a.jpg")


def test_a_thumbnail_in_the_metadata_is_not_taken_for_the_end(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    data = pil("RGB", "JPEG")(rng)
    thumbnail = b"\xff\xe5" + struct.pack(">H", len(data) + 2) + data
    (tmp_path / "a.jpg").write_bytes(data[:2] + thumbnail + data[2:])
    assert np.array_equal(read_image(tmp_path / "a.jpg").pixels, pillow_rgb(data))
    (tmp_path / "a.jpg").write_bytes(data[:2] + thumbnail + data[2 : len(data) // 2])
    with pytest.raises(ImageError, match="ends before its last row"):
        read_image(tmp_path / "a.jpg")


def test_metadata_bomb_is_not_unpacked(rng: np.random.Generator, tmp_path: Path) -> None:
    bomb = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(50_000_000), 9))
    (tmp_path / "a.png").write_bytes(grey_png(rng, bomb))
    assert read_image(tmp_path / "a.png").pixels.shape == (1, 48, 64)


def test_only_a_tiff_holds_several_images(rng: np.random.Generator, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(grey_png(rng))
    assert read_image(tmp_path / "a.png", series=0).pixels.shape == (1, 48, 64)
    with pytest.raises(ImageError, match="one image"):
        read_image(tmp_path / "a.png", series=1)


def test_regions_of_a_png(rng: np.random.Generator, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(grey_png(rng))
    whole = read_image(tmp_path / "a.png").pixels
    with open_image(tmp_path / "a.png") as image:
        assert (image.shape, image.dtype) == ((1, 48, 64), np.uint8)
        np.testing.assert_array_equal(image.read_region(3, 5, 20, 64), whole[:, 3:20, 5:64])
        for region in ((0, 0, 49, 64), (-1, 0, 4, 4), (4, 4, 4, 8)):
            with pytest.raises(ImageError, match="no region of an image of 48 rows"):
                image.read_region(*region)


def test_reading_a_jpeg_loads_nothing_heavy(rng: np.random.Generator, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(pil("RGB", "JPEG")(rng))
    code = (
        "import sys; from pathlib import Path; from cellwright.images.read import read_image;"
        "from cellwright.images import overlay, resize, tiles, write;"
        f"read_image(Path({str(tmp_path / 'a.jpg')!r}));"
        "print(*({'tifffile', 'scipy', 'skimage', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# --- listing ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.PNG", "a.tif", "deep/er/c.ome.tiff", ".hidden.png", ".git/x.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_folders_are_searched_in_depth_and_order(folder: Path) -> None:
    names = [path.relative_to(folder).as_posix() for path in list_images([folder])]
    assert names == ["a.tif", "b.PNG", "deep/er/c.ome.tiff"]


def test_a_file_is_taken_as_given_and_none_twice(folder: Path) -> None:
    given = [folder / "notes.txt", folder / "b.PNG", folder, folder / "a.tif"]
    names = [path.name for path in list_images(given)]
    assert names == ["notes.txt", "b.PNG", "a.tif", "c.ome.tiff"]


def test_nothing_to_list_is_an_error(folder: Path) -> None:
    with pytest.raises(ImageError, match="does not exist; check the path"):
        list_images([folder / "gone"])
    with pytest.raises(ImageError, match="does not exist"):
        list_images([folder / ("x" * 300)])
    (folder / "empty").mkdir()
    with pytest.raises(ImageError, match=r"holds no images; .*\.png.*\.tif"):
        list_images([folder / "empty"])
    assert all(suffix.startswith(".") for suffix in IMAGE_SUFFIXES)


def test_a_file_spelled_twice_is_one_image_and_a_link_is_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = list_images([folder])[0]
    monkeypatch.chdir(first.parent)
    spelled = [Path(first.name), first, first.parent / ".." / first.parent.name / first.name]
    assert len(list_images(spelled)) == 1
    link = first.with_name("link.png")
    link.symlink_to(first)
    assert len(list_images([first, link])) == 2


@pytest.mark.parametrize("marks", [("errors.csv", "summary.csv"), (".parts/x",)])
def test_pictures_of_an_earlier_run_are_no_images(
    marks: tuple[str, ...], folder: Path, rng: np.random.Generator
) -> None:
    before = list_images([folder])
    run = folder / "results"
    for name in ("labels/a.png", "overlays/a.png", "kept/a.png"):
        (run / name).parent.mkdir(parents=True)
        (run / name).write_bytes(grey_png(rng))
    assert len(list_images([folder])) == len(before) + 3  # folders of these names alone say nothing
    for mark in marks:
        (run / mark).parent.mkdir(exist_ok=True)
        (run / mark).write_text("")
    assert list_images([folder]) == sorted([*before, run / "kept" / "a.png"])


def test_pictures_that_cannot_be_read_are_listed_too(tmp_path: Path) -> None:
    for name in ("a.gif", "b.webp", "c.vsi", "d.txt", "e.czi"):
        (tmp_path / name).write_bytes(b"GIF89a..")
    assert [path.name for path in list_images([tmp_path])] == ["a.gif", "b.webp", "c.vsi", "e.czi"]
