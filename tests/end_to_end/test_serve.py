"""A real ``cellwright serve``, killed in the middle of a job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from serving import served, wait_for


@pytest.mark.slow
def test_a_killed_job_is_finished_and_nothing_done_twice(blob_bundle, fields, tmp_path):
    data = tmp_path / "data"
    with (
        served(data, "--model", blob_bundle) as (address, process),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        parts = [("images", (path.name, path.read_bytes(), "image/png")) for path in fields]
        answer = client.post("/api/v1/jobs", data={"model": "blobs"}, files=parts)
        assert answer.status_code == 201, answer.text
        job = answer.json()["id"]
        before = wait_for(client, job, lambda state: state["n_done"] >= 2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert before["n_done"] < len(fields), "it was done before it could be killed"
    early = {one["name"]: one["summary"] for one in before["images"] if one["summary"]}

    with (
        served(data, "--model", blob_bundle) as (address, again),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        after = wait_for(client, job, lambda state: state["state"] == "done")
        cells = client.get(f"/api/v1/jobs/{job}/cells.csv").text.splitlines()[1:]
        assert client.get(f"/api/v1/jobs/{job}/images/11/overlay.png").status_code == 200
        assert client.get(f"/api/v1/jobs/{job}/report.html").status_code == 200
        # After a count, its pictures and its report: none of it wanted what only trains.
        mapped = {Path(part.path).name for part in psutil.Process(again.pid).memory_maps()}
        assert any("onnxruntime" in name for name in mapped)
        assert not [name for name in mapped if "torch" in name]
    assert (after["n_done"], after["n_failed"]) == (len(fields), 0)
    assert [one["name"] for one in after["images"]] == [path.name for path in fields]
    for one in after["images"]:
        # What was done before was not done again: even its time is the same.
        assert early.get(one["name"], one["summary"]) == one["summary"]
    counted = Counter(row.partition(",")[0] for row in cells)
    assert counted == {
        Path(one["name"]).stem: one["summary"]["n_cells"]
        for one in after["images"]
        if one["summary"]["n_cells"]
    }
    assert not list(data.rglob(".*"))  # nothing half written is left


def test_without_the_extra_it_says_so(tmp_path):
    script = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'fastapi' else find(name, *rest)\n"
        "from cellwright.cli.main import main\n"
        "sys.argv = ['cellwright', 'serve']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: this needs the package 'fastapi', which is not installed; "
        "run: pip install 'cellwright[serve]'"
    ]
