"""A job gives what ``cellwright predict`` gives; corrections become labels that train reads."""

from __future__ import annotations

import csv
import io
import zipfile

import cv2
import numpy as np
import pytest
from sqlalchemy import event, text

from cellwright.bundles.bundle import open_bundle
from cellwright.data.formats import read_labelled
from cellwright.inference.run import RunOptions, predict_files
from cellwright.service import database

API = "/api/v1"


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_tables_are_those_of_predict(client, start_job, pictures, model_file, tmp_path):
    job = start_job()
    assert (job["state"], job["n_done"], job["n_failed"]) == ("done", 3, 0)

    out = tmp_path / "out"
    options = RunOptions(overlays="none")
    bundle = open_bundle(model_file)
    predict_files(pictures, bundle=bundle, out=out, runtime="onnxruntime", options=options)
    for table in ("cells", "summary"):
        served = rows(client.get(f"{API}/jobs/{job['id']}/{table}.csv").text)
        written = rows((out / f"{table}.csv").read_text())
        assert len(served) == len(written) > 0
        for mine, theirs in zip(served, written, strict=True):
            # Names of folders and times have no place, or another value, in a service.
            for column in ("file", "seconds", "group"):
                mine.pop(column, None), theirs.pop(column, None)
            assert mine == theirs


def test_counts_are_those_that_count(client, start_job):
    job = start_job()
    place = f"{API}/jobs/{job['id']}"
    found = [image["summary"]["n_cells"] for image in job["images"]]
    boxes = [{"class": "disc", "xyxy": [1, 1, 9, 9]}]
    assert client.put(f"{place}/images/1/corrections", json={"boxes": boxes}).status_code == 200
    wanted = [found[0], 1, found[2]]
    table = rows(client.get(f"{place}/counts.csv").text)
    assert [int(row["n_cells"]) for row in table] == wanted
    assert [int(row["n_disc"]) for row in table] == wanted
    assert [row["checked"] for row in table] == ["no", "yes", "no"]
    counted = client.get(f"{place}/counts").json()["images"]
    assert [image["n_cells"] for image in counted] == wanted
    assert client.get(f"{place}/counts.parquet").content[:4] == b"PAR1"
    # These stay as the model found them.
    summary = rows(client.get(f"{place}/summary.csv").text)
    assert [int(row["n_cells"]) for row in summary] == found


def test_a_correction_of_another_is_not_overwritten(client, start_job):
    place = f"{API}/jobs/{start_job()['id']}/images/0"
    seen = client.get(place).headers["etag"]
    mine = {"boxes": [{"class": "disc", "xyxy": [1, 1, 9, 9]}]}
    saved = client.put(f"{place}/corrections", json=mine, headers={"If-Match": seen})
    assert saved.status_code == 200 and saved.headers["etag"] != seen
    assert client.get(place).headers["etag"] == saved.headers["etag"]
    late = client.put(f"{place}/corrections", json={"boxes": []}, headers={"If-Match": seen})
    assert late.status_code == 412 and late.json()["remedy"]
    taken = client.delete(f"{place}/corrections", headers={"If-Match": seen})
    assert taken.status_code == 412
    assert client.get(place).json()["corrections"] == saved.json()["corrections"]
    assert client.put(f"{place}/corrections", json={"boxes": []}).status_code == 200


def test_older_jobs_are_found(client, finished):
    part = ("images", ("a.png", _png(), "image/png"))
    made = [
        client.post(f"{API}/jobs", data={"model": "discs"}, files=[part]).json()["id"]
        for _ in range(3)
    ]
    found, address = [], f"{API}/jobs?limit=2"
    while address:
        answer = client.get(address)
        assert answer.status_code == 200 and answer.headers["x-total-count"] == "3"
        found += [job["id"] for job in answer.json()]
        following = answer.links.get("next")
        address = following and f"{API}/jobs{following['url']}"
    assert found == made[::-1]
    assert client.get(f"{API}/jobs?limit=0").status_code == 422


