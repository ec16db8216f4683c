"""One image of a job: its cells, and pictures of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse

from cellwright.errors import ImageError
from cellwright.images.lazy import LazyImage
from cellwright.images.overlay import display
from cellwright.images.read import open_image
from cellwright.images.write import write_png
from cellwright.inference.source import thinned
from cellwright.inference.work import OVERLAY_PX
from cellwright.service.answers import cells_answer
from cellwright.service.asking import JobId, Owner, Position, parts_of
from cellwright.service.deletion import forget_if_deleted
from cellwright.service.problems import RefusedError
from cellwright.service.records import MissingError, Outcome
from cellwright.service.sending import gives, send_file

router = APIRouter(prefix="/jobs/{job_id}/images/{position}", tags=["images"])


@router.get("")
def one_image(request: Request, owner: Owner, job_id: JobId, position: Position) -> JSONResponse:
    """One image with its cells and corrections; ``ETag`` names the corrections it has."""
    outcome = parts_of(request).store.outcome(owner, job_id, position)
    # Of an image that is not done, nothing stands fast that a tag could name.
    tagged = {"ETag": outcome.etag} if outcome.state == "done" else None
    return JSONResponse(cells_answer(outcome), headers=tagged)


@router.get("/picture.png", response_class=FileResponse, responses=gives(".png"))
def picture(request: Request, owner: Owner, job_id: JobId, position: Position) -> FileResponse:
    """The image as a browser can show it, at most 2000 pixels long."""
    parts = parts_of(request)
    outcome = parts.store.outcome(owner, job_id, position)
    target = parts.files.result(job_id, position, "picture.png")
    if not target.exists():
        file = parts.files.image(outcome.sha256, outcome.suffix)
        from_image(outcome, file, lambda source: _write_picture(source, target))
        forget_if_deleted(parts.store, parts.files, owner=owner, job_id=job_id)
    return send_file(target)


@router.get("/overlay.png", response_class=FileResponse, responses=gives(".png"))
def overlay(request: Request, owner: Owner, job_id: JobId, position: Position) -> FileResponse:
    """The image with the model's cells drawn on it."""
    return _product(request, owner, job_id, position, "overlays.png")


@router.get("/labels.tif", response_class=FileResponse, responses=gives(".tif"))
def label_image(request: Request, owner: Owner, job_id: JobId, position: Position) -> FileResponse:
    """For a model that segments: each pixel holds the number of its cell."""
    return _product(request, owner, job_id, position, "labels.tif")


@router.get("/mask.png", response_class=FileResponse, responses=gives(".png"))
def mask(request: Request, owner: Owner, job_id: JobId, position: Position) -> FileResponse:
    """For a semantic model: each pixel holds its class, 255 where there is one class."""
    return _product(request, owner, job_id, position, "masks.png")


def from_image(outcome: Outcome, file: Path, make: Callable[[LazyImage], None]) -> None:
    """Let ``make`` read the image behind an outcome.

    Raises:
        RefusedError: it cannot be read; no path of this machine is in the message.
    """
    try:
        with open_image(file) as source:
            make(source)
    except ImageError as error:
        # The client knows the image by its own name, not by where it lies here.
        what = "the image cannot be read"
        raise RefusedError(422, what, where=outcome.name, remedy=error.remedy) from error


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
    return send_file(path)


def _write_picture(source: LazyImage, target: Path) -> None:
    step = max(1, max(source.shape[1:]) // OVERLAY_PX)
    write_png(target, display(thinned(source, step), max_edge=OVERLAY_PX).transpose(2, 0, 1))
