"""Cells of a model that segments: outlined, corrected, counted, and labels that train reads."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient

from cellwright.images.fill import fill
from cellwright.images.write import write_png
from cellwright.service.app import create_app
from cellwright.types import Instances, SemanticMask
from ink_cells import draw_ink, scattered_discs, write_ink_bundle

API = "/api/v1"
SQUARE = [[2, 3], [12, 3], [12, 9], [2, 9]]


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("ink") / "ink.png"
    cells = scattered_discs(9, (90, 120), seed=3)
    blank = cells.labels.copy()
    blank[:14, :20] = 0  # room to draw in
    write_png(path, draw_ink(Instances.from_labels(blank)))
    return path


@pytest.fixture(params=["cells", "two_masks"])
def served(request, open_settings, picture, tmp_path):
    """A client, and the address of a finished image; one model of each segmenting task."""
    bundle = write_ink_bundle(tmp_path / "ink.cellwright", request.param)
    app = create_app(replace(open_settings, bundles=(bundle,)))
    with TestClient(app, base_url="http://localhost") as client:
        part = ("images", ("a.png", picture.read_bytes(), "image/png"))
        job = client.post(f"{API}/jobs", data={"model": "ink"}, files=[part]).json()
        place = f"{API}/jobs/{job['id']}"
        end = time.monotonic() + 120
        while client.get(place).json()["state"] == "running" and time.monotonic() < end:
            time.sleep(0.02)
        yield client, place


def labels_of(client, place):
    return tifffile.imread(io.BytesIO(client.get(f"{place}/images/0/labels.tif").content))


def filled(feature, shape):
    geometry = feature["geometry"]
    parts = geometry["coordinates"]
    parts = [parts] if geometry["type"] == "Polygon" else parts
    rings = tuple(np.array(ring[:-1], float) for part in parts for ring in part)
    return fill(rings, *shape)


def test_pictures_and_outlines_agree(served):
    client, place = served
    image = client.get(f"{place}/images/0").json()
    assert image["state"] == "done", image["problem"]
    labels = labels_of(client, place)
    assert labels.max() == image["summary"]["n_cells"] == len(image["cells"]) > 4
    assert sum(image["counts"].values()) == len(image["cells"])
    answer = client.get(f"{place}/images/0/cells.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    features = answer.json()["features"]
    for feature, cell in zip(features, image["cells"], strict=True):
        label = int(feature["properties"]["name"])
        assert feature["properties"]["classification"]["name"] == cell["class"]
        assert (filled(feature, labels.shape) == (labels == label)).all()
    rois = zipfile.ZipFile(io.BytesIO(client.get(f"{place}/images/0/rois.zip").content))
    assert len(rois.namelist()) >= len(features)
    task = client.get(place).json()["task"]
    mask = client.get(f"{place}/images/0/mask.png").status_code
    assert mask == (200 if task == "semantic" else 404)
    assert client.get(f"{place}/images/0/cells.geojson?of=corrected").status_code == 404


def correct(client, place):
    """Keep the first two, the second with another class where there is one; draw one."""
    image = client.get(f"{place}/images/0").json()
    other = list(image["counts"])[-1]
    cells = [
        {"label": 1, "class": image["cells"][0]["class"]},
        {"label": 2, "class": other},
        {"class": other, "polygon": SQUARE},
    ]
    answer = client.put(f"{place}/images/0/corrections", json={"cells": cells})
    assert answer.status_code == 200, answer.text
    assert answer.json()["corrections"] == cells
    return cells, answer.json()


def test_delete_relabel_and_draw(served):
    client, place = served
    before = labels_of(client, place)
    cells, image = correct(client, place)
    wanted = [cell["class"] for cell in cells]
    assert {name: n for name, n in image["counts"].items() if n} == {
        name: wanted.count(name) for name in wanted
    }
    features = client.get(f"{place}/images/0/cells.geojson?of=current").json()["features"]
    assert [one["properties"]["classification"]["name"] for one in features] == wanted
    for label in (1, 2):
        assert (filled(features[label - 1], before.shape) == (before == label)).all()
    drawn = filled(features[2], before.shape)
    assert drawn.sum() == 60 and drawn[3:9, 2:12].all()
    counted = client.get(f"{place}/counts").json()
    assert counted["n_cells"] == 3 and counted["images"][0]["corrected"]
    table = list(csv.DictReader(io.StringIO(client.get(f"{place}/corrected.csv").text)))
    assert [row["class"] for row in table] == wanted
    assert float(table[2]["area"]) == 60 and table[2]["score"] == ""
    back = client.delete(f"{place}/images/0/corrections").json()
    assert back["corrections"] is None and sum(back["counts"].values()) == len(back["cells"])


def test_kept_cells_keep_their_labels(served):
    client, place = served
    found = client.get(f"{place}/images/0").json()["cells"]
    cells = [
        {"label": 4, "class": found[3]["class"]},
        {"class": found[0]["class"], "polygon": SQUARE},
        {"label": 2, "class": found[1]["class"]},
    ]
    assert client.put(f"{place}/images/0/corrections", json={"cells": cells}).status_code == 200
    table = list(csv.DictReader(io.StringIO(client.get(f"{place}/corrected.csv").text)))
    labels = [4, len(found) + 2, 2]  # as the page numbers them
    assert [int(row["label"]) for row in table] == labels
    for row, before in zip(table[::2], (found[3], found[1]), strict=True):
        assert float(row["area"]) == before["area"]
        assert float(row["centroid-0"]) == before["centroid-0"]
    features = client.get(f"{place}/images/0/cells.geojson?of=current").json()["features"]
    assert [int(one["properties"]["name"]) for one in features] == labels
    rois = zipfile.ZipFile(
        io.BytesIO(client.get(f"{place}/images/0/rois.zip?of=corrected").content)
    )
    assert [int(name[:4]) for name in rois.namelist()] == labels


def test_a_drawn_cell_has_one_area(served):
    client, place = served
    image = client.get(f"{place}/images/0").json()
    triangle = [[2, 3], [9, 3], [2, 8]]
    cell = {"class": image["cells"][0]["class"], "polygon": triangle}
    saved = client.put(f"{place}/images/0/corrections", json={"cells": [cell]}).json()
    (row,) = csv.DictReader(io.StringIO(client.get(f"{place}/corrected.csv").text))
    areas = client.get(f"{place}/counts").json()["areas"]
    assert saved["areas"] == [float(row["area"])] == [areas["edges"][-1]]
    assert float(row["area"]) != 17.5  # that of the corners


@pytest.mark.parametrize("format_name", ["instances", "coco", "masks"])
def test_corrections_are_labels_that_train_reads(served, format_name, tmp_path):
    client, place = served
    task, formats = (client.get(place).json()[name] for name in ("task", "label_formats"))
    assert client.get(f"{place}/labels.zip").status_code == 409  # nothing is corrected
    cells, _ = correct(client, place)
    answer = client.get(f"{place}/labels.zip", params={"format": format_name})
    if format_name not in formats:
        assert answer.status_code == 422 and task == "instances"
        return
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path / "labels")
    from cellwright.learning.config import TrainConfig
    from cellwright.learning.training_data import load_set

    data = {"path": tmp_path / "labels", "format": format_name}
    config = TrainConfig.model_validate({"name": "mine", "task": task, "data": data})
    (record,) = load_set(config.data)
    annotation = record.load().annotation
    if format_name == "masks":
        assert isinstance(annotation, SemanticMask)
        assert (annotation.mask[3:9, 2:12] == 2).all()  # background, dim, bright
    else:
        assert isinstance(annotation, Instances)
        assert len(annotation) == len(cells)
        assert (annotation.labels[3:9, 2:12] == 3).all()


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ({"label": 1, "class": "cat"}, 422),
        ({"label": 999, "class": "CLASS"}, 422),
        ({"label": 0, "class": "CLASS"}, 422),
        ({"label": 2, "class": "CLASS"}, 422),  # named twice
        ({"class": "CLASS"}, 422),
        ({"label": 1, "polygon": SQUARE, "class": "CLASS"}, 422),
        ({"polygon": SQUARE[:2], "class": "CLASS"}, 422),
        ({"polygon": [[0, 0], [500, 0], [0, 5]], "class": "CLASS"}, 422),
        ({"polygon": [[0, 0], [-1, 0], [0, 5]], "class": "CLASS"}, 422),
        ({"polygon": [["NaN", 0], [1, 0], [0, 5]], "class": "CLASS"}, 422),
        ({"polygon": [[3.1, 3.1], [3.2, 3.1], [3.2, 3.2]], "class": "CLASS"}, 422),  # no pixel
        ({"polygon": [[0, 0], [1, 1], [0, 1]] * 700, "class": "CLASS"}, 422),
    ],
)
def test_wrong_cells_are_refused_whole(served, cell, status):
    client, place = served
    name = client.get(f"{place}/images/0").json()["cells"][0]["class"]
    cell = {key: name if value == "CLASS" else value for key, value in cell.items()}
    good = {"label": 2, "class": name}
    answer = client.put(f"{place}/images/0/corrections", json={"cells": [good, cell]})
    assert answer.status_code == status, answer.text
    assert answer.json()["where"] and answer.json()["remedy"]
    assert client.get(f"{place}/images/0").json()["corrections"] is None


def test_boxes_are_not_for_models_that_segment(served):
    client, place = served
    for body in ({"boxes": []}, {}, {"cells": [], "boxes": []}):
        assert client.put(f"{place}/images/0/corrections", json=body).status_code == 422


def test_drawing_costs_are_bounded(served, monkeypatch):
    client, place = served
    monkeypatch.setattr("cellwright.service.corrections.MAX_EFFORT", 50)
    name = client.get(f"{place}/images/0").json()["cells"][0]["class"]
    drawn = {"polygon": SQUARE, "class": name}
    answer = client.put(f"{place}/images/0/corrections", json={"cells": [drawn]})
    assert answer.status_code == 413
