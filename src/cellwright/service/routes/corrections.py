"""What a person puts in the place of a model's cells, and takes back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from cellwright.service.answers import cells_answer
from cellwright.service.asking import JobId, Owner, Position, cells_of_job, parts_of
from cellwright.service.cells import SEGMENTS
from cellwright.service.correction_bodies import described, read_corrections
from cellwright.service.corrections import checked
from cellwright.service.problems import RefusedError

if TYPE_CHECKING:
    from cellwright.service.app import Parts

router = APIRouter(prefix="/jobs/{job_id}/images/{position}/corrections", tags=["corrections"])


@router.put("", openapi_extra={"requestBody": described()})
async def correct(
    request: Request, owner: Owner, job_id: JobId, position: Position
) -> JSONResponse:
    """All cells of the image from now on: what is left out is deleted."""
    parts = parts_of(request)
    try:
        raw = await request.body()
    except ClientDisconnect as error:
        raise RefusedError(400, "the body ended early", remedy="send all of it") from error
    work = partial(_correct, parts, raw, owner=owner, job_id=job_id, position=position)
    return await to_thread.run_sync(work, limiter=parts.lines.corrections)


def _correct(parts: Parts, raw: bytes, *, owner: str, job_id: str, position: int) -> JSONResponse:
    corrections = read_corrections(raw, parts.settings.limits)
    reader = cells_of_job(parts, owner, job_id)
    outcome = parts.store.outcome(owner, job_id, position)
    limit = parts.settings.limits.boxes
    cells = checked(corrections, outcome, reader.card, limit=limit)
    if reader.card.task in SEGMENTS and outcome.state == "done":
        _check_pixels(len(reader.corrected(outcome, cells)), len(cells))
    parts.store.correct(owner, job_id, position, cells)
    outcome = parts.store.outcome(owner, job_id, position)
    return JSONResponse(cells_answer(outcome, reader.card.classes))


@router.delete("")
def take_back(request: Request, owner: Owner, job_id: JobId, position: Position) -> JSONResponse:
    """Back to the model's cells."""
    parts = parts_of(request)
    parts.store.correct(owner, job_id, position, None)
    classes = parts.models.classes_of(parts.store.job(owner, job_id).model)
    return JSONResponse(cells_answer(parts.store.outcome(owner, job_id, position), classes))


def _check_pixels(n_present: int, n_given: int) -> None:
    if n_present < n_given:
        raise RefusedError(
            422,
            f"{n_given - n_present} drawn cells have no pixel of their own",
            where="cells",
            remedy="draw them where no other cell is, around the middle of at least one pixel",
        )
