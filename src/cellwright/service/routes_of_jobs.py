"""Routes of jobs: many images, their progress, their results, what a person corrects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, File, Query, Request, Response, UploadFile
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from cellwright.errors import ImageError
from cellwright.images.lazy import LazyImage
from cellwright.images.overlay import display
from cellwright.images.read import open_image
from cellwright.images.write import write_png
from cellwright.inference.source import thinned
from cellwright.inference.work import OVERLAY_PX
from cellwright.service import exports
from cellwright.service.files import shown_name
from cellwright.service.problems import RefusedError
from cellwright.service.routes import ModelName, Options, Owner, as_objects, check_type, parts_of
from cellwright.service.store import JobState, MissingError, Outcome

JobId: TypeAlias = Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]
Position: TypeAlias = Annotated[int, InPath(ge=0, le=1_000_000, description="From 0.")]
Coordinate: TypeAlias = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]

TABLES = {
    "summary": exports.summary_table,
    "cells": exports.cell_table,
    "errors": exports.error_table,
    "corrected": exports.corrected_table,
}

jobs_api = APIRouter(prefix="/jobs", tags=["jobs"])


class CorrectedBox(BaseModel):
    """A cell as a person has drawn or confirmed it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field(alias="class", max_length=200)
    xyxy: tuple[Coordinate, Coordinate, Coordinate, Coordinate]


class Corrections(BaseModel):
    """All cells of an image, instead of those that the model found."""

    model_config = ConfigDict(extra="forbid")

    boxes: list[CorrectedBox]


@jobs_api.post("", status_code=201)
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
    kept = [parts.files.keep(upload.file, name) for upload, name in zip(images, names, strict=True)]
    sha256 = parts.models.bundle(model).sha256
    job_id = parts.store.add_job(owner, kept, model=model, model_sha256=sha256, options=options)
    parts.worker.wake()
    return _job(parts.store.job(owner, job_id))


@jobs_api.get("")
def list_jobs(request: Request, owner: Owner) -> list[dict[str, Any]]:
    """The newest hundred."""
    return [_job(state) for state in parts_of(request).store.jobs(owner)]


