"""What an assay takes: every image once, none that it wrote itself, no folder of predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cellwright.assays.inputs import (
    grouped_images,
    images_among,
    pooled_with,
    refuse_predictions,
)
from cellwright.errors import CellwrightError, ConfigError, ImageError
from cellwright.images.write import write_png

GREY = np.zeros((1, 4, 4), np.uint8)


def test_an_image_named_twice_is_taken_once_and_pictures_of_a_run_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "deep/b.png", "overlays/a.png"):
        write_png(tmp_path / name, GREY)
    monkeypatch.chdir(tmp_path)
    given = [tmp_path, Path("a.png"), tmp_path / "deep" / "b.png"]
    found = images_among(given, written=[Path("overlays")], aim="count")
    assert sorted(path.absolute() for path in found) == [
        tmp_path / "a.png",
        tmp_path / "deep/b.png",
    ]


def test_no_image_at_all_is_an_error_that_says_what_for(tmp_path: Path) -> None:
    write_png(tmp_path / "overlays" / "a.png", GREY)
    with pytest.raises(ImageError, match="no images to segment"):
        images_among([tmp_path], written=[tmp_path / "overlays"], aim="segment")


def test_a_folder_of_predictions_is_refused(tmp_path: Path) -> None:
    refuse_predictions(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="cellwright predict"):
        refuse_predictions(tmp_path)


def test_an_image_that_came_while_the_run_went_on_is_told(tmp_path: Path) -> None:
    write_png(tmp_path / "in" / "B07_1.png", GREY)
    grouped = grouped_images([tmp_path / "in"], tmp_path / "out", None)
    assert pooled_with(grouped, "B07_1") == "B07"
    with pytest.raises(CellwrightError, match="B07_2 came, or others went"):
        pooled_with(grouped, "B07_2")
