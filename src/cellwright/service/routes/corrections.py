"""What a person puts in the place of a model's cells, and takes back."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from cellwright.service.answers import cells_answer
from cellwright.service.asking import JobId, Owner, Position, cells_of_job, parts_of
from cellwright.service.cells import SEGMENTS
from cellwright.service.corrections import Corrections, checked
from cellwright.service.problems import RefusedError

router = APIRouter(prefix="/jobs/{job_id}/images/{position}/corrections", tags=["corrections"])


@router.put("")
def correct(
    request: Request, owner: Owner, job_id: JobId, position: Position, corrections: Corrections
) -> JSONResponse:
    """All cells of the image from now on: what is left out is deleted."""
    parts = parts_of(request)
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
