"""Every file is in exactly one pair or is listed with a reason."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cellwright.assays.pairing import Pairing, pair_images


def paired(*names: str, blue: str = "{name}_blue", red: str = "{name}_red") -> Pairing:
    return pair_images([Path(name) for name in names], blue=blue, red=red)


def test_pairs_are_found_whatever_the_order_and_sorted_by_name() -> None:
    pairing = paired("in/b_red.png", "in/a_blue.tif", "in/b_blue.png", "in/a_red.png")
    assert [(p.name, p.blue.name, p.red.name) for p in pairing.pairs] == [
        ("a", "a_blue.tif", "a_red.png"),
        ("b", "b_blue.png", "b_red.png"),
    ]
    assert pairing.left_out == ()


def test_a_missing_partner_is_said() -> None:
    pairing = paired("in/a_blue.png", "in/b_red.png")
    assert pairing.pairs == ()
    assert [(item.file, item.error) for item in pairing.left_out] == [
        ("in/a_blue.png", "its red partner is missing"),
        ("in/b_red.png", "its blue partner is missing"),
    ]
    assert "'{name}_red'" in pairing.left_out[0].remedy


def test_names_that_repeat_in_folders_stay_apart() -> None:
    pairing = paired("d1/a_blue.png", "d1/a_red.png", "d2/a_blue.png", "d2/a_red.png")
    assert [pair.name for pair in pairing.pairs] == ["d1__a", "d2__a"]
    assert all(pair.blue.parent == pair.red.parent for pair in pairing.pairs)


def test_colours_in_folders() -> None:
    pairing = paired("x/blue/1.png", "x/red/1.png", blue="blue/{name}", red="red/{name}")
    assert [pair.name for pair in pairing.pairs] == ["1"]


def test_names_that_run_together_stay_apart() -> None:
    fields = ("p__q/r", "p/q__r", "z/r")
    pairing = paired(*(f"{field}_{colour}.png" for field in fields for colour in ("blue", "red")))
    assert [pair.name for pair in pairing.pairs] == ["p__q__r", "p__q__r_", "z__r"]


def test_case_is_of_no_matter_in_names_and_is_in_folders() -> None:
    assert [one.name for one in paired("d/A_blue.png", "d/a_RED.png").pairs] == ["A"]
    assert paired("Day1/a_blue.png", "day1/a_red.png").pairs == ()
    both = paired(*(f"{day}/a_{dye}.png" for day in ("Day1", "day1") for dye in ("blue", "red")))
    assert [one.name for one in both.pairs] == ["Day1__a", "day1__a_"]
    assert all(one.blue.parent == one.red.parent for one in both.pairs)


def test_partners_are_found_by_any_spelling_of_their_folders() -> None:
    blue, red = str(Path("plate/blue/a.png").absolute()), "x/../plate/red/a.png"
    [pair] = paired(blue, red, blue="blue/{name}", red="red/{name}").pairs
    assert (str(pair.blue), str(pair.red), pair.name) == (blue, red, "a")


def test_two_candidates_are_not_chosen_between() -> None:
    pairing = paired("a_blue.png", "a_blue.tif", "a_red.png", "b_blue.png", "b_red.png")
    assert [pair.name for pair in pairing.pairs] == ["b"]
    assert sorted((item.file, item.error) for item in pairing.left_out) == [
        ("a_blue.png", "2 blue images are called a"),
        ("a_blue.tif", "2 blue images are called a"),
        ("a_red.png", "2 blue images could be its partner"),
    ]


def test_files_that_match_neither_or_both_patterns() -> None:
    assert paired("a.png").left_out[0].error == "matches neither pattern"
    both = paired("a_red.png", blue="{name}", red="{name}_red")
    assert both.left_out[0].error == "matches both patterns"
    assert "'{name}' (blue)" in both.left_out[0].remedy


FILES = st.lists(
    st.sampled_from(
        [
            f"{folder}/{name}{colour}{suffix}"
            for folder in ("d1", "d2")
            for name in ("a", "A", "b")
            for colour in ("_blue", "_red", "")
            for suffix in (".png", ".ome.tif")
        ]
    ),
    unique=True,
)


@given(FILES)
def test_no_file_is_lost_or_used_twice(names: list[str]) -> None:
    pairing = paired(*names)
    used = [str(path) for pair in pairing.pairs for path in (pair.blue, pair.red)]
    assert sorted(used + [item.file for item in pairing.left_out]) == sorted(names)
    assert len({pair.name.casefold() for pair in pairing.pairs}) == len(pairing.pairs)
