"""Corrections on the page become a model: labels of the service go into training as they are."""

from __future__ import annotations

import io
import time
import zipfile

import pytest
import yaml
from fastapi.testclient import TestClient

from blob_model import discs, write_blob_model
from cellwright.bundles.bundle import open_bundle
from cellwright.learning.config import load_config
from cellwright.learning.train import train
from cellwright.service.app import create_app
from cellwright.service.settings import ServiceSettings

API = "/api/v1"
N_IMAGES = 8
PATIENCE_S = 120


def counted(client, folder):
    """Address of a job whose images are all done."""
    pictures = [record.image_path for record in discs(folder, n_images=N_IMAGES)]
    parts = [("images", (path.name, path.read_bytes(), "image/png")) for path in pictures]
    started = client.post(f"{API}/jobs", data={"model": "discs"}, files=parts)
    place = f"{API}/jobs/{started.json()['id']}"
    end = time.monotonic() + PATIENCE_S
    while client.get(place).json()["state"] == "running" and time.monotonic() < end:
        time.sleep(0.05)
    return place


@pytest.mark.slow
def test_labels_of_the_service_train_a_detector(tmp_path):
    model = write_blob_model(tmp_path / "discs.cellwright")
    settings = ServiceSettings(
        tmp_path / "data", bundles=(model,), closed=False, runtime="onnxruntime", threads=1
    )
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        place = counted(client, tmp_path / "pictures")
        for position in range(N_IMAGES):
            image = client.get(f"{place}/images/{position}").json()
            columns = ("bbox-1", "bbox-0", "bbox-3", "bbox-2")
            boxes = [
                {"class": cell["class"], "xyxy": [cell[name] for name in columns]}
                for cell in image["cells"]
            ]
            saved = client.put(f"{place}/images/{position}/corrections", json={"boxes": boxes})
            assert saved.status_code == 200, saved.text
        labels = client.get(f"{place}/labels.zip", params={"format": "yolo"}).content
    zipfile.ZipFile(io.BytesIO(labels)).extractall(tmp_path / "labels")
    config = tmp_path / "run.yaml"
    content = {
        "name": "from-the-page",
        "threads": 1,
        "data": {"path": str(tmp_path / "labels")},
        "input": {"tile_px": 128},
        "detector": {"settings": {"width": 16, "n_bins": 8}},
        "schedule": {"epochs": 1, "batch_size": 4, "precision": "32-true"},
    }
    config.write_text(yaml.safe_dump(content))
    result = train(load_config(config), tmp_path / "run", command="cellwright train run.yaml")
    card = open_bundle(result.bundle).card
    assert card.classes == ("disc",)
    assert sum(one.n_images for one in card.evaluations) + card.training.n_images == N_IMAGES
