"""What an owner deletes is gone, and nothing of anybody else."""

from __future__ import annotations

import pytest

from cellwright.errors import CellwrightError

API = "/api/v1"


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file() and "service.db" not in path.name]


def test_a_deleted_job_leaves_nothing(client, start_job, open_settings):
    job = start_job()["id"]
    assert client.get(f"{API}/jobs/{job}/images/0/tiles/0/0_0.jpg").status_code == 200
    assert len(files_in(open_settings.folder)) > 6
    assert client.delete(f"{API}/jobs/{job}").status_code == 204
    gone = client.get(f"{API}/jobs/{job}")
    assert gone.status_code == 404
    assert "GET /api/v1/jobs lists yours" in gone.json()["remedy"]
    assert client.delete(f"{API}/jobs/{job}").status_code == 404
    assert files_in(open_settings.folder) == []


def test_images_of_another_job_stay(client, start_job, open_settings):
    first, second = start_job()["id"], start_job()["id"]
    client.delete(f"{API}/jobs/{first}")
    assert client.get(f"{API}/jobs/{second}/images/2/picture.png").status_code == 200
    assert start_job()["state"] == "done"  # the same images, uploaded again
    assert len(list((open_settings.folder / "images").rglob("*.png"))) == 3


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_deleted_while_it_runs(client, pictures, open_settings, monkeypatch, fails):
    parts = client.app.state.parts
    predict = parts.models.predict
    place = f"{API}/jobs"

    def late(*arguments):
        found = predict(*arguments)
        assert client.delete(f"{place}/{made['id']}").status_code == 204
        if fails:
            found.products[0].write(parts.files.result(made["id"], 0, "overlays.png"))
            raise CellwrightError("no more")
        return found

    take = parts.queue.next_task
    step = parts.worker._step
    monkeypatch.setattr(parts.queue, "next_task", lambda: None)
    part = ("images", ("a.png", pictures[0].read_bytes(), "image/png"))
    made = client.post(place, data={"model": "discs"}, files=[part]).json()
    task = take()
    monkeypatch.setattr(parts.models, "predict", late)
    monkeypatch.setattr(parts.queue, "next_task", iter([task, *[None] * 1000]).__next__)
    step()
    assert files_in(open_settings.folder) == []
