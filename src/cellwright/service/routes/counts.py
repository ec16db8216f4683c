"""What charts of a job are drawn from."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from cellwright.service.asking import JobId, Owner, cells_of_job, parts_of
from cellwright.service.counts import count_cells

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@router.get("/counts")
def counts(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """Cells by class and image with intervals, corrected where a person has corrected."""
    parts = parts_of(request)
    card = cells_of_job(parts, owner, job_id).card
    counted = count_cells(parts.store.outcomes(owner, job_id), card.classes)
    return {"task": card.task, **counted}
