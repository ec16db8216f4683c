from __future__ import annotations

from pathlib import Path

import pytest

from cellwright.errors import ConfigError
from cellwright.learning.config import load_config
from cellwright.tuning.space import Choice, Numbers, examples, overrides, parse_range, read_space
from cellwright.tuning.storage import without_password


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text("a.b: int:1:512\nc: choice:1,x,null,true\n")
    space = read_space(["a.b=float:0.5:2:log"], file)
    assert space == {"a.b": Numbers("float", 0.5, 2.0, "log"), "c": Choice((1, "x", None, True))}


@pytest.mark.parametrize(
    "text",
    ["float:1", "float:2:1", "int:0:5:log", "int:0.5:2", "choice:", "real:1:2", "float:0:inf",
     "float:a:b", "float:1:2:even", "choice:[1]", "choice:[1,2]", "choice:'a",
     "float:0:1:1", "float:0:1:5:log", "int:5"],
)  # fmt: skip
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no range"):
        parse_range(text, where="key")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("float:2:1", r"its low end comes first and must be below its high end, but 2 >= 1;"),
        ("int:3:3", "but 3 >= 3;"),
        ("float:0:inf", "finite"),
        ("int:0.5:2", "whole"),
        ("int:0:5:log", "above 0"),
    ],
)
def test_what_is_wrong_with_the_ends_of_a_range_is_said(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"is no range: .*{why}"):
        parse_range(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("float:0:1:5", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("float:1:100:log:3", (1.0, 10.0, 100.0)),
        ("int:2:5", (2, 3, 4, 5)),
        ("int:1:256:log:5", (1, 4, 16, 64, 256)),
        ("int:1:3:9", (1, 2, 3)),
        ("choice:a,1", ("a", 1)),
    ],
)
def test_the_values_of_a_grid(text: str, values: tuple[object, ...]) -> None:
    found = parse_range(text).values_of("key")
    assert found == values
    assert [type(one) for one in found] == [type(one) for one in values]


def test_a_grid_does_not_guess_how_many_fractions_it_holds() -> None:
    with pytest.raises(ConfigError, match="how many numbers"):
        parse_range("float:0:1").values_of("key")


def test_nothing_to_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to search"):
        read_space([])
    with pytest.raises(ConfigError, match="write KEY=RANGE"):
        read_space(["boost"])
    (tmp_path / "space.yaml").write_text("a: {float: [1, 2]}\n")
    with pytest.raises(ConfigError, match="KEY: RANGE"):
        read_space([], tmp_path / "space.yaml")


@pytest.mark.parametrize(
    "key", ["data.split_seed", "data.ratios.val", "seed", "classification.choose_by", "data.path"]
)
def test_what_trials_are_compared_by_is_not_searched(key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: trials are compared by this setting"):
        read_space([f"{key}=int:0:5"])


def test_what_a_network_is_fed_may_be_searched() -> None:
    assert list(read_space(["data.crop_px=choice:128,256"])) == ["data.crop_px"]


def test_every_choice_is_checked_with_the_usual_of_the_others() -> None:
    space = read_space(["a=choice:1,2,3", "b=int:4:9"])
    assert list(examples(space)) == [("a=1", "b=4"), ("a=2", "b=4"), ("a=3", "b=4")]


@pytest.mark.parametrize("value", [1e-05, 123456.789, 3, True, None, "dice-bce", "1e-5"])
def test_a_value_reaches_the_config_as_it_is(value: object, tmp_path: Path) -> None:
    path = tmp_path / "train.yaml"
    path.write_text("name: a\ntask: semantic\ndata: {path: x}\n")
    changes = overrides({"segmentation.settings.it": value})
    assert load_config(path, changes).segmentation.settings["it"] == value


def test_a_password_is_not_shown() -> None:
    assert without_password("postgresql://a:b@h/d") == "postgresql://a:***@h/d"
    assert without_password("postgresql://a@h/d") == "postgresql://a@h/d"
