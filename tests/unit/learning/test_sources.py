"""What a config names and is not there is told before a run begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cellwright.errors import CellwrightError
from cellwright.learning.config import checked
from cellwright.learning.sources import check_sources


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": {"path": "{folder}/labels"}}, "labels: is not there; check data.path"),
        ({"data": {"dataset": "bccd"}}, "did you mean 'bccd_blood_cells'"),
        ({"data": {"datasets": ["hela_dic", "nuclei"]}}, "'hela_dic' is not on this computer"),
        ({"data": {"path": "{folder}", "format": "YOLO"}}, "did you mean 'yolo'"),
        ({"data": {"path": "{folder}", "split_file": "{folder}/no.csv"}}, "no.csv: cannot be read"),
        ({"start_from": "nuclie"}, "did you mean 'nuclei'"),
    ],
)
def test_what_is_not_there_is_named(
    changes: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLWRIGHT_DATA", str(tmp_path))
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path))
    raw: dict[str, Any] = {"name": "a", "data": {"path": str(tmp_path)}, **changes}
    raw["data"] = {
        key: value.format(folder=tmp_path) if isinstance(value, str) else value
        for key, value in raw["data"].items()
    }
    with pytest.raises(CellwrightError) as raised:
        check_sources(checked(raw, where="run.yaml"))
    assert said in str(raised.value)


def test_what_is_all_there_passes(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("id,group,part\na,a,train\n")
    data = {"path": str(tmp_path), "format": "yolo", "split_file": str(tmp_path / "split.csv")}
    config = checked({"name": "a", "data": data, "start_from": "nuclei"}, where="run.yaml")
    check_sources(config)
    (tmp_path / "split.csv").unlink()
    with pytest.raises(CellwrightError, match="split"):
        check_sources(config)
