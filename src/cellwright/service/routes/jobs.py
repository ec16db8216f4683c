"""Jobs: many images, how far they are, everything they gave, and their end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
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
from cellwright.service.records import JobState, NewJob

if TYPE_CHECKING:
    from cellwright.service.app import Parts

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
    return _answer(parts, parts.store.job(owner, job_id))


@router.get("")
def list_jobs(
    request: Request,
    response: Response,
    owner: Owner,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1, description="Without so many.")] = 0,
) -> list[dict[str, Any]]:
    """Newest first; the header ``X-Total-Count`` says how many, ``Link`` where the next are."""
    parts = parts_of(request)
    total = parts.store.count_jobs(owner)
    states = parts.store.jobs(owner, limit=limit, offset=offset)
    response.headers["X-Total-Count"] = str(total)
    if offset + len(states) < total and states:
        response.headers["Link"] = f'<?limit={limit}&offset={offset + limit}>; rel="next"'
    return [_answer(parts, state) for state in states]


@router.get("/{job_id}")
def one_job(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """How far it is, image by image."""
    parts = parts_of(request)
    # The job first: one that is done has all its images done.
    state = parts.store.job(owner, job_id)
    card = parts.models.find(state.model, state.model_sha256)
    return {
        **_answer(parts, state),
        "task": None if card is None else card.task,
        "label_formats": [] if card is None else list(formats_of(card.task)),
        "images": [image_answer(image) for image in parts.store.image_states(owner, job_id)],
    }


@router.post("/{job_id}/cancel")
def cancel(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """Do no image that is not begun; what is done stays."""
    parts = parts_of(request)
    return _answer(parts, parts.store.cancel(owner, job_id))


@router.post("/{job_id}/resume")
def resume(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """Do the images of a cancelled job after all, and those that failed once more."""
    parts = parts_of(request)
    state = parts.store.job(owner, job_id)
    if state.state != "cancelled" and not state.n_failed:
        raise RefusedError(
            409,
            f"the job is {state.state}",
            remedy="only one that is cancelled, or has images that failed, goes on again",
        )
    job = parts.store.resume(owner, job_id)
    parts.worker.wake()
    return _answer(parts, job)


@router.delete("/{job_id}", status_code=204)
def remove(request: Request, owner: Owner, job_id: JobId) -> Response:
    """Delete the job with its results, and its images where no other job uses them."""
    parts = parts_of(request)
    delete_job(parts.store, parts.files, owner=owner, job_id=job_id)
    return Response(status_code=204)


@router.get("/{job_id}/results")
def results(request: Request, owner: Owner, job_id: JobId) -> JSONResponse:
    """Everything there is, as JSON; ``summary`` and ``cells`` are as the model found them."""
    parts = parts_of(request)
    state = parts.store.job(owner, job_id)
    images = [cells_answer(outcome) for outcome in parts.store.outcomes(owner, job_id)]
    named = {"Content-Disposition": 'attachment; filename="results.json"'}
    return JSONResponse({**_answer(parts, state), "images": images}, headers=named)


def _answer(parts: Parts, state: JobState) -> dict[str, Any]:
    return job_answer(state, served=parts.models.serves(state.model, state.model_sha256))


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
