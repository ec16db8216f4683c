from pathlib import Path

import pytest

from cellwright.inference.identity import name_images


def ids(*paths: str) -> list[str]:
    return [image.id for image in name_images([Path(path) for path in paths])]


def test_stems_where_they_differ_and_paths_where_not():
    assert ids("x/a.png", "x/b.png") == ["a", "b"]
    assert ids("x/1/a.png", "x/2/a.png", "x/2/b.png") == ["1__a.png", "2__a.png", "b"]
    assert ids("x/a.png", "x/a.jpg") == ["a.png", "a.jpg"]


def test_case_alone_does_not_tell_two_apart():
    assert ids("x/A.png", "x/a.jpg") == ["A.png", "a.jpg"]


def test_a_name_that_looks_like_another_path():
    found = ids("x/1/a.png", "x/2/a.png", "x/1__a.png.tif")
    assert len({name.casefold() for name in found}) == 3


@pytest.mark.parametrize(
    ("name", "well", "field"),
    [
        ("IXMtest_A02_s1_w1051DAA7C.tif", "A02", "1"),
        ("plate3_P24_f12.png", "P24", "12"),
        ("b07.png", "", ""),
        ("H5_site_3.png", "H05", "3"),
        ("exp_P2_B07.png", "B07", ""),
        ("B07_F3.png", "B07", "3"),
        ("F3_F12.png", "F03", "3"),
        ("plate_F3.png", "F03", "3"),
        ("A25_1.png", "", ""),
        ("HeLa12_control.png", "", ""),
        ("BloodImage_00001.jpg", "", ""),
    ],
)
def test_well_and_field_from_the_name(name, well, field):
    (image,) = name_images([Path("plate") / name])
    assert (image.well, image.field, image.group) == (well, field, "plate")


def test_a_well_of_row_f_is_one_where_its_field_stands_behind_it():
    (image,) = name_images([Path("exp_P2_F07_s1.png")])
    assert image.well == "F07"


def test_the_double_suffix_is_no_part_of_the_name():
    (image,) = name_images([Path("plate/x_B07_f2.ome.tif")])
    assert (image.id, image.well, image.field) == ("x_B07_f2", "B07", "2")
