"""The API does what its own description says: schemathesis asks every route in many ways."""

from __future__ import annotations

import time

import httpx
import pytest

from blob_model import discs, write_blob_model
from serving import served

schemathesis = pytest.importorskip("schemathesis")
hypothesis = pytest.importorskip("hypothesis")

from schemathesis import checks  # noqa: E402

API = "/api/v1"
EXAMPLES = 15
"""Requests a route, at most."""

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Address of a running service, and a finished job of one image in it."""
    folder = tmp_path_factory.mktemp("fuzz")
    model = write_blob_model(folder / "discs.cellwright")
    (record,) = discs(folder / "pictures", n_images=1)
    part = ("images", ("a.png", record.image_path.read_bytes(), "image/png"))
    with (
        served(folder / "data", "--model", str(model)) as (address, _process),
        httpx.Client(base_url=f"{address}{API}", timeout=60) as client,
    ):
        made = client.post("/jobs", data={"model": "discs"}, files=[part]).json()["id"]
        while client.get(f"/jobs/{made}").json()["state"] == "running":
            time.sleep(0.05)
        yield address, made


@pytest.fixture(scope="module")
def description(job):
    return schemathesis.openapi.from_url(f"{job[0]}{API}/openapi.json")


@pytest.mark.slow
@schemathesis.pytest.from_fixture("description").parametrize()
@hypothesis.settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
def test_no_request_is_answered_otherwise_than_described(case, job):
    if "job_id" in case.path_parameters and case.method != "DELETE":
        # An id that is made up would be refused before anything else is looked at.
        case.path_parameters["job_id"] = job[1]
        if "position" in case.path_parameters:
            case.path_parameters["position"] = 0
    case.call_and_validate(checks=CHECKS)
