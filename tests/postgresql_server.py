"""A real PostgreSQL server for the tests that want one, where its programs are installed."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USERS = ("postgres", "nobody")
"""PostgreSQL refuses to run as root; one of these is on every Linux."""


PATIENCE_S = 60


def server_programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, None where they are not installed."""
    found = [Path(place) for place in (shutil.which("initdb"),) if place]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return next((place.resolve().parent for place in found), None)


def unprivileged() -> str:
    if os.geteuid() != 0:
        return getpass.getuser()
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in USERS if name in known)


@contextmanager
def running_server() -> Iterator[str]:
    """Address of an empty server that listens on a socket only; skips where there is none."""
    programs = server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed here (initdb and postgres)")
    pytest.importorskip("psycopg")
    user = unprivileged()
    as_user = {"user": user} if os.geteuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    if as_user:
        shutil.chown(home, user)
    made = subprocess.run(
        [programs / "initdb", "-D", home / "data", "-A", "trust", "-U", "lab", "--no-sync"],
        cwd=home, capture_output=True, text=True, check=False, **as_user,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    server = subprocess.Popen(
        [programs / "postgres", "-D", home / "data", "-k", home, "-c", "listen_addresses="],
        cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_user,
    )  # fmt: skip
    address = f"postgresql://lab@/postgres?host={home}"
    try:
        _wait_until_it_answers(address)
        yield address
    finally:
        server.send_signal(signal.SIGINT)  # at once, without waiting for open connections
        server.wait(timeout=60)
        shutil.rmtree(home, ignore_errors=True)


def _wait_until_it_answers(address: str) -> None:
    """The socket is there before the server takes connections."""
    import psycopg

    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            psycopg.connect(address).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
