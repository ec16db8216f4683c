"""The door of the service: what is refused before any route sees it, and headers of answers."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cellwright.service.problems import problem
from cellwright.service.settings import LOOPBACK_NAMES, ServiceSettings
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

API_PATHS = "/api/"

_UPLOADS = ("/predict", "/jobs")
_FORM, _JSON = "multipart/form-data", "application/json"


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, settings: ServiceSettings, telemetry: Telemetry) -> None:
        self._app, self._settings, self._telemetry = app, settings, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on; add headers and count either way."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                # The page is the same for all; its browser asks each time whether it changed.
                ours = scope["path"].startswith(API_PATHS)
                headers.setdefault("Cache-Control", "no-store" if ours else "no-cache")
                route = getattr(scope.get("route"), "path", "none")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._telemetry.requests.labels(method, route, message["status"]).inc()
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, sent)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        return self._foreign(headers) or self._body(scope, headers)

    def _foreign(self, headers: Headers) -> ASGIApp | None:
        """Where no token is asked for, pages of other sites must not reach the service."""
        if self._settings.closed:
            return None
        host = headers.get("host", "")
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if name not in LOOPBACK_NAMES:
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

    def _body(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        """Length and type of what is sent, before it is read."""
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return None
        length = headers.get("content-length")
        if length is None:
            if "transfer-encoding" not in headers:
                return None
            return problem(
                411, "the length of the body is not said", remedy="send a Content-Length header"
            )
        limit = self._settings.limits.request_bytes
        if not length.isdecimal() or int(length[:20]) > limit:
            return problem(
                413,
                f"the upload is larger than {limit >> 20} MiB",
                remedy="upload fewer images at once",
            )
        return _wrong_type(scope, headers) if int(length) else None


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def urlsplit_host(origin: str) -> str:
    """Host and port of an Origin header, empty where it has none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _wrong_type(scope: Scope, headers: Headers) -> ASGIApp | None:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    wanted = _FORM if scope["path"].endswith(_UPLOADS) else _JSON
    if given == wanted:
        return None
    return problem(415, f"the body is {given[:60] or 'of no type'}", remedy=f"send it as {wanted}")
