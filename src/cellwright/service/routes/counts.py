"""What charts of a job are drawn from."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from cellwright.service.asking import JobId, Owner, parts_of
from cellwright.service.counts import count_cells, counted_classes

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@router.get("/counts")
def counts(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """Cells by class and image with intervals, corrected where a person has corrected."""
    parts = parts_of(request)
    state = parts.store.job(owner, job_id)
    card = parts.models.find(state.model, state.model_sha256)
    outcomes = parts.store.outcomes(owner, job_id)
    counted = count_cells(outcomes, counted_classes(card, outcomes))
    return {"task": None if card is None else card.task, **counted}
