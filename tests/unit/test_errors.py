"""Errors say what, where and the remedy."""

import pytest

from cellwright.errors import (
    CellwrightError,
    MissingExtraError,
    UnknownNameError,
    did_you_mean,
    why_unreadable,
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CellwrightError("broken"), "broken"),
        (CellwrightError("broken", where="a.png"), "a.png: broken"),
        (CellwrightError("broken", where="a.png", remedy="mend it"), "a.png: broken; mend it"),
        (MissingExtraError("torch", "train"), "pip install 'cellwright[train]'"),
        (UnknownNameError("model", "blod-cells", ["live-dead", "blood-cells"]), "did you mean"),
        (UnknownNameError("model", "x", ["b", "a"]), "choose one of: a, b"),
        (UnknownNameError("model", "x", []), "(none)"),
    ],
)
def test_messages(error, said):
    assert said in str(error)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("YOLO", "yolo"),
        ("bccd", "bccd_blood_cells"),
        ("BCCD_blood", "bccd_blood_cells"),
        ("yollo", "yolo"),
        ("b", ""),
        ("nowhere/labels", ""),
    ],
)
def test_what_was_meant_is_asked_whatever_the_case_and_by_the_beginning(typed, meant):
    asked = f"did you mean {meant!r}? " if meant else ""
    assert did_you_mean(typed, ["yolo", "coco", "bccd_blood_cells"]) == asked


def test_why_a_file_cannot_be_read_is_told_without_numbers_and_codecs():
    assert why_unreadable(IsADirectoryError(21, "Is a directory", "a.csv")) == "is a directory"
    assert why_unreadable(OSError("gone")) == "gone"
    with pytest.raises(UnicodeDecodeError) as raised:
        b"\xff".decode()
    assert why_unreadable(raised.value) == "it is no text in UTF-8"
