"""Measurements of crops that hold nothing to measure."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.features.extractors import EXTRACTORS, channels_as_named
from cellwright.features.table import FIELD_NAMES


def test_a_blank_crop_has_no_measurements_and_no_cells() -> None:
    blank = np.full((1, 3, 64, 64), 0.8, np.float32)
    assert np.isnan(EXTRACTORS["smear-cell"].table(blank)).all()
    (row,) = EXTRACTORS["smear-field"].table(blank)
    counts = dict(zip(FIELD_NAMES, row.tolist(), strict=True))
    assert (counts["n_white"], counts["n_red"]) == (0, 0)
    assert np.isnan(row[2:]).all()


def test_a_crop_of_another_kind_is_refused() -> None:
    with pytest.raises(ImageError, match="three colour channels"):
        EXTRACTORS["smear-cell"].table(np.zeros((1, 1, 64, 64), np.float32))


def test_channels_of_one_name_are_measured_each_by_itself() -> None:
    names = channels_as_named(2, ("dye", "dye"))
    columns = EXTRACTORS["simple"].columns(names)
    assert len(set(columns)) == len(columns) == len(EXTRACTORS["simple"].columns(("a", "b")))
