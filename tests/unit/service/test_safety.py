"""What the service refuses, and how it says so."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient

from cellwright.service.app import create_app
from hostile_files import ODD, SOUND, WRONG
from hostile_makers import jpeg_claiming

API = "/api/v1"
OPEN = ("/health", "/ready")
NO_JOB = "0" * 32
PLACES = {"name": "x", "position": 0, "table": "summary", "level": 0, "column": 0, "row": 0}
PART = ("a.png", b"x", "image/png")


def closed_routes(client, job=NO_JOB):
    """Every route of the description but the open ones: method, path and a body that fits."""
    for path, methods in client.get(f"{API}/openapi.json").json()["paths"].items():
        place = path.format(job_id=job, **PLACES)
        for method, described in methods.items():
            if path.removeprefix(API) in OPEN:
                continue
            content = described.get("requestBody", {}).get("content", {})
            body = {}
            if "multipart/form-data" in content:
                files = {"image": PART, "images": PART}
                body = {"data": {"model": "discs"}, "files": files}
            elif content:
                body = {"json": {"boxes": []}}
            yield method.upper(), place, body


def problem_of(answer):
    """The problem document, which every refusal is."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["what"] and body["remedy"]
    return body


def send(client, data, name="a.png", content_type="image/png", model="discs"):
    part = {"image": (name, data, content_type)}
    return client.post(f"{API}/predict", data={"model": model}, files=part)


@pytest.fixture
def closed(open_settings):
    app = create_app(replace(open_settings, closed=True))
    with TestClient(app, base_url="http://lab.example") as running:
        yield running


def bearer(client, name):
    token = client.app.state.parts.access.create_token(name)
    return {"Authorization": f"Bearer {token}"}


def test_every_route_but_health_needs_a_token(closed):
    routes = list(closed_routes(closed))
    assert len(routes) >= 20
    for method, path, body in routes:
        answer = closed.request(method, path, **body)
        assert answer.status_code == 401, (method, path, answer.text)
        problem_of(answer)
    assert closed.get(f"{API}/health").status_code == 200
    assert closed.get(f"{API}/ready").status_code == 200
    for path in ("/jobs/health", "/jobs/ready", f"/jobs/{NO_JOB}/images/0/tiles/openapi.json"):
        assert closed.get(API + path).status_code == 401


@pytest.mark.parametrize("wrong", ["", "x", "cw_0123456789abcdef_" + "a" * 43, "cw_' OR 1=1 --"])
def test_wrong_tokens(closed, wrong):
    bearer(closed, "ada")
    headers = {"Authorization": f"Bearer {wrong}"}
    assert closed.get(f"{API}/models", headers=headers).status_code == 401


def test_a_changed_secret_is_wrong(closed):
    right = bearer(closed, "ada")
    assert closed.get(f"{API}/models", headers=right).status_code == 200
    last = right["Authorization"][-1]
    wrong = {"Authorization": right["Authorization"][:-1] + ("A" if last != "A" else "B")}
    assert closed.get(f"{API}/models", headers=wrong).status_code == 401


def test_only_the_hash_is_stored(closed, open_settings):
    # A secret may hold the letter that divides the parts of a token.
    secret = bearer(closed, "ada")["Authorization"].split("_", 2)[2].encode()
    assert len(secret) == 43
    for path in open_settings.folder.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()


