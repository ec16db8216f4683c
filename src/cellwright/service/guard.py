"""The door of the service: what is refused before any route sees it, and headers of answers.

Whose a request is stands fast before its body is read, so that nobody without a token can send
one.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import anyio
from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cellwright.service.access import LOCAL_OWNER, Access
from cellwright.service.body import in_time, stay
from cellwright.service.problems import problem
from cellwright.service.rates import Rates
from cellwright.service.settings import API, ServiceSettings, is_loopback
from cellwright.service.telemetry import Telemetry

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

OPEN_PATHS = tuple(f"{API}/{name}" for name in ("health", "ready", "openapi.json"))
"""Addresses within the API that anybody may ask."""

WRONG_TOKEN_COST = 50.0
"""A wrong token counts as so many requests: guessing is slow, and so is checking a guess."""

_UPLOADS = ("/predict", "/jobs")
_KINDS = (*_UPLOADS, "other")
_FORM, _JSON = "multipart/form-data", "application/json"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_WITH_BODY = ("POST", "PUT", "PATCH")


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(
        self, app: ASGIApp, *, settings: ServiceSettings, access: Access, telemetry: Telemetry
    ) -> None:
        self._app, self._settings, self._access = app, settings, access
        self._telemetry = telemetry
        self._rates = Rates(settings.limits.per_second, settings.limits.burst)
        # A bucket that holds fewer would never let anybody in.
        self._guess_cost = min(WRONG_TOKEN_COST, settings.limits.burst)
        self._checking = anyio.Lock()
        # Those of one kind do not wait for those of another.
        self._places = {kind: anyio.Semaphore(settings.limits.uploads) for kind in _KINDS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on; add headers and count either way."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = scope["method"]
        ours = scope["path"].startswith(API)
        if asked == "HEAD" and ours:
            # What GET says, of which the server leaves the body out.
            scope = {**scope, "method": "GET"}

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                # The page is the same for all; its browser asks each time whether it changed.
                headers.setdefault("Cache-Control", "no-store" if ours else "no-cache")
                route = getattr(scope.get("route"), "path", "none")
                method = asked if asked in _METHODS else "other"
                self._telemetry.requests.labels(method, route, message["status"]).inc()
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._foreign(headers) or await self._unknown(scope, headers)
        refusal = refusal or self._body(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, sent)
        elif scope["method"] in _WITH_BODY and headers.get("content-length", "0") != "0":
            await self._receive(scope, receive, sent)
        else:
            await self._app(scope, receive, sent)

    async def _receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request with a body on, in a place of those for its kind."""
        kind = _kind_of(scope["path"])
        async with AsyncExitStack() as place:
            await place.enter_async_context(self._places[kind])
            # The images of a job lie on disk once they are there. What is answered from memory,
            # or waits in line for the network, keeps its place: others wait with their bodies
            # unsent, not in this machine's memory.
            leave = place.aclose if kind == "/jobs" else stay
            limits = self._settings.limits
            await self._app(scope, in_time(receive, limits, when_there=leave), send)

    def _foreign(self, headers: Headers) -> ASGIApp | None:
        """Where no token is asked for, pages of other sites must not reach the service."""
        if self._settings.closed:
            return None
        host = headers.get("host", "")
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if not is_loopback(name):
            return problem(
                403,
                "this service answers to localhost only",
                where=f"Host: {host[:100]}",
                remedy="open http://localhost with the service's port",
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit_host(origin) != host:
            return problem(
                403,
                "a page of another site asked",
                where=f"Origin: {origin[:100]}",
                remedy="use the service's own page",
            )
        return None

    async def _unknown(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        """Find whose the request is, for the routes; refuse strangers and who asks too often."""
        client = scope.get("client")
        address = f"address {client[0] if client else '?'}"
        path: str = scope["path"]
        if not path.startswith(API) or path in OPEN_PATHS:
            return self._too_often(address)
        owner: str | ASGIApp = LOCAL_OWNER
        if self._settings.closed:
            scheme, _, token = headers.get("authorization", "").partition(" ")
            token = token.strip() if scheme.lower() == "bearer" else ""
            if not token:
                return self._too_often(address) or _no_token()
            owner = await self._owner_of(token, address)
        if not isinstance(owner, str):
            return owner
        scope.setdefault("state", {})["owner"] = owner
        return self._too_often(f"token {owner}")

    async def _owner_of(self, token: str, address: str) -> str | ASGIApp:
        """Whose a token is, or the refusal."""
        owner = self._access.remembered(token)
        if owner is None and self._access.was_right(token):
            owner = await to_thread.run_sync(self._access.owner_of, token)
        if owner is not None:
            return owner
        # One at a time: of many requests that a page sends at once, the first is checked and the
        # others find their token known.
        async with self._checking:
            owner = self._access.remembered(token)
            if owner is not None:
                return owner
            # A guess is paid for before it is checked, out of a bucket of its own, which what an
            # address asks without a token does not empty.
            guesses = f"guesses from {address}"
            refusal = self._too_often(guesses, cost=self._guess_cost)
            if refusal is not None:
                return refusal
            owner = await to_thread.run_sync(self._access.owner_of, token)
            if owner is None:
                return _no_token()
            self._rates.give_back(guesses, self._guess_cost)
            return owner

    def _too_often(self, key: str, *, cost: float = 1.0) -> ASGIApp | None:
        seconds = self._rates.wait_for(key, cost=cost)
        if not seconds:
            return None
        return problem(
            429,
            "too many requests",
            remedy=f"wait {seconds} s and try again",
            headers={"Retry-After": str(seconds)},
        )

    def _body(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        """Length and type of what is sent, before it is read."""
        if scope["method"] not in _WITH_BODY:
            return None
        length = headers.get("content-length")
        if length is None:
            if "transfer-encoding" not in headers:
                return None
            return problem(
                411, "the length of the body is not said", remedy="send a Content-Length header"
            )
        wanted = _JSON if _kind_of(scope["path"]) == "other" else _FORM
        limits = self._settings.limits
        limit = limits.request_bytes if wanted == _FORM else limits.json_bytes
        # A number of a million digits would take a while to read.
        if not length.isdecimal() or len(length) > 20 or int(length) > limit:
            return problem(
                413,
                f"the upload is larger than {limit >> 20} MiB",
                remedy="upload fewer images at once",
            )
        return _wrong_type(headers, wanted) if int(length) else None


def _kind_of(path: str) -> str:
    return next((end for end in _UPLOADS if path.endswith(end)), "other")


def _no_token() -> ASGIApp:
    return problem(
        401,
        "this service needs a token",
        remedy="send Authorization: Bearer TOKEN; who runs it makes one with "
        "cellwright serve --create-token NAME",
        headers={"WWW-Authenticate": "Bearer"},
    )


def urlsplit_host(origin: str) -> str:
    """Host and port of an Origin header, empty where it has none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _wrong_type(headers: Headers, wanted: str) -> ASGIApp | None:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given == wanted:
        return None
    return problem(415, f"the body is {given[:60] or 'of no type'}", remedy=f"send it as {wanted}")
