"""Whether the service is well, and its figures."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from cellwright import __version__
from cellwright.service.asking import Owner, parts_of
from cellwright.service.problems import RefusedError
from cellwright.service.telemetry import METRICS_TYPE

router = APIRouter(tags=["service"])


@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers, however busy its threads are."""
    return {"status": "ok", "version": __version__}


@router.get("/ready")
def ready(request: Request) -> dict[str, str]:
    """The store answers and the worker runs."""
    parts = parts_of(request)
    try:
        parts.store.check()
    except SQLAlchemyError as error:
        raise RefusedError(503, "the store does not answer", remedy="try again soon") from error
    if not parts.worker.alive:
        raise RefusedError(503, "the worker does not run", remedy="start the service again")
    return {"status": "ready"}


@router.get("/metrics", response_class=Response)
def metrics(request: Request, _owner: Owner) -> Response:
    """Figures for Prometheus."""
    parts = parts_of(request)
    parts.telemetry.waiting.set(parts.queue.count_waiting())
    return Response(parts.telemetry.text(), headers={"Content-Type": METRICS_TYPE})
