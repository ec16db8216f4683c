"""A model of the same name but other content is another model: old jobs stay those of the old."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from blob_model import write_blob_model
from cellwright.service.app import create_app
from serving import wait_for

API = "/api/v1"
Started = Callable[..., TestClient]


@pytest.fixture
def started(open_settings):
    """Function that gives a service on the same store with the bundles that are named."""

    def start(*bundles):
        app = create_app(replace(open_settings, bundles=bundles))
        return TestClient(app, base_url="http://localhost")

    return start


@pytest.fixture(params=["cell", None])
def another(request, tmp_path):
    """Bundles that are served later: one called ``discs`` with another class, or none."""
    if request.param is None:
        return ()
    return (write_blob_model(tmp_path / "new" / "discs.cellwright", class_name=request.param),)


def start_job(client, pictures):
    parts = [("images", (path.name, path.read_bytes(), "image/png")) for path in pictures]
    answer = client.post(f"{API}/jobs", data={"model": "discs"}, files=parts)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_what_needs_no_model_is_still_shown(started, another, model_file, pictures):
    with started(model_file) as client:
        job = start_job(client, pictures)
        before = wait_for(client, job, lambda state: state["state"] == "done")
        boxes = [{"class": "disc", "xyxy": [1, 1, 9, 9]}]
        place = f"{API}/jobs/{job}"
        client.put(f"{place}/images/1/corrections", json={"boxes": boxes})
        shown = ("counts.csv", "summary.csv", "cells.csv", "errors.csv", "counts", "images/1")
        held = {path: client.get(f"{place}/{path}") for path in shown}
    with started(*another) as client:
        after = client.get(place).json()
        assert (after["task"], after["label_formats"], after["waits_for"]) == (None, [], None)
        assert after["images"][0] == before["images"][0]
        for path, answer in held.items():
            again = client.get(f"{place}/{path}")
            assert again.status_code == 200, again.text
            if path != "counts":
                assert again.content == answer.content, path
        assert client.get(f"{place}/counts").json() == {**held["counts"].json(), "task": None}
        assert client.get(f"{place}/images/0/overlay.png").status_code == 200
        for path in ("report.html", "corrected.csv", "outlines.zip", "labels.zip"):
            refused = client.get(f"{place}/{path}")
            assert refused.status_code == 409, (path, refused.text)
            assert before["model_sha256"][:12] in refused.json()["what"]
        put = client.put(f"{place}/images/0/corrections", json={"boxes": []})
        assert put.status_code == 409
        back = client.delete(f"{place}/images/1/corrections").json()
        assert back["counts"] == {"disc": back["summary"]["n_cells"]}


def test_waiting_images_wait_for_their_model(started, another, model_file, pictures):
    with started(model_file) as client:
        client.app.state.parts.worker.stop()
        job = start_job(client, pictures[:1])
    with started(*another) as client:
        # The worker is awake: it has done a job of another model that came later.
        if another:
            wait_for(client, start_job(client, pictures[:1]), lambda one: one["state"] == "done")
        state = client.get(f"{API}/jobs/{job}").json()
        assert (state["state"], state["n_failed"]) == ("running", 0)
        assert "'discs'" in state["waits_for"] and state["model_sha256"][:12] in state["waits_for"]
    with started(model_file) as client:
        done = wait_for(client, job, lambda one: one["state"] == "done")
        assert (done["n_done"], done["waits_for"]) == (1, None)
        rows = list(csv.DictReader(io.StringIO(client.get(f"{API}/jobs/{job}/counts.csv").text)))
        assert int(rows[0]["n_disc"]) > 0
