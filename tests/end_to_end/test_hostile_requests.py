"""Two thousand hostile requests over raw sockets: no 500, no file outside, memory bounded."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import psutil
import pytest

from hostile_files import ODD, SOUND, WRONG
from hostile_makers import entity_bomb, jpeg_claiming, many_directories
from serving import served

API = "/api/v1"
N_REQUESTS = 2000
MAX_GROWTH_MIB = 350
TIMEOUT_S = 60

Rng = np.random.Generator

NAMES = (
    *("../../evil.png", "/etc/evil.png", "..\\..\\evil.png", "%2e%2e%2fevil.png", "a\0evil.png"),
    *("", ".", "..", "CON", "evil.png\r\nX: y", "evil" + "x" * 5000 + ".png", "🧫evil.png", '"'),
)
PLACES = (
    *("/jobs/..%2f..%2fetc%2fpasswd", "/jobs/%00", "/../../../etc/passwd", "//etc/passwd"),
    *("/jobs/" + "f" * 100_000, "/jobs/JOB/images/-1", "/jobs/JOB/images/99999999999999999999"),
    *("/jobs/JOB/images/0/tiles/99/0_0.jpg", "/jobs/JOB/images/0/tiles/7/..%2f..%2fx_0.jpg"),
    *("/jobs/JOB/..%2f..%2fservice.db", "/jobs/JOB/images/0/labels.tif/../../../service.db"),
    *("/jobs/JOB/labels.zip?format=../../x", "/jobs/JOB/outlines.zip?of=/etc/passwd&format=x"),
    *("/jobs/JOB/images/0/explanation.png?class=../x&label=-1", "/jobs?x=" + "y" * 60_000),
    *("/jobs/JOB/summary.csv%00.png", "/jobs/' OR 1=1 --", "/jobs/JOB/nothing.parquet"),
    *("/samples/..%2f..%2fx.png", "/jobs/JOB/images/0/cells.geojson?of=corrected"),
)
JSONS = (
    *("{", "[]", "null", "3", '"x"', '{"boxes": 3}', '{"boxes": [[]]}', '{"cells": []}'),
    *('{"boxes": [{"class": "nucleus", "xyxy": [NaN, 0, 1, 1]}]}', '{"boxes": null}'),
    *('{"boxes": [{"class": "nucleus", "xyxy": [1e400, 0, 1, 1]}]}', "[" * 20_000),
    *('{"boxes": [{"class": "\\ud800", "xyxy": [0, 0, 1, 1]}]}', '{"a":' * 5_000),
    *('{"boxes": [' + '{"class": "nucleus", "xyxy": [0, 0, 1, 1]},' * 2_000 + "0]}", "\xff\xfe"),
)
VALUES = ("nan", "inf", "-1", "0", "1e999", "x" * 3000, "', DROP TABLE jobs; --", "\0", "١", "")
MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "G\tT")


def request(
    method: str, path: str, body: bytes = b"", *, kind: str = "", length: int | None = None
) -> bytes:
    """The bytes of one request; ``length`` may lie."""
    given = len(body) if length is None else length
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    if kind:
        head += f"Content-Type: {kind}\r\n"
    if body or length is not None:
        head += f"Content-Length: {given}\r\n"
    return (head + "\r\n").encode("utf-8", "surrogateescape") + body


def form(fields: dict[str, str], part: str, name: str, data: bytes, kind: str) -> bytes:
    """A multipart body whose boundary is ``b``."""
    lines = [
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    lines.append(
        f'--b\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    return "".join(lines).encode("utf-8", "surrogatepass") + data + b"\r\n--b--\r\n"


def bad_place(rng: Rng, job: str) -> bytes:
    path = API + str(rng.choice(PLACES)).replace("JOB", job)
    method = str(rng.choice(METHODS))
    # Deleting the job would spare the service the rest.
    return request("GET" if method == "DELETE" else method, path.replace(" ", "%20"))


def bad_json(rng: Rng, job: str) -> bytes:
    body = str(rng.choice(JSONS)).encode("latin-1", "replace")
    kind = str(rng.choice(["application/json", "text/html", "application/json; charset=utf-7"]))
    return request("PUT", f"{API}/jobs/{job}/images/0/corrections", body, kind=kind)


@cache
def hostile_files() -> list[bytes]:
    """Sound, odd, damaged and malicious images."""
    rng = np.random.default_rng(1)
    makers = [*SOUND.values(), *ODD.values(), *WRONG.values()]
    makers += [entity_bomb, many_directories, jpeg_claiming(60_000, 60_000)]
    return [maker(rng) for maker in makers]


def bad_file(rng: Rng, job: str) -> bytes:
    files = hostile_files()
    data = files[rng.integers(len(files))]
    if rng.random() < 0.5:
        data = data[: rng.integers(0, len(data) + 1)]
    return upload(rng, data)


def noise(rng: Rng, job: str) -> bytes:
    head = bytes(
        rng.choice([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b""])
    )
    return upload(rng, head + rng.bytes(int(rng.integers(0, 4000))))


def upload(rng: Rng, data: bytes) -> bytes:
    route, part = [("predict", "image"), ("jobs", "images")][int(rng.random() < 0.2)]
    fields = {"model": str(rng.choice(["blobs", "blobs", "../blobs", ""]))}
    if rng.random() < 0.3:
        option = str(rng.choice(["pixel_size_um", "scale", "score_threshold", "tile_px"]))
        fields[option] = str(rng.choice(VALUES))
    name = str(rng.choice(NAMES)).replace('"', "%22")
    kind = str(rng.choice(["image/png", "image/tiff", "text/html", "image/", ""]))
    return request(
        "POST",
        f"{API}/{route}",
        form(fields, part, name, data, kind),
        kind="multipart/form-data; boundary=b",
    )


def broken_form(rng: Rng, job: str) -> bytes:
    whole = form({"model": "blobs"}, "image", "a.png", rng.bytes(500), "image/png")
    body = bytearray(whole)
    for place in rng.integers(0, len(body), 8):
        body[place] = int(rng.integers(256))
    kind = str(rng.choice(["multipart/form-data; boundary=b", "multipart/form-data", "text/plain"]))
    return request("POST", f"{API}/predict", bytes(body), kind=kind)


def truncated(rng: Rng, job: str) -> bytes:
    """Says more bytes than it sends, then goes."""
    body = form({"model": "blobs"}, "image", "a.png", rng.bytes(3000), "image/png")
    cut = body[: rng.integers(1, len(body))]
    kind = "multipart/form-data; boundary=b"
    return request("POST", f"{API}/predict", cut, kind=kind, length=len(body))


def lying_length(rng: Rng, job: str) -> bytes:
    length = int(rng.choice([10**12, 2**40, 2**62]))
    kind = str(rng.choice(["multipart/form-data; boundary=b", "application/json"]))
    return request("POST", f"{API}/predict", b"x", kind=kind, length=length)


def garbage(rng: Rng, job: str) -> bytes:
    return rng.bytes(int(rng.integers(1, 3000))) + b"\r\n\r\n"


KINDS: tuple[Callable[[Rng, str], bytes], ...] = (
    *(bad_place, bad_json, bad_file, noise, broken_form, truncated, lying_length, garbage),
)


def answer(address: tuple[str, int], sent: bytes, *, hang_up: bool) -> bytes:
    """What comes back; nothing where the client goes first."""
    with socket.create_connection(address, timeout=TIMEOUT_S) as connection:
        try:
            connection.sendall(sent)
            if hang_up:
                return b""
            received = b""
            while block := connection.recv(65536):
                received += block
        except (ConnectionResetError, BrokenPipeError):
            return b""  # refused before all was sent
        return received


def check(received: bytes, kind: str) -> int:
    """The status; every refusal that the application makes is a problem document."""
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    assert status < 500, (kind, received[:500])
    if status >= 400 and b"problem+json" in head and body:
        problem = json.loads(body)
        assert problem["status"] == status and problem["what"]
    return status


@pytest.mark.slow
def test_two_thousand_hostile_requests(blob_bundle: Path, live_dead: Path, tmp_path: Path):
    rng = np.random.default_rng(0)
    (tmp_path / "outside").mkdir()
    picture = next(live_dead.rglob("*.png")).read_bytes()
    more = ("--model", str(blob_bundle), "--max-requests", "100000")
    with served(tmp_path / "data", *more) as (url, process), httpx.Client(base_url=url) as client:
        host, port = re.search(r"//([\d.]+):(\d+)", url).groups()
        part = ("images", ("a.png", picture, "image/png"))
        job = client.post(f"{API}/jobs", data={"model": "blobs"}, files=[part]).json()["id"]
        assert client.get(f"{API}/jobs/{quote(job)}").status_code == 200
        service = psutil.Process(process.pid)
        before, seen = service.memory_info().rss, Counter()
        for index in range(N_REQUESTS):
            kind = KINDS[index % len(KINDS)]
            sent = kind(rng, job)
            received = answer((host, int(port)), sent, hang_up=kind is truncated)
            seen[check(received, kind.__name__) if received else 0] += 1
        grown = (service.memory_info().rss - before) / 2**20
        assert process.poll() is None and client.get(f"{API}/ready").status_code == 200
    assert grown < MAX_GROWTH_MIB, f"{grown:.0f} MiB more than before"
    assert {400, 404, 405, 413, 415, 422} <= set(seen), seen
    folders = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert folders == {"data", "outside"}
    left = {path.relative_to(tmp_path / "data").parts[0] for path in (tmp_path / "data").rglob("*")}
    assert left <= {"images", "incoming", "results", "tiles"} | {
        f"service.db{end}" for end in ("", "-wal", "-shm")
    }
    assert not list(tmp_path.rglob("*evil*"))
    assert not list((tmp_path / "data" / "incoming").iterdir())
