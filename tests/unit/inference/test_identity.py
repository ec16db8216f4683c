from pathlib import Path

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


def test_the_double_suffix_is_no_part_of_the_name():
    (image,) = name_images([Path("plate/x_B07_f2.ome.tif")])
    assert (image.id, image.well, image.field) == ("x_B07_f2", "B07", "2")
    assert image.group == "plate"


def test_a_very_long_name_is_cut_and_still_its_own():
    first, second, third = ids("x/" + "é" * 120 + "1.png", "x/" + "é" * 120 + "2.png", "x/b.png")
    assert first != second and first.startswith("é" * 100) and third == "b"
    assert max(len(name.encode()) for name in (first, second)) <= 230
