"""Which models there are, and what who asks may send them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from cellwright.service.answers import model_answer
from cellwright.service.asking import Owner, parts_of

router = APIRouter(tags=["service"])


@router.get("/models")
def models(request: Request, _owner: Owner) -> list[dict[str, Any]]:
    """What can be asked for."""
    known = parts_of(request).models
    return [model_answer(known.bundle(name)) for name in known.names]


@router.get("/me")
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
