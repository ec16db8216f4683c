"""The application in this process, with a model made by hand and pictures of discs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from blob_model import discs, write_blob_model
from cellwright.service.app import create_app
from cellwright.service.settings import Limits, ServiceSettings
from postgresql_server import running_server
from serving import wait_for

API = "/api/v1"
STORES = ("sqlite", "postgresql")

Finished = Callable[[str], dict[str, Any]]
StartJob = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle called ``discs`` with the class ``disc``."""
    return write_blob_model(tmp_path_factory.mktemp("service") / "discs.cellwright")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three pictures with six discs each."""
    found = discs(tmp_path_factory.mktemp("pictures"), n_images=3)
    return [record.image_path for record in found]


@pytest.fixture
def open_settings(tmp_path: Path, model_file: Path) -> ServiceSettings:
    """For this machine only, with small limits."""
    return ServiceSettings(
        folder=tmp_path / "data",
        bundles=(model_file,),
        closed=False,
        runtime="onnxruntime",
        threads=1,
        limits=Limits(file_bytes=6 << 20, request_bytes=8 << 20, values=1_000_000, images=5),
    )


@pytest.fixture
def client(open_settings: ServiceSettings) -> Iterator[TestClient]:
    """The running application, open."""
    with TestClient(create_app(open_settings), base_url="http://localhost") as running:
        yield running


@pytest.fixture
def finished(client: TestClient) -> Finished:
    """Function that gives a job once all its images have a result."""

    def wait(job_id: str) -> dict[str, Any]:
        return wait_for(client, job_id, lambda job: job["state"] != "running")

    return wait


@pytest.fixture
def start_job(client: TestClient, pictures: list[Path], finished: Finished) -> StartJob:
    """Function that starts a job of the pictures and waits until it is done."""

    def start(**form: object) -> dict[str, Any]:
        answer = client.post(
            f"{API}/jobs",
            data={"model": "discs", **form},
            files=[("images", (path.name, path.read_bytes(), "image/png")) for path in pictures],
        )
        assert answer.status_code == 201, answer.text
        return finished(answer.json()["id"])

    return start


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Address of an empty server."""
    with running_server() as address:
        yield address.replace("postgresql:", "postgresql+psycopg:", 1)


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'a' / 'service.db'}"
        return
    server = make_url(request.getfixturevalue("postgresql"))
    name = f"test_{secrets.token_hex(8)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield server.set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()
