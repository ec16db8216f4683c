"""Outlines filled by another library must give the pixels back."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
from matplotlib.path import Path as Polygon

from cellwright.errors import ImageError
from cellwright.images.geojson import write_geojson
from cellwright.images.imagej_roi import check_size, roi_bytes, write_roi_zip
from cellwright.images.outlines import Outline, Part, outline_boxes, outline_cells, trace
from cellwright.types import Boxes, Instances
from ink_cells import scattered_discs

SIZE = (70, 90)
CLASSES = ("live", "dead")


def filled(ring: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre lies in a ring, by matplotlib."""
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    centres = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return Polygon(ring, closed=False).contains_points(centres).reshape(size)


def drawn(mask: np.ndarray) -> np.ndarray:
    total = np.zeros(mask.shape, bool)
    for part in trace(mask):
        piece = filled(part.outer, mask.shape)
        for hole in part.holes:
            piece &= ~filled(hole, mask.shape)
        assert not (total & piece).any()
        total |= piece
    return total


@pytest.mark.parametrize("seed", range(20))
def test_filling_the_outlines_of_noise_gives_the_noise_back(seed: int) -> None:
    """Noise has holes, islands in holes, and pixels that meet at corners only."""
    mask = np.random.default_rng(seed).random((12, 15)) < 0.55
    np.testing.assert_array_equal(drawn(mask), mask)
    for part in trace(mask):
        for ring in (part.outer, *part.holes):
            assert len({tuple(corner) for corner in ring.tolist()}) == len(ring)


def test_a_single_pixel_is_the_square_of_its_edges() -> None:
    mask = np.zeros((5, 9), bool)
    mask[2, 5] = True
    (part,) = trace(mask)
    assert sorted(map(tuple, part.outer.tolist())) == [(5, 2), (5, 3), (6, 2), (6, 3)]


def test_a_hole_belongs_to_the_part_around_it() -> None:
    mask = np.zeros((20, 40), bool)
    mask[2:18, 2:18], mask[6:14, 6:14], mask[9:11, 9:11] = True, False, True
    mask[2:18, 22:38], mask[6:14, 26:34] = True, False
    parts = {int(part.outer[:, 0].min()): part for part in trace(mask)}
    assert {x: len(part.holes) for x, part in parts.items()} == {2: 1, 9: 0, 22: 1}


def test_nothing_has_no_outline() -> None:
    assert trace(np.zeros((4, 4), bool)) == ()
    assert list(outline_boxes(Boxes.empty(), CLASSES)) == []


@pytest.fixture
def cells() -> Instances:
    found = scattered_discs(15, SIZE, seed=3)
    class_ids = np.arange(len(found)) % 2
    return Instances(found.labels, class_ids, np.linspace(0.5, 1, len(found), dtype=np.float32))


def read_rings(geometry: dict[str, Any]) -> list[list[np.ndarray]]:
    many = geometry["coordinates"]
    polygons = [many] if geometry["type"] == "Polygon" else many
    return [[np.array(ring) for ring in polygon] for polygon in polygons]


