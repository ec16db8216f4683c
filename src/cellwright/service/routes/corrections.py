"""What a person puts in the place of a model's cells, and takes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeAlias

from anyio import to_thread
from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from cellwright.service.answers import cells_answer
from cellwright.service.asking import JobId, Owner, Position, cells_of_job, parts_of
from cellwright.service.correction_bodies import described, read_corrections
from cellwright.service.corrections import checked
from cellwright.service.problems import RefusedError
from cellwright.service.records import Correction, Outcome

if TYPE_CHECKING:
    from cellwright.service.app import Parts

IfMatch: TypeAlias = Annotated[
    str | None,
    Header(max_length=1000, description="ETag of the corrections to replace; others: 412."),
]

router = APIRouter(prefix="/jobs/{job_id}/images/{position}/corrections", tags=["corrections"])


@router.put("", openapi_extra={"requestBody": described()})
async def correct(
    request: Request, owner: Owner, job_id: JobId, position: Position, *, if_match: IfMatch = None
) -> JSONResponse:
    """All cells of the image from now on: what is left out is deleted."""
    parts = parts_of(request)
    try:
        raw = await request.body()
    except ClientDisconnect as error:
        raise RefusedError(400, "the body ended early", remedy="send all of it") from error
    work = partial(
        _correct, parts, raw, owner=owner, job_id=job_id, position=position, if_match=if_match
    )
    return await to_thread.run_sync(work, limiter=parts.lines.corrections)


def _correct(
    parts: Parts, raw: bytes, *, owner: str, job_id: str, position: int, if_match: str | None
) -> JSONResponse:
    corrections = read_corrections(raw, parts.settings.limits)
    reader = cells_of_job(parts, owner, job_id)
    outcome = parts.store.outcome(owner, job_id, position)
    limit = parts.settings.limits.boxes
    cells = checked(corrections, outcome, reader.card, limit=limit)
    areas = reader.areas(outcome, cells) if outcome.state == "done" else None
    _check_pixels(areas or ())
    named = Counter(cell["class"] for cell in cells)
    counts = {name: named[name] for name in reader.card.classes}
    correction = Correction(cells, counts, areas)
    return _answer(parts.store.correct(owner, job_id, position, correction, if_match=if_match))


@router.delete("")
def take_back(
    request: Request, owner: Owner, job_id: JobId, position: Position, *, if_match: IfMatch = None
) -> JSONResponse:
    """Back to the model's cells."""
    store = parts_of(request).store
    return _answer(store.correct(owner, job_id, position, None, if_match=if_match))


def _answer(outcome: Outcome) -> JSONResponse:
    return JSONResponse(cells_answer(outcome), headers={"ETag": outcome.etag})


def _check_pixels(areas: Sequence[int]) -> None:
    if 0 in areas:
        raise RefusedError(
            422,
            f"{areas.count(0)} drawn cells have no pixel of their own",
            where="cells",
            remedy="draw them where no other cell is, around the middle of at least one pixel",
        )
