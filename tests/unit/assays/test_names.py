"""Names of files say what is pooled and what belongs together."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.assays.names import (
    group_of,
    key_of,
    parse_template,
    short_names,
    with_groups,
)
from cellwright.errors import ConfigError
from cellwright.images.read import stem_of
from cellwright.inference.identity import name_images


@pytest.mark.parametrize(
    ("template", "path", "value"),
    [
        ("{name}_blue", "a_blue.png", "a"),
        ("{name}_blue", "in/day1/a_blue.png", "in/day1/a"),
        ("{name}_blue", "a_red.png", None),
        ("{name}_blue", "a_blue_2.png", None),
        ("{name}_blue*", "a_blue_2.png", "a"),
        ("{name}_blue", "A_Blue.ome.tif", "A"),
        ("*_{name}_w1", "x_B02_w1.tif", "B02"),
        ("blue/{name}", "in/blue/a.png", "in/a"),
        ("blue/{name}", "in/red/a.png", None),
        ("{name}(1)", "a(1).png", "a"),
        ("{name}.c1", "a.c1.tif", "a"),
        ("blue/{name}", "/blue/a.png", "/a"),
    ],
)
def test_templates_read_names(template: str, path: str, value: str | None) -> None:
    assert parse_template(template).match(Path(path)) == value


@pytest.mark.parametrize("template", ["blue", "{name}_{name}", "{group}_blue", ""])
def test_a_template_needs_its_placeholder_once(template: str) -> None:
    with pytest.raises(ConfigError, match=r"must hold \{name\} exactly once"):
        parse_template(template)


@pytest.mark.parametrize(
    ("name", "well", "group"),
    [
        ("hypoxia_003", "", "hypoxia"),
        ("day 2-7", "", "day 2"),
        ("control_f02", "", "control"),
        ("control", "", "control"),
        ("sample12", "", "sample12"),
        ("0004", "", "all"),
        ("plate2_B07_f3", "B07", "plate2_B07"),
        ("plate2_B7_f3", "B07", "plate2_B7"),
        ("B07", "B07", "B07"),
        ("LAB7_B07_s1", "B07", "LAB7_B07"),
        ("B7_day2_B07_s1", "B07", "B7_day2_B07"),
        ("day1__x-B07.png_", "B07", "day1__x-B07"),
        ("LAB7_s1", "B07", "LAB7_s1"),
        ("drug_0.5uM_01", "", "drug_0.5uM"),
        ("0.5uM_A01", "A01", "0.5uM_A01"),
        ("drug_0.5", "", "drug"),
        ("drug_12", "", "drug"),
        ("exp.0.5", "", "exp"),
        ("0.25", "", "all"),
        ("t0.25", "", "t0.25"),
        ("scan_v1.2", "", "scan"),
        ("scan_v1.2_003", "", "scan_v1.2"),
        ("exp.2024.01_A01", "A01", "exp.2024.01_A01"),
        ("exp.2024.01", "", "exp.2024"),
        ("exp.2024.01.05", "", "exp.2024.01"),
        ("slide_001.002", "", "slide_001"),
        ("plate1.001", "", "plate1"),
    ],
)
def test_groups_without_a_template(name: str, well: str, group: str) -> None:
    assert group_of(name, well=well) == group


def pooled(*paths: str) -> list[str]:
    """The group of each file."""
    files = [Path(path) for path in paths]
    named = with_groups(name_images(files), [key_of(path) for path in files], template=None)
    return [one.group for one in named]


def test_images_of_several_folders_are_not_pooled_whether_names_collide_or_not() -> None:
    assert pooled("G1/1.png", "G1/2.png", "S/1.png") == ["G1", "G1", "S"]
    assert pooled("G1/1.png", "G1/2.png", "S/3.png") == ["G1", "G1", "S"]
    assert pooled("G1/17_Ch3.ome.jpg", "G1/9_Ch3.ome.jpg", "S/17_Ch3.ome.jpg") == ["G1", "G1", "S"]
    assert pooled("d1/drug_1.png", "d1/none_1.png", "d2/drug_2.png") == [
        *("d1__drug", "d1__none", "d2__drug")
    ]
    assert pooled("p1/B07_f1.png", "p2/B07_f1.png") == ["p1__B07", "p2__B07"]
    assert pooled("a/raw/1.png", "b/raw/1.png") == ["a/raw", "b/raw"]


def test_images_of_one_folder_are_pooled_by_their_names() -> None:
    assert pooled("G1/cell_1.png", "G1/cell_2.png", "G1/12.png") == ["cell", "cell", "all"]


def test_groups_of_folders_whose_names_run_together_are_not_pooled() -> None:
    assert pooled("a/b__c_1.png", "a__b/c_1.png", "a__b/c_2.png", "a/b__c_2.png") == [
        *("a__b__c", "a__b__c_", "a__b__c_", "a__b__c")
    ]


def test_another_spelling_of_a_folder_is_no_other_folder() -> None:
    assert pooled("d/cell_1.png", "x/../d/cell_2.png") == ["cell", "cell"]


def grouped(template: str, *paths: str) -> list[str]:
    """The group of each file that a template of the user picks."""
    files = [Path(path) for path in paths]
    keys = [key_of(path) for path in files]
    compiled = parse_template(template, placeholder="group")
    return [one.group for one in with_groups(name_images(files), keys, template=compiled)]


def test_a_template_does_not_cut_a_name_at_a_dot() -> None:
    assert grouped("{group}_*", "d/drug_0.5uM_01.png", "d/drug_0.25uM_01.ome.tif") == [
        *("drug_0.5uM", "drug_0.25uM")
    ]
    assert grouped("{group}_*", "0.5uM_A01.png", "exp.2024.01_A01.png") == ["0.5uM", "exp.2024.01"]


def test_a_template_reads_names_without_suffix_also_where_two_are_alike() -> None:
    assert grouped("*_{group}", "a/x_1.png", "b/x_1.ome.tif") == ["1", "1"]


def test_groups_with_a_template() -> None:
    template = parse_template("{group}-*", placeholder="group")
    assert group_of("mouse1-B07", well="B07", template=template) == "mouse1"
    assert group_of("drug_0.5uM-01", template=template) == "drug_0.5uM"
    with pytest.raises(ConfigError, match="field_1: the group pattern"):
        group_of("field_1", template=template)


def test_short_names_are_unique_and_no_longer_than_needed() -> None:
    assert short_names([]) == []
    assert short_names(["/x/a"]) == ["a"]
    assert short_names(["/x/1/a", "/x/1/b"]) == ["a", "b"]
    assert short_names(["/x/1/a", "/x/2/A"]) == ["1/a", "2/A"]
    assert short_names(["/x/Day1/a", "/x/day1/a"]) == ["Day1/a", "day1/a"]
    assert short_names(["/1/x/a", "/2/x/a", "/2/y/b"]) == ["1/x/a", "2/x/a", "2/y/b"]


def test_the_suffix_of_ome_tiff_is_one() -> None:
    assert [stem_of(Path(name)) for name in ("a.ome.tif", "a.OME.TIFF", "a.b.png")] == [
        "a",
        "a",
        "a.b",
    ]
