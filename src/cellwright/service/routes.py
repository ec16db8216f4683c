"""Routes of the API that need no job: health, metrics, models, one image at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from sqlalchemy.exc import SQLAlchemyError

from cellwright import __version__
from cellwright.service.access import LOCAL_OWNER
from cellwright.service.models import described
from cellwright.service.problems import RefusedError
from cellwright.service.telemetry import METRICS_TYPE

if TYPE_CHECKING:
    from cellwright.service.app import Parts

IMAGE_TYPES = ("image/", "application/octet-stream")


def parts_of(request: Request) -> Parts:
    """The parts of the application that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


def owner_of(request: Request) -> str:
    """Whose request this is.

    Raises:
        RefusedError: a token is needed and none, or a wrong one, was sent.
    """
    parts = parts_of(request)
    if not parts.settings.closed:
        return LOCAL_OWNER
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    owner = parts.access.owner_of(token.strip()) if scheme.lower() == "bearer" else None
    if owner is None:
        raise RefusedError(
            401,
            "this service needs a token",
            remedy="send Authorization: Bearer TOKEN; who runs it makes one with "
            "cellwright serve --create-token NAME",
        )
    return owner


Owner: TypeAlias = Annotated[str, Depends(owner_of)]


def chosen_options(
    pixel_size_um: Annotated[
        float | None, Form(gt=0, lt=1e6, allow_inf_nan=False, description="Edge of a pixel, µm.")
    ] = None,
    scale: Annotated[
        float | None, Form(gt=0, lt=1e3, allow_inf_nan=False, description="Instead of it.")
    ] = None,
    score_threshold: Annotated[
        float | None, Form(ge=0, le=1, allow_inf_nan=False, description="Not the model's own.")
    ] = None,
    tile_px: Annotated[
        int | None, Form(ge=1, le=100_000, description="Montage tiles; for classification.")
    ] = None,
) -> dict[str, Any]:
    """Fields of a form, as options without those left out."""
    given = {
        "pixel_size_um": pixel_size_um,
        "scale": scale,
        "score_threshold": score_threshold,
        "tile_px": tile_px,
    }
    return {name: value for name, value in given.items() if value is not None}


Options: TypeAlias = Annotated[dict[str, Any], Depends(chosen_options)]
ModelName: TypeAlias = Annotated[str, Form(max_length=200, description="As /models names it.")]

api = APIRouter(tags=["service"])


@api.get("/health")
def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": __version__}


@api.get("/ready")
def ready(request: Request) -> dict[str, str]:
    """The store answers and the worker runs."""
    parts = parts_of(request)
    try:
        parts.store.check()
    except SQLAlchemyError as error:
        raise RefusedError(503, "the store does not answer", remedy="try again soon") from error
    if not parts.worker.alive:
        raise RefusedError(503, "the worker does not run", remedy="start the service again")
    return {"status": "ready"}


@api.get("/metrics", response_class=Response)
def metrics(request: Request, _owner: Owner) -> Response:
    """Figures for Prometheus."""
    parts = parts_of(request)
    parts.telemetry.waiting.set(parts.store.count_waiting())
    return Response(parts.telemetry.text(), headers={"Content-Type": METRICS_TYPE})


@api.get("/models")
def models(request: Request, _owner: Owner) -> list[dict[str, Any]]:
    """What can be asked for."""
    known = parts_of(request).models
    return [described(known.bundle(name)) for name in known.names]


@api.get("/me")
def me(request: Request, owner: Owner) -> dict[str, Any]:
    """Who asks, and the limits of an upload."""
    limits = parts_of(request).settings.limits
    return {
        "owner": owner,
        "max_file_bytes": limits.file_bytes,
        "max_request_bytes": limits.request_bytes,
        "max_values": limits.values,
        "max_images": limits.images,
    }


@api.post("/predict")
def predict(
    request: Request,
    owner: Owner,
    options: Options,
    *,
    model: ModelName,
    image: Annotated[UploadFile, File(description="PNG, JPEG, BMP, TIFF or OME-TIFF.")],
) -> dict[str, Any]:
    """One image, answered at once and not kept."""
    parts = parts_of(request)
    parts.models.check(model, options)
    check_type(image)
    with parts.files.received(image.file, image.filename or "") as (path, known):
        found = parts.models.predict(model, options, path, known.name)
    parts.store.audit(owner, "predict", known.name)
    return {
        "name": known.name,
        "model": model,
        "height": known.height,
        "width": known.width,
        "summary": found.summary,
        "cells": as_objects(found.cells),
    }


def check_type(upload: UploadFile) -> None:
    """Refuse a part that does not say it is an image.

    Raises:
        RefusedError: another content type.
    """
    if not (upload.content_type or "").startswith(IMAGE_TYPES):
        raise RefusedError(
            415,
            f"the part is {str(upload.content_type)[:60]}, not an image",
            where=(upload.filename or "image")[:100],
            remedy="send PNG, JPEG, BMP or TIFF, with its image/ content type",
        )


def as_objects(cells: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of a table of cells as objects by column."""
    if cells is None:
        return []
    return [dict(zip(cells["columns"], row, strict=True)) for row in cells["rows"]]
