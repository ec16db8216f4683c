"""Errors say what, where and the remedy."""

import pytest

from cellwright.errors import CellwrightError, MissingExtraError, UnknownNameError


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
