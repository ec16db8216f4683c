"""Pairs and singles: who is live, who is dead, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.assays.viability import Pairs, Singles, counting_for
from cellwright.assays.viability.counting import Counting, Found
from cellwright.assays.viability.field_image import FieldImage
from cellwright.errors import ConfigError, ImageError
from cellwright.inference.source import ArraySource
from cellwright.types import Boxes, Image


class Told:
    """A finder that finds what a test tells it, by file name."""

    def __init__(self, found: dict[str, Boxes], classes: tuple[str, ...] = ("nucleus",)) -> None:
        self.found, self.classes, self.channels = found, classes, 1
        self.seen: dict[str, Image] = {}
        self.pixel_sizes: list[float | None] = []

    def find(self, image: FieldImage) -> Found:
        self.pixel_sizes.append(image.pixel_size_um)
        _, height, width = image.source.shape
        self.seen[image.path.name] = image.source.read_region(0, 0, height, width)
        return Found(self.found[image.path.name])


def image(name: str, pixels: Image, pixel_size_um: float | None = None) -> FieldImage:
    return FieldImage(Path(name), ArraySource(pixels), pixel_size_um)


def grey(height: int = 60, width: int = 80) -> Image:
    return np.arange(height * width, dtype=np.uint16).reshape(1, height, width)


def boxes(*places: tuple[int, int], classes: tuple[int, ...] = ()) -> Boxes:
    xy = np.array(places, np.float32).reshape(-1, 2)
    ids = np.array(classes or [0] * len(xy))
    scores = np.linspace(0.9, 0.6, len(xy)) if len(xy) else np.zeros(0)
    return Boxes(np.concatenate([xy, xy + 10], axis=1), ids, scores)


def test_blue_with_red_is_dead_alone_is_live_and_red_alone_is_dead() -> None:
    told = Told({"b": boxes((0, 0), (20, 0), (40, 0)), "r": boxes((21, 1), (60, 40))})
    cells = Pairs().count([image("b", grey()), image("r", grey())], told)
    assert cells.boxes.class_ids.tolist() == [0, 1, 0, 1]
    assert cells.seen_in == ("blue", "blue+red", "blue", "red")
    assert (cells.n_live, cells.n_dead, cells.n_red_only) == (2, 2, 1)
    assert cells.boxes.xyxy[3].tolist() == [60, 40, 70, 50]
    assert cells.notes == ("1 dead cell was found in red only",)


@pytest.mark.parametrize(
    ("blue", "red", "live", "dead"),
    [((), (), 0, 0), (((0, 0),), (), 1, 0), ((), ((0, 0),), 0, 1)],
)
def test_empty_images(blue: tuple, red: tuple, live: int, dead: int) -> None:
    told = Told({"b": boxes(*blue), "r": boxes(*red)})
    cells = Pairs().count([image("b", grey()), image("r", grey())], told)
    assert (cells.n_live, cells.n_dead) == (live, dead)
    assert len(cells.seen_in) == live + dead


def test_sizes_that_differ_are_refused_with_both_named() -> None:
    told = Told({})
    with pytest.raises(ImageError, match="blue is 80 x 60 pixels and red is 80 x 50"):
        Pairs().count([image("b", grey()), image("r", grey(height=50))], told)


@pytest.mark.parametrize(
    ("blue", "red", "used", "notes"),
    [
        (0.5, 0.65, 0.5, ("blue says 0.5 µm a pixel and red 0.65; blue was used for both",)),
        (0.35, None, 0.35, ("only blue says its pixel size; its 0.35 µm were used for both",)),
        (None, 0.7, 0.7, ("only red says its pixel size; its 0.7 µm were used for both",)),
        (0.5, 0.5, 0.5, ()),
        (None, None, None, ()),
    ],
)
def test_both_dyes_are_scaled_alike_and_doubts_are_noted(
    blue: float | None, red: float | None, used: float | None, notes: tuple[str, ...]
) -> None:
    told = Told({"b": boxes(), "r": boxes()})
    cells = Pairs().count([image("b", grey(), blue), image("r", grey(), red)], told)
    assert told.pixel_sizes == [used, used]
    assert cells.notes == notes


def test_coloured_pictures_are_read_where_their_dye_is() -> None:
    dye = (grey() % 200).astype(np.uint8)
    nothing = np.zeros_like(dye)
    in_blue = np.concatenate([nothing, nothing, dye])
    in_red = np.concatenate([dye, nothing, nothing])
    told = Told({"b": boxes(), "r": boxes()})
    Pairs().count([image("b", in_blue), image("r", in_red)], told)
    assert np.array_equal(told.seen["b"], dye)
    assert np.array_equal(told.seen["r"], dye)
    with pytest.raises(ImageError, match=r"its blue is empty; swap the patterns"):
        Pairs().count([image("b", in_red), image("r", in_blue)], told)


def test_a_picture_shows_both_dyes() -> None:
    blue, red = grey(), (grey() % 251).astype(np.uint8)
    picture = Pairs().picture([image("b", blue), image("r", red)])
    assert picture.dtype == np.uint16
    assert np.array_equal(picture, np.concatenate([blue, red]))


def test_singles_take_the_word_of_the_model() -> None:
    classes = ("Dead", "debris", "Live")
    told = Told({"a": boxes((0, 0), (20, 0), (40, 0), (60, 0), classes=(2, 0, 1, 2))}, classes)
    cells = Singles().count([image("a", grey())], told)
    assert cells.boxes.class_ids.tolist() == [0, 1, 0]
    assert cells.boxes.xyxy[:, 0].tolist() == [0, 20, 60]
    assert cells.notes == ("1 cells of other classes were not counted",)


def test_a_model_must_suit_the_way_of_counting() -> None:
    Pairs().check(("nucleus",))
    Singles().check(("LIVE", "dead", "debris"))
    Singles(live="alive").check(("dead", "alive"))
    with pytest.raises(ConfigError, match="not for pairs"):
        Pairs().check(("live", "dead"))
    with pytest.raises(ConfigError, match=r"no class 'live'; its classes are nucleus"):
        Singles().check(("nucleus",))
    with pytest.raises(ConfigError, match="cannot both be"):
        Singles(live="dead").check(("live", "dead"))


def test_the_classes_choose_the_way() -> None:
    assert counting_for(("Live", "Dead")) == Singles()
    assert counting_for(("nucleus",)) == Pairs()
    assert counting_for(("blue", "red")) == Pairs()


@pytest.mark.parametrize("counting", [Pairs(), Singles()])
def test_groups_and_wells_come_from_the_names(counting: Counting) -> None:
    paths = [Path("in/p1_B07_f3_blue.png"), Path("in/p1_B07_f3_red.png")]
    fields, left_out = counting.plan(paths, group=None)
    assert not left_out
    assert len(fields) == (1 if isinstance(counting, Pairs) else 2)
    assert {(f.image.group, f.image.well, f.image.field) for f in fields} == {
        ("p1_B07", "B07", "3")
    }


@pytest.mark.parametrize("change", [{"blue": "blue"}, {"red": "{red}"}, {"iou_threshold": 0}])
def test_wrong_settings_are_refused_at_once(change: dict) -> None:
    with pytest.raises(ConfigError):
        Pairs(**change)


def test_a_large_image_is_thinned_for_its_picture() -> None:
    wide = image("a", np.zeros((1, 10, 4100), np.uint8))
    assert wide.step == 2
    assert wide.thumbnail().shape == (1, 5, 2050)
