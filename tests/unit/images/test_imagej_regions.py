"""Regions as Fiji saves them, made by another library, and what is refused of them."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from cellwright.errors import AnnotationError, MissingExtraError
from cellwright.images.fill import fill
from cellwright.images.imagej_regions import Region, read_regions
from cellwright.images.imagej_roi import roi_bytes
from cellwright.images.outlines import Outline, trace

CORNERS = np.array([[3, 2], [12, 2], [12, 9], [3, 9]])
SQUARE = Outline(1, "live", None, trace(np.ones((3, 3), bool)))


def region(kind: ROI_TYPE, **fields: object) -> ImagejRoi:
    """A region with the bounds of :data:`CORNERS`."""
    made = ImagejRoi(roitype=kind, top=2, left=3, bottom=9, right=12, version=227)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def cornered(kind: ROI_TYPE, corners: np.ndarray = CORNERS, **fields: object) -> ImagejRoi:
    made = ImagejRoi.frompoints(corners)
    made.roitype = kind
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def read_one(made: ImagejRoi | bytes, tmp_path: Path) -> Region:
    path = tmp_path / "a.roi"
    path.write_bytes(made if isinstance(made, bytes) else made.tobytes())
    (found,) = read_regions(path)
    return found


def inside(found: Region) -> np.ndarray:
    return fill(found.rings, 20, 30)


@pytest.mark.parametrize("kind", [ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED])
def test_corners_lie_on_pixel_edges(kind: ROI_TYPE, tmp_path: Path) -> None:
    found = read_one(cornered(kind, name="0001-live"), tmp_path)
    assert found.name == "0001-live"
    np.testing.assert_array_equal(found.rings[0], CORNERS)
    expected = np.zeros((20, 30), bool)
    expected[2:9, 3:12] = True
    np.testing.assert_array_equal(inside(found), expected)


def test_fractions_of_a_pixel_are_kept(tmp_path: Path) -> None:
    corners = CORNERS + np.array([0.25, 0.75])
    found = read_one(cornered(ROI_TYPE.POLYGON, corners), tmp_path)
    np.testing.assert_array_equal(found.rings[0], corners)
    box = region(
        ROI_TYPE.RECT,
        options=ROI_OPTIONS.SUB_PIXEL_RESOLUTION,
        xd=3.25,
        yd=2.75,
        widthd=9.0,
        heightd=7.0,
    )
    np.testing.assert_array_equal(read_one(box, tmp_path).rings[0], corners)


def test_a_rectangle_is_its_bounds(tmp_path: Path) -> None:
    assert inside(read_one(region(ROI_TYPE.RECT), tmp_path)).sum() == 7 * 9


@pytest.mark.parametrize("subpixel", [False, True])
def test_an_oval_holds_the_pixels_whose_centres_lie_in_the_ellipse(
    subpixel: bool, tmp_path: Path
) -> None:
    made = region(ROI_TYPE.OVAL)
    x, y, width, height = 3.0, 2.0, 9.0, 7.0
    if subpixel:
        x, y, width, height = 2.6, 1.9, 10.5, 11.3
        made.options = ROI_OPTIONS.SUB_PIXEL_RESOLUTION
        made.xd, made.yd, made.widthd, made.heightd = x, y, width, height
    rows, columns = np.mgrid[:20, :30] + 0.5
    ellipse = ((columns - x) / width * 2 - 1) ** 2 + ((rows - y) / height * 2 - 1) ** 2 < 1
    np.testing.assert_array_equal(inside(read_one(made, tmp_path)), ellipse)


def test_holes_and_parts_of_a_composite(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((20, 30)) < 0.55
    found = read_one(roi_bytes(Outline(7, "live", None, trace(mask))), tmp_path)
    np.testing.assert_array_equal(inside(found), mask)


def composite(*path: float) -> ImagejRoi:
    values = np.array(path, np.float32)
    return region(ROI_TYPE.RECT, shape_roi_size=len(values), multi_coordinates=values)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (cornered(ROI_TYPE.POINT), "is points, not the outline"),
        (cornered(ROI_TYPE.POLYLINE), "is a line, not the outline"),
        (cornered(ROI_TYPE.FREELINE), "is a line, not the outline"),
        (cornered(ROI_TYPE.ANGLE), "is an angle, not the outline"),
        (region(ROI_TYPE.LINE), "is a line, not the outline"),
        (region(ROI_TYPE.RECT, subtype=ROI_SUBTYPE.TEXT, text="hi"), "is a text"),
        (region(ROI_TYPE.RECT, rounded_rect_arc_size=4), "has curves"),
        (cornered(ROI_TYPE.POLYGON, options=ROI_OPTIONS.SPLINE_FIT), "has curves"),
        (composite(0, 1, 1, 2, 5, 5, 9, 9, 4), "cannot be followed"),
        (composite(0, 1, 1, 1, 5), "cannot be followed"),
        (cornered(ROI_TYPE.POLYGON, z_position=3), "another slice"),
        (cornered(ROI_TYPE.POLYGON, position=2), "another slice"),
        (b"", "is no region of ImageJ"),
        (b"Iout" + b"\xff" * 80, "is a shape that is not known"),
        (roi_bytes(SQUARE)[:70], "is no region of ImageJ"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is no region of ImageJ"),
    ],
)
def test_what_is_no_outline_is_refused_with_its_place(
    made: ImagejRoi | bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(AnnotationError, match=message) as caught:
        read_one(made, tmp_path)
    assert "a.roi" in str(caught.value.where)
    assert caught.value.remedy


def test_an_oval_of_any_size_has_few_corners(tmp_path: Path) -> None:
    huge = region(ROI_TYPE.OVAL, options=ROI_OPTIONS.SUB_PIXEL_RESOLUTION, widthd=1e30, heightd=1.0)
    assert len(read_one(huge, tmp_path).rings[0]) == 1 << 14


def test_regions_of_the_first_slice_and_of_any_channel_are_taken(tmp_path: Path) -> None:
    made = cornered(ROI_TYPE.POLYGON, c_position=2, z_position=1, t_position=1)
    assert len(read_one(made, tmp_path).rings) == 1


@pytest.mark.parametrize("seed", range(4))
def test_damage_is_refused_or_harmless(seed: int, tmp_path: Path) -> None:
    """Cut anywhere or with any byte changed: an error in words, never another exception."""
    rng = np.random.default_rng(seed)
    mask = rng.random((6, 7)) < 0.6
    whole = roi_bytes(Outline(1, "live", None, trace(mask)))
    harmless = 0
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        for content in (bytes(damaged), whole[: rng.integers(len(whole))]):
            try:
                harmless += bool(read_one(content, tmp_path))
            except AnnotationError:
                continue
    assert harmless < 300


def test_a_zip_gives_its_regions_in_order_and_names_those_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("0003-dead", "0001-live"):
            archive.writestr(f"{name}.roi", cornered(ROI_TYPE.POLYGON, name="").tobytes())
    found = list(read_regions(path))
    assert [one.name for one in found] == ["0003-dead", "0001-live"]
    assert found[0].place == f"{path}: 0003-dead.roi"


def test_a_zip_that_is_none_or_unpacks_to_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(AnnotationError, match="no zip of regions"):
        list(read_regions(path))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.roi", bytes(1 << 21))
    monkeypatch.setattr("cellwright.images.imagej_regions.MAX_BYTES", 1 << 20)
    with pytest.raises(AnnotationError, match="more than 1 MiB"):
        list(read_regions(path))


def test_without_the_extra_the_remedy_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "roifile", None)
    with pytest.raises(MissingExtraError, match=r"cellwright\[bio\]"):
        read_one(b"Iout", tmp_path)
