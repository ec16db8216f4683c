"""Files as answers: parts of them, what is refused, and what is left of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

API = "/api/v1"


@pytest.fixture
def place(client, start_job, tmp_path, monkeypatch):
    """Address of a finished job, in a process whose temporary files lie in ``tmp_path/made``."""
    job = start_job()["id"]
    (tmp_path / "made").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "made"))
    return f"{API}/jobs/{job}"


@pytest.mark.parametrize(
    ("asked", "status"),
    [("bytes=99999999999-", 416), ("bytes=5-1", 400), ("bytes=x", 400), ("lines=1-2", 400)],
)
@pytest.mark.parametrize("name", ["outlines.zip", "overlays.zip", "images/0/overlay.png"])
def test_a_bad_range_is_a_problem_and_leaves_nothing(client, place, tmp_path, asked, status, name):
    answer = client.get(f"{place}/{name}", headers={"Range": asked})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert asked in answer.json()["where"] and answer.json()["remedy"]
    if status == 416:
        assert answer.headers["content-range"].startswith("bytes */")
    assert list((tmp_path / "made").iterdir()) == []


def test_a_part_is_sent_and_the_whole_is_gone(client, place, tmp_path):
    whole = client.get(f"{place}/overlays.zip").content
    answer = client.get(f"{place}/overlays.zip", headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, whole[:4])
    assert list((tmp_path / "made").iterdir()) == []


def test_a_file_that_goes_meanwhile_is_missing(client, place, monkeypatch):
    parts = client.app.state.parts
    monkeypatch.setattr(type(parts.files), "tiles", lambda *_: Path(tempfile.gettempdir()))
    answer = client.get(f"{place}/images/0/tiles/7/0_0.jpg")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
