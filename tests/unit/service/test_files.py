"""What is refused, killed or deleted leaves nothing in the store."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from cellwright.service.files import shown_name
from cellwright.service.unfinished import FORGOTTEN_S, remove_left_behind, unfinished_name

API = "/api/v1"


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file() and "service.db" not in path.name]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_refused_upload_nothing_is_kept(client, pictures, open_settings, order):
    both = [("good.png", pictures[0].read_bytes()), ("bad.png", b"no image")]
    parts = [("images", (*both[index], "image/png")) for index in order]
    answer = client.post(f"{API}/jobs", data={"model": "discs"}, files=parts)
    assert answer.status_code == 422
    assert files_in(open_settings.folder) == []


def name_of_a_dead_process():
    script = "from cellwright.service.unfinished import unfinished_name; print(unfinished_name())"
    return subprocess.check_output([sys.executable, "-c", script], text=True).strip()


def test_what_a_killed_process_left_goes_and_nothing_else(tmp_path):
    dead, ours = tmp_path / f".{name_of_a_dead_process()}", tmp_path / unfinished_name()
    # The number of this process, when it was another's.
    host, pid, born, token = ours.name.rsplit(".", 3)
    earlier = tmp_path / f"{host}.{pid}.{int(born) - 100}.{token}"
    elsewhere, old = tmp_path / f"other.1.1.{token}", tmp_path / f"other.2.2.{token}"
    for path in (ours, earlier, elsewhere, old):
        path.write_text("x")
    dead.mkdir()
    (dead / "tile.jpg").write_text("x")
    long_ago = time.time() - FORGOTTEN_S - 10
    os.utime(old, (long_ago, long_ago))
    remove_left_behind(tmp_path.iterdir())
    assert set(tmp_path.iterdir()) == {ours, elsewhere}


def test_a_start_takes_away_what_a_killed_one_left(open_settings, request):
    dead = name_of_a_dead_process()
    for path in ("incoming/x", "tiles/ab/.x"):
        folder = (open_settings.folder / path).parent
        folder.mkdir(parents=True)
        (folder / path.rpartition("/")[2].replace("x", dead)).write_text("half")
    request.getfixturevalue("client")
    assert files_in(open_settings.folder) == []


def test_tiles_of_an_image_that_is_deleted_meanwhile_go_too(
    client, start_job, open_settings, monkeypatch
):
    job = start_job()["id"]
    write = sys.modules["cellwright.service.pyramid"]._write_levels

    def late(source, folder):
        write(source, folder)
        assert client.delete(f"{API}/jobs/{job}").status_code == 204

    monkeypatch.setattr("cellwright.service.pyramid._write_levels", late)
    assert client.get(f"{API}/jobs/{job}/images/0/tiles/7/0_0.jpg").status_code == 404
    assert files_in(open_settings.folder) == []


def test_a_picture_of_a_job_that_is_deleted_meanwhile_goes_too(
    client, start_job, open_settings, monkeypatch
):
    job = start_job()["id"]
    write = sys.modules["cellwright.service.routes.images"]._write_picture

    def late(source, target):
        assert client.delete(f"{API}/jobs/{job}").status_code == 204
        write(source, target)

    monkeypatch.setattr("cellwright.service.routes.images._write_picture", late)
    assert client.get(f"{API}/jobs/{job}/images/0/picture.png").status_code == 404
    assert files_in(open_settings.folder) == []


@pytest.mark.parametrize("letter", ["x", "é", "細", "🧫"])
def test_a_name_has_few_bytes_and_its_end(letter):
    name = shown_name(letter * 300 + ".png")
    assert name.endswith(letter + ".png") and len(name.encode()) <= 150
