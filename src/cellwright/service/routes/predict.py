"""One image, answered at once.

Requests wait in line without a thread each. As many are worked on at once as the network has
streams for: each is decoded, counted and tabulated on its own, side by side with the others, as
``cellwright predict`` does with many images. They are not put into one batch of the network,
because that was measured to cost more processor time an image, not less (docs/methods/service.md).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import JSONResponse

from cellwright.service.answers import as_objects
from cellwright.service.asking import ModelName, Options, Owner, check_type, parts_of

if TYPE_CHECKING:
    from cellwright.service.app import Parts

router = APIRouter(tags=["service"])


@router.post("/predict")
async def predict(
    request: Request,
    owner: Owner,
    options: Options,
    *,
    model: ModelName,
    image: Annotated[UploadFile, File(description="PNG, JPEG, BMP, TIFF or OME-TIFF.")],
) -> JSONResponse:
    """One image, answered at once and not kept."""
    parts = parts_of(request)
    parts.models.check(model, options)
    check_type(image)
    work = partial(_predict, parts, image, owner=owner, model=model, options=options)
    return JSONResponse(await to_thread.run_sync(work, limiter=parts.lines.predict))


def _predict(
    parts: Parts, image: UploadFile, *, owner: str, model: str, options: dict[str, Any]
) -> dict[str, Any]:
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
