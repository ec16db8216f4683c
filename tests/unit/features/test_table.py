"""The table of cells: its columns, its order, its places, what a crop and a field give."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.features import (
    FEATURE_NAMES,
    FEATURES,
    FIELD_NAMES,
    measure_cells,
    measure_crop,
    measure_field,
    segment_smear,
)
from cellwright.images.simulate.smear import SmearField, SmearScene, simulate_smear

SCENE = SmearScene(
    height=260, width=320, n_red=12, n_white=6, blast_share=0.5, clump_fraction=0, seed=2
)


@pytest.fixture(scope="module")
def field() -> SmearField:
    return simulate_smear(SCENE)


def test_every_column_says_what_it_is() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) == 52
    assert all(one.unit in {"px", "px2", "1", "bit"} for one in FEATURES)
    assert all(one.equation and one.source for one in FEATURES)
    assert FIELD_NAMES[:3] == ("n_white", "n_red", "white_share")
    assert len(FIELD_NAMES) == 3 + len(FEATURE_NAMES)


def test_numbers_belong_to_their_cell(field: SmearField) -> None:
    table = measure_cells(field.image, field.white.labels, field.nuclei)
    assert table.labels.tolist() == [1, 2, 3, 4, 5, 6]
    areas = np.bincount(field.white.labels.ravel())[1:]
    np.testing.assert_array_equal(table.column("area"), areas)
    inner = np.bincount(field.nuclei.ravel())[1:]
    np.testing.assert_array_equal(table.column("nucleus_area"), inner)
    np.testing.assert_allclose(table.column("nucleus_cell_ratio"), inner / areas)
    assert (table.column("nucleus_lightness_mean") < table.column("cytoplasm_lightness_mean")).all()


def test_blasts_have_larger_nuclei_and_finer_chromatin(field: SmearField) -> None:
    table = measure_cells(field.image, field.white.labels, field.nuclei)
    blast = np.asarray(field.white.class_ids) == 1
    ratio = table.column("nucleus_cell_ratio")
    assert ratio[blast].min() > ratio[~blast].max()
    lobes = table.column("nucleus_lobes")
    assert (lobes[blast] == 1).all()


def test_labels_may_have_gaps(field: SmearField) -> None:
    labels = np.where(field.white.labels == 2, 0, field.white.labels * 10)
    table = measure_cells(field.image, labels, np.where(labels > 0, field.nuclei * 10, 0))
    assert table.labels.tolist() == [10, 30, 40, 50, 60]
    whole = measure_cells(field.image, field.white.labels, field.nuclei)
    np.testing.assert_allclose(table.values, whole.values[[0, 2, 3, 4, 5]])


def test_no_cell_is_an_empty_table(field: SmearField) -> None:
    nothing = np.zeros(field.white.labels.shape, np.int32)
    table = measure_cells(field.image, nothing, nothing)
    assert len(table) == 0 and table.values.shape == (0, len(FEATURE_NAMES))


def test_labels_of_another_size_are_refused(field: SmearField) -> None:
    with pytest.raises(ImageError, match="do not fit"):
        measure_cells(field.image, np.zeros((5, 5), np.int32), np.zeros((5, 5), np.int32))


def test_a_cell_without_plasma_lacks_its_colour(field: SmearField) -> None:
    table = measure_cells(field.image, field.nuclei, field.nuclei)
    assert np.isnan(table.column("cytoplasm_a_mean")).all()
    assert not np.isnan(table.column("nucleus_a_mean")).any()


def test_a_crop_is_a_row(field: SmearField) -> None:
    x1, y1, x2, y2 = field.white.boxes().xyxy[0].astype(int)
    crop = field.image[:, max(0, y1 - 8) : y2 + 8, max(0, x1 - 8) : x2 + 8]
    row = measure_crop(crop)
    assert row.shape == (len(FEATURE_NAMES),)
    area = float((field.white.labels == 1).sum())
    assert row[0] == pytest.approx(area, rel=0.12)


def test_a_crop_without_a_white_cell_is_refused() -> None:
    empty = simulate_smear(
        SmearScene(height=96, width=96, n_red=4, n_white=0, n_platelets=0, seed=1)
    )
    with pytest.raises(ImageError, match="no white cell"):
        measure_crop(empty.image, where="b.png")
    row = measure_field(empty.image)
    assert row[0] == 0 and row[1] > 0 and row[2] == 0
    assert np.isnan(row[3:]).all()


def test_a_field_is_a_row_of_medians(field: SmearField) -> None:
    row = dict(zip(FIELD_NAMES, measure_field(field.image), strict=True))
    found = segment_smear(field.image)
    table = measure_cells(field.image, found.white, found.nuclei)
    assert row["n_white"] == found.n_white and row["n_red"] == found.n_red
    assert row["median_area"] == np.median(table.column("area"))
