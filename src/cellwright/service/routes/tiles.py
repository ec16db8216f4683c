"""An image as tiles, for a viewer that zooms into a hundred megapixels."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from cellwright.errors import ImageError
from cellwright.images.read import open_image
from cellwright.service.asking import JobId, Owner, Position, parts_of
from cellwright.service.files import Files
from cellwright.service.problems import RefusedError
from cellwright.service.pyramid import TILE_PX, Levels, make_tiles, tile_name
from cellwright.service.records import MissingError, Outcome
from cellwright.service.sending import gives, send_file

Level: TypeAlias = Annotated[int, InPath(ge=0, le=40, description="The last has full size.")]
Place: TypeAlias = Annotated[int, InPath(ge=0, le=10_000_000)]

# Tiles are those of the image's content, which never changes under one address.
KEPT = {"Cache-Control": "private, max-age=86400, immutable"}

router = APIRouter(prefix="/jobs/{job_id}/images/{position}", tags=["images"])


@router.get("/tiles.json")
def tile_plan(request: Request, owner: Owner, job_id: JobId, position: Position) -> dict[str, Any]:
    """Levels as in Deep Zoom: each half the size of the one after it, the last the image."""
    outcome = parts_of(request).store.outcome(owner, job_id, position)
    return {
        "width": outcome.width,
        "height": outcome.height,
        "tile_px": TILE_PX,
        "overlap": 0,
        "max_level": Levels(outcome.height, outcome.width).last,
        "format": "jpg",
    }


@router.get(
    "/tiles/{level}/{column}_{row}.jpg", response_class=FileResponse, responses=gives(".jpg")
)
async def tile(
    request: Request,
    owner: Owner,
    job_id: JobId,
    position: Position,
    *,
    level: Level,
    column: Place,
    row: Place,
) -> FileResponse:
    """One tile; the first of an image makes them all."""
    parts = parts_of(request)
    outcome = await to_thread.run_sync(parts.store.outcome, owner, job_id, position)
    if not Levels(outcome.height, outcome.width).holds(level, column, row):
        raise MissingError(
            "this image has no such tile",
            where=f"level {level}, column {column}, row {row}",
            remedy="see tiles.json beside it",
        )
    folder = parts.files.tiles(outcome.sha256)
    if not folder.is_dir():
        await to_thread.run_sync(_make, parts.files, outcome, limiter=parts.lines.tiles)
    return send_file(folder / tile_name(level, column, row), headers=KEPT)


def _make(files: Files, outcome: Outcome) -> None:
    file = files.image(outcome.sha256, outcome.suffix)
    try:
        make_tiles(files.tiles(outcome.sha256), lambda: open_image(file), wanted=file.is_file)
    except ImageError as error:
        # The client knows the image by its own name, not by where it lies here.
        what = error.what if error.where is None else "the image cannot be read"
        raise RefusedError(422, what, where=outcome.name, remedy=error.remedy) from error