def test_geojson_gives_labels_classes_and_scores_back(cells: Instances, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    write_geojson(path, outline_cells(cells, CLASSES), CLASSES, image_id="a")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    labels = np.zeros(SIZE, int)
    for feature in content["features"]:
        properties = feature["properties"]
        number = int(properties["name"])
        for polygon in read_rings(feature["geometry"]):
            np.testing.assert_array_equal(polygon[0][0], polygon[0][-1])
            labels[filled(polygon[0][:-1], SIZE)] = number
        assert properties["classification"]["name"] == CLASSES[(number - 1) % 2]
        assert properties["objectType"] == "detection"
        assert cells.scores is not None
        score = properties["measurements"]["score"]
        assert score == pytest.approx(cells.scores[number - 1], abs=1e-4)
    np.testing.assert_array_equal(labels, cells.labels)
    assert len({feature["id"] for feature in content["features"]}) == len(cells)
    again = tmp_path / "b.geojson"
    write_geojson(again, outline_cells(cells, CLASSES), CLASSES, image_id="a")
    assert again.read_bytes() == path.read_bytes()


def read_roi(content: bytes) -> tuple[int, str, np.ndarray]:
    """Type, name and corners of a simple region, read as ImageJ's RoiDecoder does."""
    assert content[:4] == b"Iout"
    kind = content[6]
    top, left, _, _, n_corners = struct.unpack(">hhhhH", content[8:18])
    (header2,) = struct.unpack(">i", content[60:64])
    offset, length = struct.unpack(">ii", content[header2 + 16 : header2 + 24])
    name = content[offset : offset + 2 * length].decode("utf-16-be")
    if kind == 1:
        x, y, width, height = struct.unpack(">4f", content[18:34])
        assert struct.unpack(">h", content[50:52])[0] & 128
        return kind, name, np.array([x, y, x + width, y + height])
    values = np.frombuffer(content, ">i2", 2 * n_corners, 64).reshape(2, -1)
    return kind, name, np.stack([values[0] + left, values[1] + top], axis=1).astype(float)


def test_regions_of_imagej_give_the_labels_back(cells: Instances, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_roi_zip(path, outline_cells(cells, CLASSES))
    labels = np.zeros(SIZE, int)
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            kind, name, ring = read_roi(archive.read(entry))
            assert (kind, f"{name}.roi") == (0, entry)
            number, class_name = name.split("-")[:2]
            assert class_name == CLASSES[(int(number) - 1) % 2]
            labels[filled(ring, SIZE)] = int(number)
    np.testing.assert_array_equal(labels, cells.labels)


@pytest.mark.parametrize("seed", range(5))
def test_holes_and_parts_are_one_region_that_fills_by_the_even_odd_rule(seed: int) -> None:
    mask = np.random.default_rng(seed).random((12, 15)) < 0.55
    region = roifile.ImagejRoi.frombytes(roi_bytes(Outline(3, "live", None, trace(mask))))
    assert (region.name, region.roitype, region.composite) == ("0003-live", 1, True)
    rows, columns = np.nonzero(mask)
    assert (region.left, region.right) == (columns.min(), columns.max() + 1)
    assert (region.top, region.bottom) == (rows.min(), rows.max() + 1)
    inside = sum(filled(ring, mask.shape).astype(int) for ring in region.coordinates(multi=True))
    np.testing.assert_array_equal(inside % 2 == 1, mask)


def test_regions_are_read_by_roifile(cells: Instances, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_roi_zip(path, outline_cells(cells, CLASSES))
    regions = roifile.roiread(path)
    mine = [part.outer for one in outline_cells(cells, CLASSES) for part in one.parts]
    assert len(regions) == len(mine)
    for region, ring in zip(regions, mine, strict=True):
        np.testing.assert_array_equal(region.coordinates(), ring)


def test_boxes_keep_fractions_of_a_pixel(tmp_path: Path) -> None:
    boxes = Boxes(np.array([[1.25, 2.5, 10.75, 20]]), np.array([1]), np.array([0.9]))
    (one,) = outline_boxes(boxes, CLASSES)
    kind, name, corners = read_roi(roi_bytes(one))
    assert (kind, name, corners.tolist()) == (1, "0001-dead", [1.25, 2.5, 10.75, 20])
    path = tmp_path / "a.geojson"
    write_geojson(path, [one], CLASSES, image_id="a")
    (feature,) = json.loads(path.read_text(encoding="utf-8"))["features"]
    assert feature["geometry"]["coordinates"][0] == [
        [1.25, 2.5],
        [10.75, 2.5],
        [10.75, 20],
        [1.25, 20],
        [1.25, 2.5],
    ]


def test_a_class_name_is_no_path(tmp_path: Path) -> None:
    mask = np.zeros((4, 4), bool)
    mask[0, 0] = mask[3, 3] = True
    one = Outline(7, "../dead cell", None, trace(mask))
    write_roi_zip(tmp_path / "a.zip", [one])
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["0007-.._dead_cell.roi"]


def test_an_image_beyond_16_bits_is_refused() -> None:
    check_size(32_767, 10)
    with pytest.raises(ImageError, match="--outlines geojson"):
        check_size(32_768, 10)
    far = np.array([[0.0, 0], [40_000, 0], [40_000, 5], [0, 5]])
    with pytest.raises(ImageError, match="reach 32767 px"):
        roi_bytes(Outline(1, "far", None, (Part(far),)))


@pytest.mark.parametrize(("width", "composite"), [(32_001, False), (32_767, True)])
def test_more_corners_than_a_polygon_can_count_become_a_composite(
    width: int, composite: bool
) -> None:
    """A comb has four corners a tooth."""
    mask = np.ones((2, width), bool)
    mask[0, 1::2] = False
    region = roifile.ImagejRoi.frombytes(roi_bytes(Outline(1, "comb", None, trace(mask))))
    assert region.composite is composite
    (ring,) = region.coordinates(multi=True)
    assert len({tuple(corner) for corner in ring.tolist()}) == 2 * (width + 1)