def test_results_belong_to_one_token(closed, pictures):
    ada, bob = bearer(closed, "ada"), bearer(closed, "bob")
    part = ("images", ("a.png", pictures[0].read_bytes(), "image/png"))
    made = closed.post(f"{API}/jobs", data={"model": "discs"}, files=[part], headers=ada)
    job = made.json()["id"]
    assert [one["id"] for one in closed.get(f"{API}/jobs", headers=ada).json()] == [job]
    assert closed.get(f"{API}/jobs", headers=bob).json() == []
    for method, path, body in closed_routes(closed, job):
        if job in path:
            answer = closed.request(method, path, headers=bob, **body)
            assert answer.status_code == 404, (method, path)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[:", "a b"])
def test_open_means_this_machine_only(client, host):
    problem_of(answer := client.get(f"{API}/models", headers={"Host": host}))
    assert answer.status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:9", "null"])
def test_pages_of_other_sites_are_refused(client, origin):
    answer = client.post(f"{API}/jobs/{'0' * 32}/cancel", headers={"Origin": origin})
    assert answer.status_code == 403
    ours = client.post(f"{API}/jobs/{'0' * 32}/cancel", headers={"Origin": "http://localhost"})
    assert ours.status_code == 404


def test_headers_of_every_answer(client):
    for path in ("/", "/nothing", f"{API}/health", f"{API}/nothing"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


HOSTILE = [
    *((name, maker, {200, 422}) for name, maker in SOUND.items()),
    *((name, maker, {200, 422}) for name, maker in ODD.items()),
    *((name, maker, {200, 413, 422}) for name, maker in WRONG.items()),
]


@pytest.mark.slow
def test_hostile_files_end_in_a_sentence(client, open_settings):
    """Odd ones may have channels that this model has no use for; none is the service's fault."""
    rng = np.random.default_rng(0)
    for name, maker, outcomes in HOSTILE:
        answer = send(client, maker(rng), name=name)
        assert answer.status_code in outcomes, (name, answer.text)
        if answer.status_code != 200:
            assert str(open_settings.folder) not in answer.text
            problem_of(answer)
    assert not list((open_settings.folder / "incoming").iterdir())
    assert not (open_settings.folder / "images").exists()


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "a\0b.png", "..", "x" * 400])
def test_a_name_never_becomes_a_path(client, finished, name, pictures, open_settings, tmp_path):
    part = ("images", (name, pictures[0].read_bytes(), "image/png"))
    answer = client.post(f"{API}/jobs", data={"model": "discs"}, files=[part])
    if answer.status_code == 201:
        (image,) = finished(answer.json()["id"])["images"]
        assert "/" not in image["name"] and len(image["name"]) < 200
    outside = list(tmp_path.rglob("*evil*"))
    assert not outside


def test_pixels_are_counted_before_they_are_decoded(client):
    rng = np.random.default_rng(0)
    answer = send(client, jpeg_claiming(1200, 1000)(rng), name="large.jpg")
    assert answer.status_code in (413, 422)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((1200, 1000), np.uint8), compression="zlib")
    assert send(client, buffer.getvalue(), name="large.tif").status_code == 413


def test_bytes_and_images_are_limited(client):
    seven = b"\x89PNG\r\n\x1a\n" + bytes(7 << 20)
    assert send(client, seven).status_code == 413
    assert send(client, bytes(9 << 20)).status_code == 413
    parts = [("images", ("a.png", b"x", "image/png"))] * 6
    answer = client.post(f"{API}/jobs", data={"model": "discs"}, files=parts)
    assert answer.status_code == 413
    assert "5" in problem_of(answer)["what"]


def test_a_body_without_length_is_refused(client):
    answer = client.post(
        f"{API}/predict", content=iter([b"a"]), headers={"content-type": "multipart/form-data"}
    )
    assert answer.status_code == 411


@pytest.mark.parametrize("content_type", ["text/html", "application/pdf", "imagee/png"])
def test_other_content_types(client, pictures, content_type):
    answer = send(client, pictures[0].read_bytes(), content_type=content_type)
    assert answer.status_code == 415
    problem_of(answer)


def test_a_body_of_another_type(client):
    answer = client.post(f"{API}/jobs", json={"model": "discs"})
    assert problem_of(answer)["status"] == 415
    answer = client.put(f"{API}/jobs/{'0' * 32}/images/0/corrections", data={"boxes": "1"})
    assert problem_of(answer)["status"] == 415


