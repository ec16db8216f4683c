"""Who did what stands in the audit, under the token that did it."""

from __future__ import annotations

import time
from dataclasses import replace

from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from cellwright.service.app import create_app
from cellwright.service.tables import AuditRow

API = "/api/v1"
PATIENCE_S = 120


def test_everything_that_changes_or_leaves_is_noted(open_settings, pictures):
    app = create_app(replace(open_settings, closed=True))
    parts, picture = app.state.parts, pictures[0].read_bytes()
    with TestClient(app, base_url="http://lab.example") as client:
        token = parts.access.create_token("Ada")
        client.headers["Authorization"] = f"Bearer {token}"

        def job():
            part = ("images", ("a.png", picture, "image/png"))
            made = client.post(f"{API}/jobs", data={"model": "discs"}, files=[part])
            return made.json()["id"]

        part = ("a.png", picture, "image/png")
        client.post(f"{API}/predict", data={"model": "discs"}, files={"image": part})
        first = job()
        end = time.monotonic() + PATIENCE_S
        while client.get(f"{API}/jobs/{first}").json()["n_done"] < 1 and time.monotonic() < end:
            time.sleep(0.05)
        place = f"{API}/jobs/{first}/images/0/corrections"
        assert client.put(place, json={"boxes": []}).status_code == 200
        assert client.get(f"{API}/jobs/{first}/labels.zip").status_code == 200
        assert client.delete(place).status_code == 200
        parts.worker.stop()  # so that there is something to cancel
        second = job()
        for step in ("cancel", "resume"):
            assert client.post(f"{API}/jobs/{second}/{step}").status_code == 200
        assert client.delete(f"{API}/jobs/{second}").status_code == 204
        # What is refused changes nothing.
        assert client.delete(f"{API}/jobs/{second}").status_code == 404
        parts.access.revoke_token("Ada")
        with Session(parts.store.engine) as session:
            rows = list(session.scalars(select(AuditRow).order_by(AuditRow.id)))
    assert [(row.action, row.subject) for row in rows] == [
        ("token", "Ada"),
        ("predict", "a.png"),
        ("job", first),
        ("correct", f"{first}/0"),
        ("labels", f"{first} yolo"),
        ("uncorrect", f"{first}/0"),
        ("job", second),
        ("cancel", second),
        ("resume", second),
        ("delete", second),
        ("revoke", "Ada"),
    ]
    assert {row.owner for row in rows} == {token.split("_")[1]}
