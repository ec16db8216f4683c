"""What routes ask of a request: whose it is, which job, which options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from fastapi import Depends, Form, Request, UploadFile
from fastapi import Path as InPath

from cellwright.service.answers import named_model
from cellwright.service.cells import CellsOfJob
from cellwright.service.problems import RefusedError

if TYPE_CHECKING:
    from cellwright.service.app import Parts

IMAGE_TYPES = ("image/", "application/octet-stream")

JobId: TypeAlias = Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]
Position: TypeAlias = Annotated[int, InPath(ge=0, le=1_000_000, description="From 0.")]
ModelName: TypeAlias = Annotated[str, Form(max_length=200, description="As /models names it.")]


def parts_of(request: Request) -> Parts:
    """The parts of the application that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


# Neither waits for anything: as coroutines they need no thread of the pool.
async def owner_of(request: Request) -> str:
    """Whose request this is, as the guard found before the body was read."""
    owner: str = request.state.owner
    return owner


Owner: TypeAlias = Annotated[str, Depends(owner_of)]


def cells_of_job(parts: Parts, owner: str, job_id: str) -> CellsOfJob:
    """Reads the cells of a job's images.

    Raises:
        MissingError: no such job of this owner.
        RefusedError: its model is served no longer, so that nobody knows its classes.
    """
    state = parts.store.job(owner, job_id)
    card = parts.models.find(state.model, state.model_sha256)
    if card is None:
        raise RefusedError(
            409,
            f"the model {named_model(state)} is served no longer",
            where=f"job {job_id}",
            remedy="start the service with it again",
        )
    return CellsOfJob(parts.files, job_id, card)


async def chosen_options(
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
