"""Corrected images as labels to train with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from cellwright.service.asking import JobId, Owner, parts_of
from cellwright.service.labels import zip_labels

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@router.get("/labels.zip", response_class=FileResponse)
def labels(
    request: Request,
    owner: Owner,
    job_id: JobId,
    format_name: Annotated[str, Query(alias="format", max_length=20)] = "yolo",
) -> FileResponse:
    """Corrected images with their labels, ready for ``cellwright train``."""
    parts = parts_of(request)
    classes = parts.models.bundle(parts.store.job(owner, job_id).model).card.classes
    outcomes = parts.store.outcomes(owner, job_id)
    archive = zip_labels(outcomes, parts.files, classes, format_name)
    return FileResponse(
        archive,
        media_type="application/zip",
        filename=f"labels-{format_name}.zip",
        background=BackgroundTask(archive.unlink),
    )