@jobs_api.get("/{job_id}")
def one_job(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """How far it is, image by image."""
    store = parts_of(request).store
    # The job first: one that is done has all its images done.
    job = _job(store.job(owner, job_id))
    return {**job, "images": [_image(outcome) for outcome in store.outcomes(owner, job_id)]}


@jobs_api.post("/{job_id}/cancel")
def cancel(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """Do no image that is not begun; what is done stays."""
    return _job(parts_of(request).store.cancel(owner, job_id))


@jobs_api.get("/{job_id}/results")
def results(request: Request, owner: Owner, job_id: JobId) -> dict[str, Any]:
    """Everything there is, as JSON."""
    store = parts_of(request).store
    job = _job(store.job(owner, job_id))
    return {**job, "images": [_with_cells(outcome) for outcome in store.outcomes(owner, job_id)]}


@jobs_api.get("/{job_id}/{table}.csv", response_class=Response)
def table(
    request: Request,
    owner: Owner,
    job_id: JobId,
    table: Literal["summary", "cells", "errors", "corrected"],
) -> Response:
    """The tables of ``cellwright predict``, and the corrected cells."""
    text = TABLES[table](parts_of(request).store.outcomes(owner, job_id))
    return Response(text, headers=_download("text/csv; charset=utf-8", f"{table}.csv"))


@jobs_api.get("/{job_id}/labels.zip", response_class=FileResponse)
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
    archive = exports.zip_labels(outcomes, parts.files, classes, format_name)
    return FileResponse(
        archive,
        media_type="application/zip",
        filename=f"labels-{format_name}.zip",
        background=BackgroundTask(archive.unlink),
    )


@jobs_api.get("/{job_id}/images/{position}")
def one_image(request: Request, owner: Owner, job_id: JobId, position: Position) -> dict[str, Any]:
    """One image with its cells and corrections."""
    return _with_cells(parts_of(request).store.outcome(owner, job_id, position))


@jobs_api.get("/{job_id}/images/{position}/picture.png", response_class=FileResponse)
def picture(request: Request, owner: Owner, job_id: JobId, position: Position) -> FileResponse:
    """The image as a browser can show it, at most 2000 pixels long."""
    parts = parts_of(request)
    outcome = parts.store.outcome(owner, job_id, position)
    target = parts.files.result(job_id, position, "picture.png")
    if not target.exists():
        try:
            with open_image(parts.files.image(outcome.sha256, outcome.suffix)) as source:
                _write_picture(source, target)
        except ImageError as error:
            # The client knows the image by its own name, not by where it lies here.
            what = "the image cannot be read"
            raise RefusedError(422, what, where=outcome.name, remedy=error.remedy) from error
    return FileResponse(target, media_type="image/png")


@jobs_api.get("/{job_id}/images/{position}/overlay.png", response_class=FileResponse)
def overlay(request: Request, owner: Owner, job_id: JobId, position: Position) -> FileResponse:
    """The image with the model's cells drawn on it."""
    return _product(request, owner, job_id, position, "overlays.png")


@jobs_api.get("/{job_id}/images/{position}/labels.tif", response_class=FileResponse)
def label_image(request: Request, owner: Owner, job_id: JobId, position: Position) -> FileResponse:
    """For a model that segments: each pixel holds the number of its cell."""
    return _product(request, owner, job_id, position, "labels.tif")


@jobs_api.put("/{job_id}/images/{position}/corrections")
def correct(
    request: Request, owner: Owner, job_id: JobId, position: Position, corrections: Corrections
) -> dict[str, Any]:
    """Put a person's boxes in the place of the model's."""
    parts = parts_of(request)
    card = parts.models.bundle(parts.store.job(owner, job_id).model).card
    if card.task != "detection":
        raise RefusedError(
            409,
            f"results of a model for {card.task} cannot be corrected here",
            remedy="correct its label images in Fiji or napari",
        )
    outcome = parts.store.outcome(owner, job_id, position)
    limit = parts.settings.limits.boxes
    if len(corrections.boxes) > limit:
        raise RefusedError(
            413,
            f"{len(corrections.boxes)} boxes are more than {limit}",
            where=outcome.name,
            remedy="correct a part of the image",
        )
    for index, box in enumerate(corrections.boxes):
        _check_box(box, outcome, card.classes, f"boxes.{index}")
    boxes = [box.model_dump(by_alias=True, mode="json") for box in corrections.boxes]
    parts.store.correct(owner, job_id, position, boxes)
    return _with_cells(parts.store.outcome(owner, job_id, position))


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


def _check_box(box: CorrectedBox, outcome: Outcome, classes: Sequence[str], where: str) -> None:
    x0, y0, x1, y1 = box.xyxy
    if box.name not in classes:
        raise RefusedError(
            422,
            f"unknown class {box.name!r}",
            where=where,
            remedy=f"choose one of: {', '.join(classes)}",
        )
    if not (x0 < x1 <= outcome.width and y0 < y1 <= outcome.height):
        raise RefusedError(
            422,
            f"the box {list(box.xyxy)} is no box within {outcome.width} x {outcome.height} pixels",
            where=where,
            remedy="give x0, y0, x1, y1 in pixels of the image",
        )


def _product(request: Request, owner: str, job_id: str, position: int, name: str) -> FileResponse:
    parts = parts_of(request)
    outcome = parts.store.outcome(owner, job_id, position)
    path = parts.files.result(job_id, position, name)
    # A file without its row belongs to an image that is in work, or was when all ended.
    if outcome.state != "done" or not path.is_file():
        raise MissingError(
            "there is no such picture of this image",
            where=outcome.name,
            remedy="wait until it is done; not every model draws one",
        )
    return FileResponse(path)


def _write_picture(source: LazyImage, target: Path) -> None:
    step = max(1, max(source.shape[1:]) // OVERLAY_PX)
    write_png(target, display(thinned(source, step), max_edge=OVERLAY_PX).transpose(2, 0, 1))


def _job(state: JobState) -> dict[str, Any]:
    return {
        "id": state.id,
        "state": state.state,
        "model": state.model,
        "options": dict(state.options),
        "created": state.created.isoformat(timespec="seconds") + "Z",
        "n_images": state.n_images,
        "n_done": state.n_done,
        "n_failed": state.n_failed,
    }


def _image(outcome: Outcome) -> dict[str, Any]:
    return {
        "position": outcome.position,
        "name": outcome.name,
        "sha256": outcome.sha256,
        "height": outcome.height,
        "width": outcome.width,
        "state": outcome.state,
        "summary": outcome.summary,
        "problem": outcome.problem,
        "corrected": outcome.corrections is not None,
    }


def _with_cells(outcome: Outcome) -> dict[str, Any]:
    return {
        **_image(outcome),
        "cells": as_objects(outcome.cells),
        "corrections": outcome.corrections,
    }


def _download(content_type: str, name: str) -> dict[str, str]:
    return {
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