def test_how_far_a_job_is_reads_no_cells(client, start_job):
    job = start_job()["id"]
    asked = []
    engine = client.app.state.parts.store.engine
    event.listen(engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    assert client.get(f"{API}/jobs/{job}").json()["n_done"] == 3
    assert any("results.counts" in one for one in asked)
    assert not [one for one in asked if "results.cells" in one or "results.corrections" in one]


def test_a_store_that_is_busy_is_one_to_ask_again(open_settings, client, start_job, monkeypatch):
    job = start_job()["id"]
    store = client.app.state.parts.store
    store.engine.dispose()
    engine = database._engine(open_settings.database_url)
    with engine.begin() as writer:
        writer.execute(text("UPDATE jobs SET cancelled = cancelled"))
        assert client.get(f"{API}/jobs/{job}").status_code == 200
        with store.engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA busy_timeout=50")
        answer = client.delete(f"{API}/jobs/{job}")
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
    assert answer.json()["remedy"]
    assert client.delete(f"{API}/jobs/{job}").status_code == 204


def test_no_path_of_the_machine_is_told(client, start_job, open_settings):
    job = start_job()
    for path in ("", "/results", "/summary.csv", "/cells.csv", "/errors.csv", "/images/0"):
        assert str(open_settings.folder) not in client.get(f"{API}/jobs/{job['id']}{path}").text


def test_predict_answers_at_once_and_keeps_nothing(client, pictures, open_settings):
    part = ("a.png", pictures[0].read_bytes(), "image/png")
    answer = client.post(f"{API}/predict", data={"model": "discs"}, files={"image": part})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["height"], body["width"]) == (128, 128)
    assert body["summary"]["n_cells"] == len(body["cells"]) > 0
    assert body["summary"]["file"] == "a.png"
    left = [path for path in open_settings.folder.rglob("*") if path.is_file()]
    assert {path.suffix.partition("-")[0] for path in left} == {".db"}


def test_a_threshold_changes_the_count(client, start_job):
    job = start_job(score_threshold="1.0")
    assert all(image["summary"]["n_cells"] == 0 for image in job["images"])


def test_pictures_are_served(client, start_job):
    job = start_job()
    for name in ("picture", "overlay"):
        answer = client.get(f"{API}/jobs/{job['id']}/images/0/{name}.png")
        assert answer.headers["content-type"] == "image/png"
        shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert shown.shape[:2] == (128, 128)
    assert client.get(f"{API}/jobs/{job['id']}/images/0/labels.tif").status_code == 404


@pytest.mark.parametrize("format_name", ["yolo", "coco", "csv", "voc"])
def test_corrections_become_labels(client, start_job, format_name, tmp_path):
    job = start_job()
    place = f"{API}/jobs/{job['id']}"
    assert client.get(f"{place}/labels.zip").status_code == 409

    boxes = [
        {"class": "disc", "xyxy": [10, 20, 30, 44.5]},
        {"class": "disc", "xyxy": [0, 0, 128, 128]},
    ]
    saved = client.put(f"{place}/images/1/corrections", json={"boxes": boxes})
    assert saved.status_code == 200, saved.text
    assert saved.json()["corrections"] == boxes
    assert [image["corrected"] for image in client.get(place).json()["images"]] == [
        *(False, True, False)
    ]

    answer = client.get(f"{place}/labels.zip", params={"format": format_name})
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path / "labels")
    labelled = read_labelled(tmp_path / "labels")
    assert labelled.classes == ("disc",)
    (record,) = labelled
    annotation = record.load().annotation
    assert annotation.xyxy.tolist() == pytest.approx(
        np.array([box["xyxy"] for box in boxes]), abs=1e-3
    )
    table = rows(client.get(f"{place}/corrected.csv").text)
    assert [row["bbox-3"] for row in table] == ["30.0", "128.0"]


