"""One image, answered at once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Request, UploadFile

from cellwright.service.answers import as_objects
from cellwright.service.asking import ModelName, Options, Owner, check_type, parts_of

router = APIRouter(tags=["service"])


@router.post("/predict")
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
