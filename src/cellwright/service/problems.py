"""Every refusal as a problem document (RFC 9457): what is wrong, where, and the remedy."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError, TimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from cellwright.errors import BundleError, CellwrightError
from cellwright.service.files import TooLargeError
from cellwright.service.records import ChangedError, MissingError
from cellwright.service.settings import API

PROBLEM_TYPE = "application/problem+json"


class Problem(BaseModel):
    """A problem document as the API's description has it."""

    type: str
    title: str
    status: int
    detail: str
    what: str
    where: str | None
    remedy: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A refusal: what is wrong, where, and the remedy (RFC 9457).",
        "content": {PROBLEM_TYPE: {"schema": Problem.model_json_schema()}},
    }
}
"""What every route may answer."""

_STATUS: tuple[tuple[type[CellwrightError], int], ...] = (
    (MissingError, 404),
    (ChangedError, 412),
    (TooLargeError, 413),
    (BundleError, 500),
)

RETRY_SECONDS = 2
"""When to ask again where the store did not answer."""

_log = logging.getLogger(__name__)


class RefusedError(CellwrightError):
    """A request that cannot be answered, with the status that says so."""

    def __init__(self, status: int, what: str, *, where: object = None, remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.status = status


def problem_body(
    status: int, what: str, *, where: str | None = None, remedy: str = ""
) -> dict[str, Any]:
    """The document itself; ``detail`` is one sentence for people."""
    detail = what if where is None else f"{where}: {what}"
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": f"{detail}; {remedy}" if remedy else detail,
        "what": what,
        "where": where,
        "remedy": remedy,
    }


def problem(
    status: int,
    what: str,
    *,
    where: str | None = None,
    remedy: str = "",
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """The response."""
    body = problem_body(status, what, where=where, remedy=remedy)
    return JSONResponse(body, status, headers=headers, media_type=PROBLEM_TYPE)


def status_of(error: CellwrightError) -> int:
    """The HTTP status that an expected error answers with."""
    if isinstance(error, RefusedError):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 422)


def _allowed(app: FastAPI, scope: Scope) -> list[str]:
    """Methods that an address can be asked by; the page has files alone."""
    if not scope["path"].startswith(f"{API}/"):
        return ["HEAD", "GET"]
    found = [
        method
        for method in ("GET", "POST", "PUT", "DELETE")
        if any(
            route.matches({**scope, "method": method})[0] is Match.FULL
            for route in app.router.routes
        )
    ]
    return ["HEAD", *found] if "GET" in found else found


def install_problem_handlers(app: FastAPI) -> None:
    """Let every error of ``app`` leave as a problem document."""

    @app.exception_handler(CellwrightError)
    def expected(_request: Request, error: CellwrightError) -> JSONResponse:
        status = status_of(error)
        return problem(status, error.what, where=error.where, remedy=error.remedy)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])[:200]
        return problem(
            422,
            str(first["msg"]),
            where=place,
            remedy="see /api/v1/openapi.json for what this request takes",
        )

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        remedy = "see /api/v1/openapi.json for the requests there are"
        headers = dict(error.headers or {})
        if error.status_code == 405:
            # Several routes may share an address; the error knows the methods of one.
            headers["Allow"] = ", ".join(_allowed(app, request.scope))
        return problem(error.status_code, str(error.detail), remedy=remedy, headers=headers)

    # A database that others keep busy, or whose server is away, is one to ask again.
    @app.exception_handler(OperationalError)
    @app.exception_handler(TimeoutError)
    def busy(_request: Request, error: Exception) -> JSONResponse:
        _log.warning("the store did not answer: %s", str(error).splitlines()[0])
        retry = {"Retry-After": str(RETRY_SECONDS)}
        return problem(503, "the store does not answer", remedy="try again soon", headers=retry)

    @app.exception_handler(Exception)
    def unexpected(_request: Request, error: Exception) -> JSONResponse:
        _log.error("a request failed", exc_info=error)
        what = "the service made a mistake; its log says which"
        return problem(500, what, remedy="tell who runs the service")
