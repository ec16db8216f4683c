"""Groups of crops that lie in a folder a class, and a run without a result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.assays.cell_cycle import CellCycleSettings, run_cell_cycle
from cellwright.errors import ConfigError
from cellwright.images.write import write_png
from dark_model import EDGE, dark_bundle


def write_crops(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        write_png(folder / f"{name}.png", np.full((3, EDGE, EDGE), 90, np.uint8))


@pytest.mark.parametrize("pattern", ["{}", "17_Ch{}", "17-ch{}-x"])
@pytest.mark.parametrize("first_of_second", [1, 4])
def test_a_folder_a_class_is_a_group_whether_names_collide_or_not(
    tmp_path: Path, pattern: str, first_of_second: int
) -> None:
    for folder, first in (("G1", 1), ("S", first_of_second)):
        names = tuple(pattern.format(number) for number in range(first, first + 3))
        write_crops(tmp_path / "in" / folder, names)
    bundle = dark_bundle(tmp_path / "dark.cellwright", classes=("g1", "mitosis"))
    report = run_cell_cycle([tmp_path / "in"], bundle=bundle, out=tmp_path / "out")
    groups = {one.image_id: one.group for one in report.images}
    assert len(groups) == 6
    assert sorted((one.name.split("__")[0], one.n_images) for one in report.groups) == [
        ("G1", 3),
        ("S", 3),
    ]


def test_a_wrong_pattern_is_told_before_the_work(tmp_path: Path) -> None:
    write_crops(tmp_path / "in", ("a_1", "b_1"))
    bundle = dark_bundle(tmp_path / "dark.cellwright", classes=("g1", "mitosis"))
    with pytest.raises(ConfigError, match="b_1: the group pattern"):
        run_cell_cycle(
            [tmp_path / "in"],
            bundle=bundle,
            out=tmp_path / "out",
            settings=CellCycleSettings(group="a{group}"),
        )
    assert not (tmp_path / "out").exists()


def test_a_page_of_nothing_says_so(tmp_path: Path) -> None:
    bundle = dark_bundle(tmp_path / "dark.cellwright", classes=("g1", "mitosis"))
    (tmp_path / "a.png").write_bytes(b"")
    report = run_cell_cycle([tmp_path / "a.png"], bundle=bundle, out=tmp_path / "out")
    assert report.images == ()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No cell could be staged" in page
    assert "in g1" not in page
