"""Corrections of any size and shape are read, or refused, while others are answered."""

from __future__ import annotations

import threading
import time

import pytest
from fastapi.exceptions import RequestValidationError

from cellwright.service.correction_bodies import read_corrections
from cellwright.service.corrections import Corrections
from cellwright.service.problems import RefusedError
from cellwright.service.settings import Limits

API = "/api/v1"
BOX = b'{"class": "disc", "xyxy": [1, 1, 9, 9]}'


def boxes(n):
    return b'{"boxes": [' + b", ".join([BOX] * n) + b"]}"


def polygon(n):
    return b'{"class": "disc", "polygon": [' + b", ".join([b"[1, 2]"] * n) + b"]}"


def test_what_is_too_much_is_not_read(monkeypatch):
    monkeypatch.setattr(Corrections, "model_validate_json", None)
    limits = Limits(boxes=10, corners=100)
    with pytest.raises(RefusedError, match="11 cells are more than 10") as error:
        read_corrections(boxes(11), limits)
    assert error.value.status == 413
    drawn = b'{"cells": [' + polygon(60) + b", " + polygon(60) + b"]}"
    with pytest.raises(RefusedError, match="corners are more than 100"):
        read_corrections(drawn, limits)


def test_the_most_is_read():
    assert len(read_corrections(boxes(10), Limits(boxes=10)).boxes) == 10


def test_the_first_mistake_is_told_and_no_other():
    wrong = boxes(1000).replace(b"[1,", b'["x",')
    with pytest.raises(RequestValidationError) as error:
        read_corrections(wrong, Limits())
    (one,) = error.value.errors()
    assert one["loc"] == ("body", "boxes", 0, "xyxy", 0)


def test_corrections_are_refused_without_a_stop(client, start_job, monkeypatch):
    """They are read in a thread, so that the service answers meanwhile."""
    job = start_job()["id"]
    threads, read = [], Corrections.model_validate_json
    answered = threading.Event()

    def slow(raw):
        threads.append(threading.current_thread().name)
        assert answered.wait(30)
        return read(raw)

    monkeypatch.setattr(Corrections, "model_validate_json", slow)
    place = f"{API}/jobs/{job}/images/0/corrections"
    headers = {"content-type": "application/json"}
    saved = []
    work = threading.Thread(
        target=lambda: saved.append(client.put(place, content=boxes(2), headers=headers))
    )
    work.start()
    while not threads:
        time.sleep(0.01)
    assert client.get(f"{API}/health").status_code == 200
    answered.set()
    work.join()
    assert saved[0].status_code == 200, saved[0].text
    assert len(saved[0].json()["corrections"]) == 2


def test_the_description_holds_the_body(client):
    path = "/api/v1/jobs/{job_id}/images/{position}/corrections"
    described = client.get(f"{API}/openapi.json").json()["paths"][path]["put"]["requestBody"]
    schema = described["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"boxes", "cells"}
    assert "$ref" not in str(schema) and "polygon" in str(schema)
