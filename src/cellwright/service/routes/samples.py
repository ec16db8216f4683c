"""Routes of the pictures to try the page with."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi import Path as InPath

from cellwright.service.asking import Owner
from cellwright.service.samples import SAMPLES, sample_png

router = APIRouter(prefix="/samples", tags=["samples"])


@router.get("")
def list_samples(_owner: Owner) -> list[dict[str, Any]]:
    """What there is, which model it suits, and how many cells are really in it."""
    return [
        {
            "name": name,
            "title": sample.title,
            "text": sample.text,
            "model": sample.model,
            "n_cells": sample.n_cells,
            "pixel_size_um": sample.pixel_size_um,
        }
        for name, sample in SAMPLES.items()
    ]


@router.get("/{name}.png", response_class=Response)
def one_sample(_owner: Owner, name: Annotated[str, InPath(max_length=60)]) -> Response:
    """One of them, simulated when first asked for."""
    return Response(sample_png(name), media_type="image/png")
