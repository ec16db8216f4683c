"""Results of a model that classifies: explained, relabelled, and labels that train reads."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from cellwright.images.write import write_png
from cellwright.service.app import create_app
from patch_model import a_picture, patch_bundle

API = "/api/v1"


@pytest.fixture
def classified(open_settings, tmp_path):
    """Function that does pictures with the model ``patch``: a client and the job's address."""
    patch_bundle(tmp_path / "patch.cellwright")
    app = create_app(replace(open_settings, bundles=(tmp_path / "patch.cellwright",)))
    with TestClient(app, base_url="http://localhost") as client:

        def run(*pictures, **form):
            parts = []
            for index, pixels in enumerate(pictures):
                write_png(tmp_path / "one.png", pixels)
                content = (tmp_path / "one.png").read_bytes()
                parts.append(("images", (f"{index}.png", content, "image/png")))
            answer = client.post(f"{API}/jobs", data={"model": "patch", **form}, files=parts)
            place = f"{API}/jobs/{answer.json()['id']}"
            end = time.monotonic() + 120
            while client.get(place).json()["state"] == "running" and time.monotonic() < end:
                time.sleep(0.02)
            return client, place

        yield run


def test_a_cell_is_explained(classified):
    client, place = classified(a_picture(3, 8), a_picture(0, 0))
    image = client.get(f"{place}/images/0").json()
    assert image["counts"] == {"patch": 1, "empty": 0}
    pictures = {}
    for name in ("", "?class=patch", "?class=empty"):
        answer = client.get(f"{place}/images/0/explanation.png{name}")
        assert answer.status_code == 200, answer.text
        pictures[name] = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert (pictures[""] == pictures["?class=patch"]).all()
    assert (
        pictures[""].shape != pictures["?class=empty"].shape
        or (pictures[""] != pictures["?class=empty"]).any()
    )
    assert client.get(f"{place}/images/0/explanation.png?class=cat").status_code == 422
    assert client.get(f"{place}/images/0/explanation.png?label=2").status_code == 404


def test_a_tile_of_a_montage_is_explained_alone(classified):
    montage = np.concatenate([a_picture(3, 8), a_picture(9, 2)], axis=2)
    client, place = classified(montage, a_picture(9, 2), tile_px="16")
    image = client.get(f"{place}/images/0").json()
    assert len(image["cells"]) == 2
    tile = client.get(f"{place}/images/0/explanation.png?label=2").content
    assert tile == client.get(f"{place}/images/1/explanation.png").content
    assert tile != client.get(f"{place}/images/0/explanation.png?label=1").content


def test_relabelled_cells_leave_as_class_folders(classified, tmp_path):
    client, place = classified(a_picture(3, 8), a_picture(0, 0), a_picture(1, 1))
    assert client.get(place).json()["label_formats"] == ["folders"]
    for position, cells in enumerate(
        ([{"label": 1, "class": "empty"}], [{"label": 1, "class": "patch"}], [])
    ):
        answer = client.put(f"{place}/images/{position}/corrections", json={"cells": cells})
        assert answer.status_code == 200, answer.text
    assert client.get(f"{place}/counts").json()["n_cells"] == 2
    table = list(csv.DictReader(io.StringIO(client.get(f"{place}/corrected.csv").text)))
    assert [row["class"] for row in table] == ["empty", "patch"]
    answer = client.get(f"{place}/labels.zip")
    assert answer.status_code == 200, answer.text
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path / "labels")
    from cellwright.learning.config import TrainConfig
    from cellwright.learning.training_data import load_set

    data = {"path": tmp_path / "labels", "format": "folders"}
    task = {"name": "mine", "task": "classification", "data": data}
    found = load_set(TrainConfig.model_validate(task).data)
    classes = {record.id: found.classes[record.load_annotation().class_id] for record in found}
    assert classes == {"0": "empty", "1": "patch"}  # the third was taken out


def test_a_montage_leaves_as_a_table_only(classified):
    montage = np.concatenate([a_picture(3, 8), a_picture(9, 2)], axis=2)
    client, place = classified(montage, tile_px="16")
    cells = [{"label": 2, "class": "empty"}]
    assert client.put(f"{place}/images/0/corrections", json={"cells": cells}).status_code == 200
    table = list(csv.DictReader(io.StringIO(client.get(f"{place}/corrected.csv").text)))
    assert [(row["label"], row["bbox-1"]) for row in table] == [("2", "16.0")]
    assert client.get(f"{place}/labels.zip").status_code == 409
    polygon = [{"class": "empty", "polygon": [[1, 1], [5, 1], [5, 5]]}]
    answer = client.put(f"{place}/images/0/corrections", json={"cells": polygon})
    assert answer.status_code == 422


def test_a_detector_is_not_explained(client, start_job):
    job = start_job()["id"]
    answer = client.get(f"{API}/jobs/{job}/images/0/explanation.png")
    assert answer.status_code == 409 and answer.json()["remedy"]
