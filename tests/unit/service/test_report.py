"""A job leaves as one page to read, and as pictures with its cells drawn."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from cellwright.service.app import create_app

API = "/api/v1"


def rows_under(text, caption):
    """Cells of the table with that caption, header first."""
    (table,) = [
        one for one in re.findall(r"<table.*?</table>", text, re.DOTALL) if f">{caption}<" in one
    ]
    rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>\s*(.*?)\s*</t[hd]>", row) for row in rows]


@pytest.fixture
def broken_job(client, pictures, finished):
    """A job whose one image is cut short."""
    part = ("images", ("short.png", pictures[0].read_bytes()[:300], "image/png"))
    answer = client.post(f"{API}/jobs", data={"model": "discs"}, files=[part])
    return finished(answer.json()["id"])


def test_figures_are_those_of_the_job(client, start_job, open_settings):
    job = start_job()
    place = f"{API}/jobs/{job['id']}"
    boxes = [{"class": "disc", "xyxy": [1, 1, 9, 9]}]
    assert client.put(f"{place}/images/1/corrections", json={"boxes": boxes}).status_code == 200
    answer = client.get(f"{place}/report.html")
    assert answer.headers["content-disposition"] == 'attachment; filename="report.html"'
    assert str(open_settings.folder) not in answer.text

    counts = [image["summary"]["n_cells"] for image in job["images"]]
    counts[1] = 1
    assert rows_under(answer.text, "Image by image")[1:] == [
        [image["name"], str(count), str(count), "yes" if position == 1 else "no"]
        for position, (image, count) in enumerate(zip(job["images"], counts, strict=True))
    ]
    assert rows_under(answer.text, "All images together")[1][:2] == ["disc", str(sum(counts))]
    name, before = job["images"][1]["name"], job["images"][1]["summary"]["n_cells"]
    caption = f"{name.rpartition('.')[0]}: the model found {before} cells, 1 after the check"
    assert caption in answer.text
    # Sizes, and a picture an image; all of it within the page.
    sources = re.findall(r'<img[^>]* src="([^"]*)', answer.text)
    assert len(sources) == 1 + len(counts)
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search("<script|<link", answer.text)


def test_it_names_the_runtime_that_ran_not_the_setting(open_settings, pictures):
    settings = replace(open_settings, runtime="auto")
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        part = ("images", ("a.png", pictures[0].read_bytes(), "image/png"))
        made = client.post(f"{API}/jobs", data={"model": "discs"}, files=[part]).json()
        text = client.get(f"{API}/jobs/{made['id']}/report.html").text
    assert ["run by", "onnxruntime"] in rows_under(text, "Model")


def test_what_was_not_counted_is_said(client, broken_job):
    place = f"{API}/jobs/{broken_job['id']}"
    text = client.get(f"{place}/report.html").text
    assert "short.png" in text and re.search(r"Of 1 images?, 1 could not be counted", text)
    refused = client.get(f"{place}/overlays.zip")
    assert refused.status_code == 404 and refused.json()["remedy"]


def test_pictures_of_all_images_in_one_file(client, start_job):
    job = start_job()
    place = f"{API}/jobs/{job['id']}"
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{place}/overlays.zip").content))
    stems = [image["name"].rpartition(".")[0] for image in job["images"]]
    assert archive.namelist() == [f"{stem}.png" for stem in stems]
    for position, name in enumerate(archive.namelist()):
        assert archive.read(name) == client.get(f"{place}/images/{position}/overlay.png").content


def test_everything_as_a_file(client, start_job):
    job = start_job()
    answer = client.get(f"{API}/jobs/{job['id']}/results")
    assert 'filename="results.json"' in answer.headers["content-disposition"]
    images = answer.json()["images"]
    assert [len(image["cells"]) for image in images] == [
        image["summary"]["n_cells"] for image in job["images"]
    ]
