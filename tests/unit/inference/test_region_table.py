"""The table against scikit-image's own functions, and circles against their formulas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.measure import regionprops

from cellwright.inference import region_table
from cellwright.inference.identity import name_images
from cellwright.inference.region_table import measure, region_columns, region_rows
from cellwright.inference.source import ArraySource
from cellwright.types import Instances
from ink_cells import discs, draw_ink, scattered_discs

[IMAGE] = name_images([Path("plate/a_B07_f2.png")])


def table(cells: Instances, pixels: np.ndarray, **settings: object) -> list[dict[str, object]]:
    channels = int(settings.pop("n_channels", len(pixels)))
    rows = region_rows(
        cells,
        ArraySource(pixels),
        **{"classes": ("cell",), "image": IMAGE, "pixel_size_um": None, "n_channels": channels}
        | settings,
    )
    return [dict(zip(region_columns(channels), row, strict=True)) for row in rows]


@pytest.mark.parametrize("band_rows", [13, 1024])
def test_each_cell_is_what_scikit_image_says_of_it_alone(band_rows: int, monkeypatch) -> None:
    monkeypatch.setattr(region_table, "BAND_ROWS", band_rows)
    cells = scattered_discs(12, (90, 120), seed=4)
    pixels = np.random.default_rng(0).integers(0, 60_000, (2, 90, 120)).astype(np.uint16)
    rows = table(cells, pixels)
    assert len(rows) == 12
    for row, region in zip(rows, regionprops(cells.labels, pixels.transpose(1, 2, 0)), strict=True):
        assert row["label"] == region.label
        for name in ("area", "perimeter", "eccentricity", "solidity"):
            assert row[name] == pytest.approx(getattr(region, name), abs=1e-3)
        for name in ("axis_major_length", "axis_minor_length", "equivalent_diameter_area"):
            assert row[name] == pytest.approx(getattr(region, name), abs=1e-3)
        for name in ("bbox", "centroid", "intensity_mean"):
            for index, value in enumerate(getattr(region, name)):
                assert row[f"{name}-{index}"] == pytest.approx(value, abs=1e-3)


def test_a_disc_has_the_measures_of_a_circle_in_pixels_and_micrometres() -> None:
    [row] = table(discs((45, 60, 30)), draw_ink(discs((45, 60, 30))), pixel_size_um=0.5)
    assert row["area"] == pytest.approx(np.pi * 30**2, rel=0.01)
    assert row["area_um2"] == pytest.approx(row["area"] / 4)
    assert row["equivalent_diameter_area_um"] == pytest.approx(30, rel=0.01)
    assert row["axis_major_length"] == pytest.approx(60, rel=0.01)
    assert row["axis_minor_length_um"] == pytest.approx(30, rel=0.01)
    assert row["perimeter_um"] == pytest.approx(np.pi * 30, rel=0.05)
    assert row["eccentricity"] == pytest.approx(0, abs=0.1)
    assert row["solidity"] > 0.97
    assert (row["centroid-0"], row["centroid-1"]) == pytest.approx((45, 60), abs=0.01)


def test_names_classes_scores_and_what_is_unknown() -> None:
    drawn = discs((20, 20, 8), (60, 60, 8))
    cells = Instances(drawn.labels, np.array([1, 0]), np.array([0.25, 1.0]))
    first, second = table(cells, draw_ink(drawn), classes=("dim", "bright"))
    assert [first["class"], second["class"]] == ["bright", "dim"]
    assert [first["score"], second["score"]] == [0.25, 1.0]
    assert first["area_um2"] is None and first["perimeter_um"] is None
    assert (first["image_id"], first["well"], first["field"]) == ("a_B07_f2", "B07", "2")
    [only, _] = table(drawn, draw_ink(drawn))
    assert only["score"] is None


def test_grey_pictures_fill_the_columns_of_a_colour_model() -> None:
    drawn = discs((20, 20, 8))
    [row] = table(drawn, draw_ink(drawn), n_channels=3)
    assert row["intensity_mean-0"] == row["intensity_mean-2"] > 80


def test_cells_of_a_pixel_a_row_and_a_column() -> None:
    labels = np.zeros((20, 20), int)
    labels[2, 2] = 1
    labels[5, 3:10] = 2
    labels[8:15, 15] = 3
    rows = table(Instances(labels), np.full((1, 20, 20), 7, np.uint8))
    assert [row["area"] for row in rows] == [1, 7, 7]
    assert all(np.isfinite(row[name]) for row in rows for name in region_table.SHAPES)
    assert [row["intensity_mean-0"] for row in rows] == [7, 7, 7]


def test_no_cells_no_rows() -> None:
    nothing = Instances(np.zeros((9, 9), int))
    assert table(nothing, np.zeros((1, 9, 9), np.uint8)) == []
    assert set(measure(discs((5, 5, 3), size=(10, 10)))) == {
        *region_table.PLACES,
        *region_table.SHAPES,
    }