@pytest.mark.parametrize("model", ["../discs", "/etc/passwd", "discs.cellwright", "nobody"])
def test_a_model_is_a_name_and_no_path(client, pictures, model):
    answer = send(client, pictures[0].read_bytes(), model=model)
    assert answer.status_code == 422
    assert "discs" in problem_of(answer)["remedy"]


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "x", "1e400"])
def test_options_out_of_range(client, pictures, value):
    part = {"image": ("a.png", pictures[0].read_bytes(), "image/png")}
    form = {"model": "discs", "pixel_size_um": value}
    answer = client.post(f"{API}/predict", data=form, files=part)
    assert answer.status_code == 422
    assert "pixel_size_um" in problem_of(answer)["where"]


@pytest.mark.parametrize(
    "path", ["/jobs/..%2f..", "/jobs/x", f"/jobs/{'0' * 32}/images/-1", "/jobs/%00", "/../../x"]
)
def test_odd_places(client, path):
    answer = client.get(API + path)
    assert answer.status_code in (404, 422)
    problem_of(answer)


def test_broken_json(client):
    place = f"{API}/jobs/{'0' * 32}/images/0/corrections"
    headers = {"content-type": "application/json"}
    for body in (b"{", b"[]", b"\xff", b'{"boxes": 3}', json.dumps({"boxes": [[]]}).encode()):
        answer = client.put(place, content=body, headers=headers)
        assert answer.status_code in (400, 422), body
        problem_of(answer)


def test_figures_for_prometheus(client, start_job):
    start_job()
    text = client.get(f"{API}/metrics").text
    assert 'cellwright_images_total{outcome="done"} 3.0' in text
    assert "cellwright_images_waiting 0.0" in text
    assert 'route="/jobs"' in text


def test_head_says_what_get_says(client):
    for path in ("/models", "/jobs", "/health", "/openapi.json"):
        head, got = client.head(API + path), client.get(API + path)
        assert (head.status_code, head.content) == (got.status_code, b"") == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
    assert client.head(f"{API}/nothing").status_code == 404
    assert 'method="HEAD"' in client.get(f"{API}/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", f"{API}/jobs", {"GET", "HEAD", "POST"}),
        ("POST", f"{API}/jobs/{NO_JOB}/images/0/corrections", {"PUT", "DELETE"}),
        ("GET", f"{API}/predict", {"POST"}),
        ("DELETE", "/", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client, method, path, allowed):
    answer = client.request(method, path, headers={"content-type": "application/json"})
    assert problem_of(answer)["status"] == 405
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("host", ["127.0.0.2:8642", "[::1]:8642", "LOCALHOST", "127.0.0.1"])
def test_any_address_of_this_machine_is_answered(client, host):
    assert client.get(f"{API}/models", headers={"Host": host}).status_code == 200


def test_no_name_is_a_formula(client, pictures, finished):
    names = ("=1+1.png", "-2.png", "@a.png")
    parts = [("images", (name, pictures[0].read_bytes(), "image/png")) for name in names]
    job = finished(client.post(f"{API}/jobs", data={"model": "discs"}, files=parts).json()["id"])
    for table in ("summary", "cells"):
        text = client.get(f"{API}/jobs/{job['id']}/{table}.csv").text
        ids = {line.partition(",")[0] for line in text.splitlines()[1:]}
        assert ids == {"'=1+1", "-2", "'@a"}
        fields = [field for row in csv.reader(io.StringIO(text)) for field in row]
        assert not [field for field in fields if field[:1] in ("=", "@")]


def test_a_long_name_of_wide_letters_fits_a_file_system(client, pictures, finished):
    name = "細" * 120 + ".png"
    parts = [("images", (name, path.read_bytes(), "image/png")) for path in pictures[:2]]
    job = finished(client.post(f"{API}/jobs", data={"model": "discs"}, files=parts).json()["id"])
    assert all(len(image["name"].encode()) < 200 for image in job["images"])
    for program in ("geojson", "imagej"):
        answer = client.get(f"{API}/jobs/{job['id']}/outlines.zip", params={"format": program})
        assert answer.status_code == 200, answer.text
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert len(archive.namelist()) == 2
