"""Who asks too often, too slowly or with wrong tokens is told so, and others are not."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from cellwright.service.access import Access
from cellwright.service.app import create_app
from cellwright.service.body import in_time
from cellwright.service.guard import Guard
from cellwright.service.rates import MAX_KNOWN, Rates
from cellwright.service.settings import Limits
from cellwright.service.telemetry import Telemetry

API = "/api/v1"


def test_a_bucket_fills_up_again():
    time = [0.0]
    rates = Rates(0.5, 2, clock=lambda: time[0])
    assert [rates.wait_for("a") for _ in range(3)] == [0, 0, 2]
    time[0] = 1.9
    assert rates.wait_for("a") == 1
    time[0] = 2.0
    assert rates.wait_for("a") == 0
    time[0] = 1000.0
    assert [rates.wait_for("a") for _ in range(3)] == [0, 0, 2]  # never more than a bucket


def test_memory_is_bounded():
    rates = Rates(1, 1, clock=lambda: 0.0)
    for key in range(MAX_KNOWN + 100):
        rates.wait_for(str(key))
    assert len(rates._buckets) == MAX_KNOWN


@pytest.fixture
def strict(open_settings):
    """A closed service whose buckets hold ten requests and hardly fill."""
    limits = replace(open_settings.limits, per_second=0.01, burst=10)
    app = create_app(replace(open_settings, closed=True, limits=limits))
    with TestClient(app, base_url="http://lab.example") as running:
        yield running


def bearer(client, name):
    token = client.app.state.parts.access.create_token(name)
    return {"Authorization": f"Bearer {token}"}


def test_each_token_has_a_bucket(strict):
    ada, bob = bearer(strict, "ada"), bearer(strict, "bob")
    # The first request of a token also counts for its address, until the token is known.
    strict.app.state.parts.access.owner_of(ada["Authorization"].split()[1])
    strict.app.state.parts.access.owner_of(bob["Authorization"].split()[1])
    answers = [strict.get(f"{API}/me", headers=ada) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 100
    assert refused.headers["retry-after"] in refused.json()["remedy"]
    assert strict.get(f"{API}/me", headers=bob).status_code == 200


def test_guessing_tokens_is_slow(open_settings):
    limits = replace(open_settings.limits, per_second=0.01, burst=100)
    app = create_app(replace(open_settings, closed=True, limits=limits))
    with TestClient(app, base_url="http://lab.example") as client:
        wrong = {"Authorization": "Bearer cw_0123456789abcdef_" + "a" * 43}
        answers = [client.get(f"{API}/me", headers=wrong).status_code for _ in range(3)]
        assert answers == [401, 401, 429]


def closed_app(open_settings, **limits):
    limits = replace(open_settings.limits, **limits)
    return create_app(replace(open_settings, closed=True, limits=limits))


@pytest.mark.parametrize("burst", [1, 10, 49])
def test_a_small_bucket_lets_a_right_token_in(open_settings, burst):
    app = closed_app(open_settings, per_second=0.01, burst=burst)
    with TestClient(app, base_url="http://lab.example") as client:
        ada = bearer(client, "ada")
        assert client.get("/").status_code == 200  # the page costs its address something
        assert client.get(f"{API}/me", headers=ada).status_code == 200


def test_a_right_token_is_given_back_its_cost(open_settings):
    app = closed_app(open_settings, per_second=0.01, burst=50)
    with TestClient(app, base_url="http://lab.example") as client:
        for name in ("ada", "bob", "eve"):
            assert client.get(f"{API}/me", headers=bearer(client, name)).status_code == 200


def test_a_page_that_asks_all_at_once_pays_once(open_settings):
    app = closed_app(open_settings, per_second=0.01, burst=100)
    with TestClient(app, base_url="http://lab.example") as client:
        ada = bearer(client, "ada")

        def ask(_):
            return client.get(f"{API}/me", headers=ada).status_code

        with ThreadPoolExecutor(40) as pool:
            assert set(pool.map(ask, range(40))) == {200}


def test_a_revoked_token_is_refused_within_a_minute(open_settings, monkeypatch):
    app = closed_app(open_settings)
    with TestClient(app, base_url="http://lab.example") as client:
        ada, bob = bearer(client, "ada"), bearer(client, "bob")
        access = client.app.state.parts.access
        for headers in (ada, bob):
            assert client.get(f"{API}/me", headers=headers).status_code == 200
        # By another process, as the command line does it.
        Access(client.app.state.parts.store).revoke_token("ada")
        monkeypatch.setattr("cellwright.service.access.LOOK_AGAIN_S", 0.0)
        monkeypatch.setattr(access, "_checked", lambda *_: None)  # nothing is checked again
        assert client.get(f"{API}/me", headers=ada).status_code == 401
        assert client.get(f"{API}/me", headers=bob).status_code == 200
        assert client.get(f"{API}/me", headers=ada).status_code == 401


def test_nobody_unknown_sends_a_body(strict, monkeypatch):
    """Without a token an upload is refused unread."""

    def read(*_):
        raise AssertionError("the body was read")

    monkeypatch.setattr("starlette.requests.Request.form", read)
    part = {"image": ("a.png", b"x" * 100, "image/png")}
    answer = strict.post(f"{API}/predict", data={"model": "discs"}, files=part)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_body_that_does_not_come_is_given_up():
    limits = Limits(stall_s=0.05)

    async def never():
        await asyncio.sleep(10)

    with pytest.raises(HTTPException) as error:
        asyncio.run(in_time(never, limits)())
    assert error.value.status_code == 408


def test_after_the_body_there_is_no_hurry():
    limits = Limits(stall_s=0.2)
    messages = [{"type": "http.request", "more_body": True}, {"type": "http.request"}]

    async def receive():
        if messages:
            return messages.pop(0)
        await asyncio.sleep(0.4)
        return {"type": "http.disconnect"}

    async def all_three():
        timed = in_time(receive, limits)
        return [(await timed())["type"] for _ in range(3)]

    assert asyncio.run(all_three()) == ["http.request", "http.request", "http.disconnect"]


def received_until(messages, limits, **more):
    """How many messages come before the body is given up; each is its size and the wait for it."""
    came = []

    async def receive():
        n_bytes, seconds = messages[len(came)]
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": bytes(n_bytes), "more_body": True}

    async def all_of_them():
        timed = in_time(receive, limits, **more)
        while len(came) < len(messages):
            came.append(await timed())

    with pytest.raises(HTTPException) as error:
        asyncio.run(all_of_them())
    assert error.value.status_code == 408
    return len(came)


def test_what_counts_is_how_fast_the_body_comes():
    limits = Limits(stall_s=0.3, slowest_bytes=1000)
    # A byte now and then, however much was announced.
    assert received_until([(1, 0.1)] * 20, limits) in (2, 3)
    # What came quickly is no reason to wait for hours.
    assert received_until([(1_000_000, 0), (1, 2)], limits) == 1
    # Fast enough for three times as long as the grace, then not at all.
    assert received_until([(1000, 0.1)] * 9 + [(1, 2)], limits) == 9


def asked(guard, path, method="POST"):
    """A request with a body of 5 bytes to ``guard``, which comes when the future is set."""
    kind = "application/json" if method == "PUT" else "multipart/form-data; boundary=b"
    headers = {"host": "localhost", "content-type": kind, "content-length": "5"}
    scope = {
        "type": "http",
        "method": method,
        "path": API + path,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    body = asyncio.get_running_loop().create_future()

    async def receive():
        await body
        return {"type": "http.request", "body": b"12345"}

    return body, asyncio.create_task(guard(scope, receive, None))


def test_an_upload_that_stalls_stops_no_other_kind(open_settings):
    limits = replace(open_settings.limits, uploads=1)
    settings = replace(open_settings, limits=limits)
    begun, go_on = [], asyncio.Event()

    async def app(scope, receive, _send):
        begun.append(scope["path"].removeprefix(API))
        await receive()
        await go_on.wait()

    async def all_of_them():
        guard = Guard(app, settings=settings, access=None, telemetry=Telemetry())
        first, *work = asked(guard, "/jobs")
        for path, method in (("/predict", "POST"), ("/jobs/1/x", "PUT"), ("/jobs", "POST")):
            work.append(asked(guard, path, method)[1])
        await asyncio.sleep(0.05)
        assert begun == ["/jobs", "/predict", "/jobs/1/x"]
        # Once its images are there, a job is no reason for another to wait.
        first.set_result(None)
        await asyncio.sleep(0.05)
        assert begun[3:] == ["/jobs"]
        for task in work:
            task.cancel()

    asyncio.run(all_of_them())
