from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from cellwright.errors import AnnotationError, CellwrightError, ImageError
from cellwright.images.read import read_image
from cellwright.images.write import atomic_path, make_folder, write_labels, write_png, write_tiff

RNG = np.random.default_rng(0)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")
    code = (
        "import os, signal; from pathlib import Path;"
        "from cellwright.images.write import atomic_path\n"
        f"with atomic_path(Path({str(target)!r})) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_text() == "old"


def test_temporary_file_has_the_suffix_and_is_hidden_beside_its_target(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "new" / "a.ome.tif") as temporary:
        assert temporary.parent == tmp_path / "new"
        assert temporary.suffix == ".tif"
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"x")
    assert (tmp_path / "new" / "a.ome.tif").read_bytes() == b"x"


def test_a_name_as_long_as_names_may_be_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 251 + ".csv")
    with atomic_path(target) as temporary:
        temporary.write_text("done")
    assert target.read_text() == "done"


def test_a_folder_that_is_a_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CellwrightError, match="choose a folder you may write to"),
        atomic_path(tmp_path / "file" / "a.csv") as temporary,
    ):
        temporary.write_text("x")


def test_a_folder_under_the_name_of_a_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    target.mkdir()
    with (
        pytest.raises(CellwrightError, match=r"it is a folder\); name a file"),
        atomic_path(target) as temporary,
    ):
        temporary.write_text("x")
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_went_while_its_file_was_written_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(CellwrightError, match=r"a\.csv: cannot be written .its folder is not there"),
        atomic_path(tmp_path / "gone" / "a.csv") as temporary,
    ):
        temporary.parent.rmdir()
        temporary.write_text("x")


def test_what_is_wrong_with_another_file_is_not_laid_on_the_one_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.csv") as temporary:
        temporary.write_text((tmp_path / "source.csv").read_text())


def test_a_folder_cannot_be_made_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    for path in (tmp_path / "notes.txt", tmp_path / "notes.txt" / "runs"):
        with pytest.raises(CellwrightError, match="a file stands where a folder is needed"):
            make_folder(path)
    assert make_folder(tmp_path / "runs" / "first").is_dir()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_round_trip(channels: int, dtype: type, tmp_path: Path) -> None:
    image = RNG.integers(0, np.iinfo(dtype).max, (channels, 9, 12)).astype(dtype)
    write_png(tmp_path / "a.png", image)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, image)
    if dtype == np.uint8:
        seen = np.asarray(PillowImage.open(tmp_path / "a.png").convert("RGB"))
        np.testing.assert_array_equal(seen[:, :, 0], image[0])
        np.testing.assert_array_equal(seen[:, :, 2], image[-1])


@pytest.mark.parametrize("image", [np.zeros((2, 4, 4), np.uint8), np.zeros((1, 4, 4), np.float32)])
def test_png_refuses_what_it_cannot_hold(image: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="write a TIFF instead"):
        write_png(tmp_path / "a.png", image)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(1, 9, 12), (3, 9, 12), (5, 9, 12), (2, 2100, 2060)])
def test_tiff_round_trip(shape: tuple[int, int, int], dtype: type, tmp_path: Path) -> None:
    image = (RNG.random(shape) * 200).astype(dtype)
    names = tuple(f"stain {index}" for index in range(shape[0]))
    write_tiff(tmp_path / "a.tif", image, pixel_size_um=0.325, channel_names=names)
    picture = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, image)
    assert picture.pixel_size_um == pytest.approx(0.325)
    assert picture.channel_names == names
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_ome


def test_tiff_without_scale_says_none(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", np.zeros((1, 4, 4), np.uint8))
    picture = read_image(tmp_path / "a.tif")
    assert (picture.pixel_size_um, picture.channel_names) == (None, ())


def test_tiff_refuses_contradictions(tmp_path: Path) -> None:
    image = np.zeros((2, 4, 4), np.uint8)
    with pytest.raises(ImageError, match="2 channels but 1 channel names"):
        write_tiff(tmp_path / "a.tif", image, channel_names=["one"])
    with pytest.raises(ImageError, match="pixel size must be > 0"):
        write_tiff(tmp_path / "a.tif", image, pixel_size_um=0)


@pytest.mark.parametrize(
    ("name", "highest"), [("a.png", 65_535), ("a.tif", 300), ("a.TIFF", 100_000)]
)
def test_labels_keep_their_numbers(name: str, highest: int, tmp_path: Path) -> None:
    labels = np.zeros((6, 7), np.int64)
    labels[2, 3] = highest
    write_labels(tmp_path / name, labels)
    pixels = read_image(tmp_path / name).pixels[0]
    assert pixels[2, 3] == highest
    np.testing.assert_array_equal(pixels, labels)


def test_labels_refuse_what_no_reader_would_understand(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot hold label 65536; write a TIFF"):
        write_labels(tmp_path / "a.png", np.full((2, 2), 65_536))
    with pytest.raises(ImageError, match=r"ends in \.png or \.tif"):
        write_labels(tmp_path / "a.jpg", np.zeros((2, 2), int))
    with pytest.raises(AnnotationError, match="must be >= 0, found -1"):
        write_labels(tmp_path / "a.png", np.full((2, 2), -1))
    with pytest.raises(AnnotationError, match="integers of shape"):
        write_labels(tmp_path / "a.png", np.zeros((2, 2), np.float32))


@pytest.mark.parametrize("largest", [3, 70_000])
def test_labels_keep_the_size_of_a_pixel(largest: int, tmp_path: Path) -> None:
    labels = np.zeros((20, 30), int)
    labels[2:5, 2:5] = largest
    write_labels(tmp_path / "a.tif", labels, pixel_size_um=0.325)
    picture = read_image(tmp_path / "a.tif")
    assert picture.pixel_size_um == pytest.approx(0.325, rel=1e-6)
    assert np.array_equal(picture.pixels[0], labels)
    write_labels(tmp_path / "b.tif", labels)
    assert read_image(tmp_path / "b.tif").pixel_size_um is None
