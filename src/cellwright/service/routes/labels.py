"""Corrected images as labels to train with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from cellwright.service.asking import JobId, Owner, cells_of_job, parts_of
from cellwright.service.labels import formats_of, zip_labels
from cellwright.service.sending import gives, send_and_delete

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@router.get("/labels.zip", response_class=FileResponse, responses=gives(".zip"))
def labels(
    request: Request,
    owner: Owner,
    job_id: JobId,
    format_name: Annotated[str | None, Query(alias="format", max_length=20)] = None,
) -> FileResponse:
    """Corrected images with their labels, ready for ``cellwright train``."""
    cells = cells_of_job(parts_of(request), owner, job_id)
    chosen = format_name or formats_of(cells.card.task)[0]
    store = parts_of(request).store
    archive = zip_labels(cells, store.outcomes(owner, job_id), chosen)
    store.audit(owner, "labels", f"{job_id} {chosen}")
    return send_and_delete(archive, f"labels-{chosen}.zip")
