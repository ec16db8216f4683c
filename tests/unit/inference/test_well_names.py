"""Names as instruments and people write them."""

from __future__ import annotations

import pytest

from cellwright.inference.well_names import place_in, up_to_well


@pytest.mark.parametrize(
    ("name", "well", "field"),
    [
        # MetaXpress, Opera and Operetta, IncuCyte
        ("IXMtest_A02_s1_w1051DAA7C", "A02", "1"),
        ("B07_s1_w2", "B07", "1"),
        ("r02c03f05", "B03", "05"),
        ("r16c24f01p01-ch1sk1fk1fl1", "P24", "01"),
        ("VID1_B7_1_00d12h00m", "B07", ""),
        ("B7_1", "B07", ""),
        # a channel, a field, or both behind the well
        ("B07_C1", "B07", ""),
        ("B07_C01", "B07", ""),
        ("B7_C1", "B07", ""),
        ("C3_C1", "C03", ""),
        ("F07_f3", "F07", "3"),
        ("F07_C1", "F07", ""),
        ("B07_F3", "B07", "3"),
        ("B07_F03_C01", "B07", "03"),
        ("C07_F3_C1", "C07", "3"),
        ("F3_F12", "F03", "12"),
        ("F12_s1_C2", "F12", "1"),
        ("H5_site_3", "H05", "3"),
        ("plate3_P24_f12", "P24", "12"),
        # a plate or a day in front
        ("exp_P2_B07", "B07", ""),
        ("exp_P2_C07", "C07", ""),
        ("P2_C7", "C07", ""),
        ("P2_C10", "C10", ""),
        ("P02_C01", "C01", ""),
        ("exp_P2_F07_s1", "F07", "1"),
        ("exp_F2_B07", "B07", "2"),
        # one word has one meaning
        ("plate_F3", "F03", ""),
        ("plate_C1", "C01", ""),
        ("img_f3", "", "3"),
        # no wells
        ("b07", "", ""),
        ("A25_1", "", ""),
        ("r17c03f05", "", ""),
        ("r02c25f05", "", ""),
        ("r00c01f01", "", ""),
        ("HeLa12_control", "", ""),
        ("BloodImage_00001", "", ""),
        ("", "", ""),
    ],
)
def test_well_and_field(name: str, well: str, field: str) -> None:
    place = place_in(name)
    assert (place.well, place.field) == (well, field)


@pytest.mark.parametrize(
    ("name", "well", "start"),
    [
        ("LAB7_B07_s1", "B07", "LAB7_B07"),
        ("plate2_B07_C1", "B07", "plate2_B07"),
        ("day1/B7_1", "B07", "day1/B7"),
        ("x_r02c03f05p01-ch1", "B03", "x_r02c03"),
        ("B07", "C01", None),
    ],
)
def test_the_name_up_to_its_well(name: str, well: str, start: str | None) -> None:
    assert up_to_well(name, well) == start
