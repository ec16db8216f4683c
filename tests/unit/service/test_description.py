"""The API does what its own description says: schemathesis asks every route in many ways."""

from __future__ import annotations

import time

import httpx
import pytest

from blob_model import discs, write_blob_model
from serving import served

schemathesis = pytest.importorskip("schemathesis")
hypothesis = pytest.importorskip("hypothesis")

from schemathesis import GenerationMode, checks  # noqa: E402

API = "/api/v1"
EXAMPLES = 6
"""Requests a route, as many that fit its description and as many that do not."""

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Address of a service, and a finished job of one image in it."""
    folder = tmp_path_factory.mktemp("fuzz")
    model = write_blob_model(folder / "discs.cellwright")
    (record,) = discs(folder / "pictures", n_images=1)
    part = ("images", ("a.png", record.image_path.read_bytes(), "image/png"))
    with (
        served(folder / "data", "--model", model) as (address, _process),
        httpx.Client(base_url=f"{address}{API}", timeout=60) as client,
    ):
        made = client.post("/jobs", data={"model": "discs"}, files=[part]).json()["id"]
        while client.get(f"/jobs/{made}").json()["state"] == "running":
            time.sleep(0.05)
        yield address, made


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_is_answered_otherwise_than_described(running, mode):
    address, job = running
    description = schemathesis.openapi.from_url(f"{address}{API}/openapi.json")
    operations = [result.ok() for result in description.get_all_operations()]
    assert len(operations) >= 30
    for operation in operations:

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            if "job_id" in case.path_parameters and case.method != "DELETE":
                # An id that is made up would be refused before anything else is looked at.
                case.path_parameters["job_id"] = job
            case.call_and_validate(checks=CHECKS)

        try:
            ask()
        except hypothesis.errors.Unsatisfiable:
            # A route that takes nothing can be asked nothing wrong.
            assert mode is GenerationMode.NEGATIVE
