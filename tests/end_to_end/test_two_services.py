"""Two services on one PostgreSQL share the images of a job; one is killed, the other finishes."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, select

from cellwright.images.simulate.live_dead import LiveDeadScene, simulate_series
from cellwright.images.write import write_png
from cellwright.service.tables import JobImage, Result
from postgresql_server import running_server
from serving import served, wait_for

N_IMAGES = 60


def fields(folder: Path) -> list[bytes]:
    scene = LiveDeadScene(height=240, width=320, n_cells=12, radius_px=(8, 10))
    for index, pair in enumerate(simulate_series(4, scene, name="field", seed=5)):
        write_png(folder / f"{index}.png", pair.blue)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@pytest.mark.slow
def test_one_is_killed_and_the_other_finishes(blob_bundle, tmp_path):
    (tmp_path / "fields").mkdir()
    pictures = fields(tmp_path / "fields")
    parts = [
        ("images", (f"{index:02d}.png", pictures[index % len(pictures)], "image/png"))
        for index in range(N_IMAGES)
    ]
    with running_server() as address:
        url = address.replace("postgresql:", "postgresql+psycopg:", 1)
        engine = create_engine(url)

        def workers() -> Counter[str]:
            done = select(JobImage.claimed_by).join(Result, Result.job_image_id == JobImage.id)
            with engine.connect() as connection:
                return Counter(connection.scalars(done))

        given = ("--database", url, "--model", blob_bundle)
        with (
            served(tmp_path / "data", *given) as (first, victim),
            served(tmp_path / "data", *given) as (second, _process),
            httpx.Client(base_url=first, timeout=60) as client,
            httpx.Client(base_url=second, timeout=60) as other,
        ):
            answer = client.post("/api/v1/jobs", data={"model": "blobs"}, files=parts)
            assert answer.status_code == 201, answer.text
            job = answer.json()["id"]
            before = wait_for(client, job, lambda _: len(workers()) == 2)
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
            assert before["n_done"] < N_IMAGES, "it was done before one could be killed"
            after = wait_for(other, job, lambda state: state["state"] == "done")
            cells = other.get(f"/api/v1/jobs/{job}/cells.csv").text.splitlines()[1:]
        assert (after["n_done"], after["n_failed"]) == (N_IMAGES, 0)
        with engine.connect() as connection:
            attempts = list(connection.scalars(select(JobImage.attempts)))
        engine.dispose()
    # What the killed one had in hand was begun again, and nothing else.
    assert sorted(attempts)[:-1] == [1] * (N_IMAGES - 1) and max(attempts) <= 2
    counted = Counter(row.partition(",")[0] for row in cells)
    assert counted == {
        Path(one["name"]).stem: one["summary"]["n_cells"]
        for one in after["images"]
        if one["summary"]["n_cells"]
    }
