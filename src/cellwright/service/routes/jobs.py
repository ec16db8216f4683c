"""Jobs: many images, how far they are, everything they gave, and their end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from cellwright.service.answers import cells_answer, image_answer, job_answer
from cellwright.service.asking import (
    JobId,
    ModelName,
    Options,
    Owner,
    check_type,
    parts_of,
)
from cellwright.service.deletion import delete_job
from cellwright.service.files import shown_name
from cellwright.service.labels import formats_of
from cellwright.service.problems import RefusedError
from cellwright.service.records import NewJob

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.post("", status_code=201)
def start_job(
    request: Request,
    owner: Owner,
    options: Options,
    *,
    model: ModelName,
    images: Annotated[list[UploadFile], File(description="One part an image.")],
) -> dict[str, Any]:
    """Keep images and count them one after the other; the answer comes before the counts."""
    parts = parts_of(request)
    parts.models.check(model, options)
    limit = parts.settings.limits.images
    if len(images) > limit:
        raise RefusedError(
            413, f"{len(images)} images are more than {limit}", remedy="start several jobs"
        )
    for upload in images:
        check_type(upload)
    names = distinct_names([upload.filename or "" for upload in images])
    kept = parts.files.keep_all(
        (upload.file, name) for upload, name in zip(images, names, strict=True)
    )
    job = NewJob(owner, model, parts.models.bundle(model).sha256, options)
    job_id = parts.store.add_job(job, kept)
    for upload, image in zip(images, kept, strict=True):
        # A job that had the same image may have been deleted, with its file, before this one
        # was there to hold it.
        if not parts.files.image(image.sha256, image.suffix).is_file():
            upload.file.seek(0)
            parts.files.keep(upload.file, image.name)
    parts.worker.wake()
    return job_answer(parts.store.job(owner, job_id))


@router.get("")
def list_jobs(request: Request, owner: Owner) -> list[dict[str, Any]]:
    """The newest hundred."""
    return [job_answer(state) for state in parts_of(request).store.jobs(owner)]


@router.get("/{job_id}")
def one_job(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """How far it is, image by image."""
    parts = parts_of(request)
    # The job first: one that is done has all its images done.
    state = parts.store.job(owner, job_id)
    card = parts.models.find(state.model)
    classes = () if card is None else card.classes
    return {
        **job_answer(state),
        "task": None if card is None else card.task,
        "label_formats": [] if card is None else list(formats_of(card.task)),
        "images": [
            image_answer(outcome, classes) for outcome in parts.store.outcomes(owner, job_id)
        ],
    }


@router.post("/{job_id}/cancel")
def cancel(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """Do no image that is not begun; what is done stays."""
    return job_answer(parts_of(request).store.cancel(owner, job_id))


@router.post("/{job_id}/resume")
def resume(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """Do the images of a cancelled job after all."""
    parts = parts_of(request)
    state = parts.store.job(owner, job_id).state
    if state != "cancelled":
        raise RefusedError(409, f"the job is {state}", remedy="only a cancelled one goes on again")
    job = parts.store.resume(owner, job_id)
    parts.worker.wake()
    return job_answer(job)


@router.delete("/{job_id}", status_code=204)
def remove(request: Request, owner: Owner, job_id: JobId) -> Response:
    """Delete the job with its results, and its images where no other job uses them."""
    parts = parts_of(request)
    delete_job(parts.store, parts.files, owner=owner, job_id=job_id)
    return Response(status_code=204)


@router.get("/{job_id}/results")
def results(request: Request, owner: Owner, job_id: JobId) -> JSONResponse:
    """Everything there is, as JSON."""
    parts = parts_of(request)
    state = parts.store.job(owner, job_id)
    classes = parts.models.classes_of(state.model)
    images = [cells_answer(outcome, classes) for outcome in parts.store.outcomes(owner, job_id)]
    named = {"Content-Disposition": 'attachment; filename="results.json"'}
    return JSONResponse({**job_answer(state), "images": images}, headers=named)


def distinct_names(names: Sequence[str]) -> list[str]:
    """Names whose stems differ, since tables call images by their stems.

    >>> distinct_names(["a.png", "b/A.tif", "a.png"])
    ['a.png', 'A (2).tif', 'a (3).png']
    """
    taken: set[str] = set()
    distinct = []
    for name in map(shown_name, names):
        path, number = Path(name), 1
        stem = path.stem
        while stem.casefold() in taken:
            number += 1
            stem = f"{path.stem} ({number})"
        taken.add(stem.casefold())
        distinct.append(stem + path.suffix)
    return distinct
