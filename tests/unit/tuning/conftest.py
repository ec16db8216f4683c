"""A PostgreSQL server for the tests that want one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postgresql_server import running_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Address of an empty server."""
    with running_server() as address:
        yield address