def test_an_image_corrected_to_nothing_is_a_label(client, start_job, tmp_path):
    job = start_job()
    place = f"{API}/jobs/{job['id']}"
    assert client.put(f"{place}/images/0/corrections", json={"boxes": []}).status_code == 200
    answer = client.get(f"{place}/labels.zip", params={"format": "yolo"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path / "labels")
    (record,) = read_labelled(tmp_path / "labels")
    assert len(record.load().annotation) == 0


@pytest.mark.parametrize(
    "box",
    [
        {"class": "cat", "xyxy": [1, 1, 2, 2]},
        {"class": "disc", "xyxy": [2, 2, 1, 1]},
        {"class": "disc", "xyxy": [1, 1, 200, 2]},
        {"class": "disc", "xyxy": [-1, 1, 2, 2]},
        {"class": "disc", "xyxy": [1, 1, 2]},
        {"class": "disc", "xyxy": ["NaN", 1, 2, 2]},
        {"class": "disc"},
        {"class": "disc", "xyxy": [1, 1, 2, 2], "path": "/etc/passwd"},
    ],
)
def test_wrong_corrections_are_refused_whole(client, start_job, box):
    job = start_job()
    place = f"{API}/jobs/{job['id']}/images/0"
    good = {"class": "disc", "xyxy": [1, 1, 9, 9]}
    answer = client.put(f"{place}/corrections", json={"boxes": [good, box]})
    assert answer.status_code == 422
    assert "1" in answer.json()["where"]
    assert client.get(place).json()["corrections"] is None


def test_images_of_one_name_stay_apart(client, pictures):
    parts = [("images", ("same.png", path.read_bytes(), "image/png")) for path in pictures[:2]]
    answer = client.post(f"{API}/jobs", data={"model": "discs"}, files=parts)
    names = [
        image["name"] for image in client.get(f"{API}/jobs/{answer.json()['id']}").json()["images"]
    ]
    assert names == ["same.png", "same (2).png"]


def test_cancelled_images_are_not_done_until_resumed(client, start_job, finished, monkeypatch):
    parts = client.app.state.parts
    monkeypatch.setattr(parts.queue, "next_task", lambda: None)
    picture = ("images", ("a.png", _png(), "image/png"))
    job = client.post(f"{API}/jobs", data={"model": "discs"}, files=[picture]).json()
    assert job["state"] == "running"
    assert client.post(f"{API}/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    monkeypatch.undo()
    parts.worker.wake()
    assert start_job()["state"] == "done"  # later, and done
    images = client.get(f"{API}/jobs/{job['id']}").json()["images"]
    assert [image["state"] for image in images] == ["waiting"]
    assert client.post(f"{API}/jobs/{job['id']}/resume").json()["state"] == "running"
    assert finished(job["id"])["state"] == "done"
    assert client.post(f"{API}/jobs/{job['id']}/resume").status_code == 409


def test_images_that_failed_are_done_again(client, finished, monkeypatch):
    parts = client.app.state.parts
    monkeypatch.setattr(parts.models, "predict", _never)
    picture = ("images", ("a.png", _png(), "image/png"))
    job = client.post(f"{API}/jobs", data={"model": "discs"}, files=[picture]).json()["id"]
    assert finished(job)["n_failed"] == 1
    monkeypatch.undo()
    assert client.post(f"{API}/jobs/{job}/resume").json()["state"] == "running"
    assert finished(job)["n_done"] == 1


def test_an_image_that_kills_the_process_is_given_up(client, finished, monkeypatch):
    parts = client.app.state.parts
    monkeypatch.setattr(parts.models, "predict", _never)
    picture = ("images", ("a.png", _png(), "image/png"))
    take = parts.queue.next_task
    monkeypatch.setattr(parts.queue, "next_task", lambda: None)
    job = client.post(f"{API}/jobs", data={"model": "discs"}, files=[picture]).json()
    for _ in range(3):
        assert take().job_id == job["id"]  # begun, and no word of it again
    monkeypatch.setattr(parts.queue, "next_task", take)
    parts.worker.wake()
    (image,) = finished(job["id"])["images"]
    assert "3 times" in image["problem"]["what"]


def _never(*_arguments: object) -> None:
    raise AssertionError("begun once more")


def _png() -> bytes:
    return cv2.imencode(".png", np.zeros((32, 32), np.uint8))[1].tobytes()
