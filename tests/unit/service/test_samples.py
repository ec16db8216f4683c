"""The pictures to try the page with."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cellwright.bundles.zoo import ZOO
from cellwright.errors import UnknownNameError
from cellwright.service.samples import SAMPLES, sample_png


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_the_same_picture_every_time(name):
    first = sample_png(name)
    sample_png.cache_clear()
    assert sample_png(name) == first
    pixels = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_UNCHANGED)
    assert (pixels.dtype, pixels.ndim) == (np.uint8, 2)
    assert pixels.max() > 4 * np.median(pixels)  # nuclei stand out


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_sample_names_a_model_of_the_zoo(sample):
    assert sample.model in ZOO


def test_an_unknown_sample_lists_those_there_are():
    with pytest.raises(UnknownNameError, match="crowded-nuclei"):
        sample_png("../../etc/passwd")


def test_the_service_offers_them(client):
    listed = client.get("/api/v1/samples").json()
    assert [one["name"] for one in listed] == list(SAMPLES)
    answer = client.get(f"/api/v1/samples/{listed[0]['name']}.png")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == sample_png(listed[0]["name"])
    refused = client.get("/api/v1/samples/nothing.png")
    assert refused.status_code == 422
    assert "stained-nuclei" in refused.json()["remedy"]
