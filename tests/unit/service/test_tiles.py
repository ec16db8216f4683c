"""Tiles of an image put together are the image, at every halving of its size."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import tifffile

from cellwright.errors import ImageError
from cellwright.images.lazy import LazyImage, whole_image
from cellwright.images.overlay import display
from cellwright.images.picture import Picture
from cellwright.images.read import open_image
from cellwright.service import pyramid
from cellwright.service.pyramid import TILE_PX, Levels, halved, make_tiles, tile_name

API = "/api/v1"


def smooth(height, width, channels, dtype):
    """A picture that JPEG hardly changes."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(y / (240 + 9 * c)) + np.cos(x / (255 + 7 * c)) for c in range(channels)]
    scaled = (np.stack(waves) + 2) / 4
    return (scaled * (255 if dtype == np.uint8 else 4000)).astype(dtype)


def put_together(folder, levels, level):
    rows, columns = levels.tiles(level)
    read = [
        [
            cv2.cvtColor(cv2.imread(str(folder / tile_name(level, x, y))), cv2.COLOR_BGR2RGB)
            for x in range(columns)
        ]
        for y in range(rows)
    ]
    assert all(max(tile.shape[:2]) <= TILE_PX for line in read for tile in line)
    return np.concatenate([np.concatenate(line, axis=1) for line in read])


@pytest.mark.parametrize(
    ("shape", "channels", "dtype"),
    [((700, 515), 3, np.uint8), ((257, 600), 1, np.uint16), ((300, 300), 2, np.uint8)],
)
def test_tiles_put_together_are_the_picture(tmp_path, shape, channels, dtype):
    pixels = smooth(*shape, channels, dtype)
    folder = tmp_path / "tiles"
    make_tiles(folder, lambda: whole_image(Picture(pixels, "CYX")))
    levels = Levels(*shape)
    assert sum(1 for path in folder.rglob("*.jpg")) == levels.n_tiles
    assert levels.size(0) == (1, 1)
    expected = display(pixels)
    for level in range(levels.last, -1, -1):
        found = put_together(folder, levels, level)
        assert found.shape[:2] == levels.size(level) == expected.shape[:2]
        if min(found.shape[:2]) > 8:  # JPEG spoils what is smaller than one of its blocks
            assert np.abs(found.astype(int) - expected).mean() < 2.5
        expected = halved(expected)


def test_halving_is_a_mean():
    picture = np.zeros((3, 2, 3), np.uint8)
    picture[:2] = [[[10] * 3, [20] * 3], [[30] * 3, [40] * 3]]
    picture[2] = 8
    assert halved(picture)[..., 0].tolist() == [[25], [8]]


def test_bands_are_read_once_and_stay_small(tmp_path):
    pixels = smooth(2000, 300, 3, np.uint8)
    asked = []

    def read(y0, x0, y1, x1):
        asked.append((y0, y1))
        return pixels[:, y0:y1, x0:x1]

    source = LazyImage(pixels.shape, pixels.dtype, read, lambda: None)
    make_tiles(tmp_path / "tiles", lambda: source)
    assert asked == [(y, min(y + TILE_PX, 2000)) for y in range(0, 2000, TILE_PX)]


def test_two_at_once_make_them_once(tmp_path):
    opened = []

    def open_source():
        opened.append(1)
        return whole_image(Picture(smooth(300, 300, 3, np.uint8), "CYX"))

    work = [
        threading.Thread(target=make_tiles, args=(tmp_path / "a", open_source)) for _ in range(4)
    ]
    for one in work:
        one.start()
    for one in work:
        one.join()
    assert len(opened) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nothing_half_made_is_left(tmp_path):
    def read(y0, x0, y1, x1):
        if y0:
            raise ImageError("damaged")
        return np.zeros((3, y1 - y0, x1 - x0), np.uint8)

    source = LazyImage((3, 600, 300), np.dtype(np.uint8), read, lambda: None)
    with pytest.raises(ImageError):
        make_tiles(tmp_path / "tiles", lambda: source)
    assert list(tmp_path.iterdir()) == []


def test_a_line_is_refused(tmp_path):
    source = LazyImage((1, 1, 1 << 26), np.dtype(np.uint8), lambda *_: None, lambda: None)
    with pytest.raises(ImageError, match="long and thin"):
        make_tiles(tmp_path / "tiles", lambda: source)


def test_tiles_are_served(client, pictures):
    part = ("images", ("a.png", pictures[0].read_bytes(), "image/png"))
    job = client.post(f"{API}/jobs", data={"model": "discs"}, files=[part]).json()["id"]
    place = f"{API}/jobs/{job}/images/0"
    plan = client.get(f"{place}/tiles.json").json()
    assert (plan["width"], plan["height"], plan["max_level"]) == (128, 128, 7)
    answer = client.get(f"{place}/tiles/7/0_0.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert shown.shape == (128, 128, 3)
    for wrong in ("8/0_0", "7/1_0", "7/0_1", "0/0_9"):
        assert client.get(f"{place}/tiles/{wrong}.jpg").status_code == 404
    for wrong in ("-1/0_0", "x/0_0", "7/0_..", "7/../../x"):
        assert client.get(f"{place}/tiles/{wrong}.jpg").status_code in (404, 422)


def test_a_large_tiff_is_never_whole_in_memory(tmp_path):
    """Strips of a 16-bit TIFF are read band by band."""
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, smooth(1500, 1000, 1, np.uint16)[0], compression="zlib", rowsperstrip=64)
    make_tiles(tmp_path / "tiles", lambda: open_image(path))
    levels = Levels(1500, 1000)
    assert put_together(tmp_path / "tiles", levels, levels.last).shape == (1500, 1000, 3)


def test_others_are_answered_while_tiles_are_made(client, start_job, monkeypatch):
    """As many who look at a new image as there are threads stop nobody else."""
    job = start_job()["id"]
    go_on, make = threading.Event(), pyramid.make_tiles
    begun = []

    def slow(*arguments, **more):
        begun.append(1)
        assert go_on.wait(30)
        make(*arguments, **more)

    monkeypatch.setattr("cellwright.service.routes.tiles.make_tiles", slow)
    place = f"{API}/jobs/{job}/images/0/tiles/7/0_0.jpg"
    with ThreadPoolExecutor(60) as pool:
        asked = [pool.submit(client.get, place) for _ in range(60)]
        while not begun:
            time.sleep(0.01)
        time.sleep(0.5)
        answered = []
        other = threading.Thread(target=lambda: answered.append(client.get(f"{API}/jobs")))
        other.start()
        other.join(10)
        go_on.set()
        assert [answer.status_code for answer in answered] == [200]
        assert {one.result().status_code for one in asked} == {200}
