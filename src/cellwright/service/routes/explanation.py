"""Why a cell was put into a class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from cellwright.errors import BundleError, ImageError, UnknownNameError
from cellwright.service.answers import as_objects
from cellwright.service.asking import JobId, Owner, Position, cells_of_job, parts_of
from cellwright.service.deletion import forget_if_deleted
from cellwright.service.problems import RefusedError
from cellwright.service.records import MissingError, Outcome
from cellwright.service.sending import gives, send_file

if TYPE_CHECKING:
    from cellwright.service.app import Parts

router = APIRouter(prefix="/jobs/{job_id}/images/{position}", tags=["images"])


@router.get("/explanation.png", response_class=FileResponse, responses=gives(".png"))
async def explanation(
    request: Request,
    owner: Owner,
    job_id: JobId,
    position: Position,
    *,
    class_name: Annotated[str | None, Query(alias="class", max_length=200)] = None,
    label: Annotated[int, Query(ge=1, le=1_000_000, description="Which cell.")] = 1,
) -> FileResponse:
    """Grad-CAM: where the evidence for a class lies, the most probable one if none is named."""
    parts = parts_of(request)
    find = partial(_find, parts, owner, job_id, position, class_name=class_name, label=label)
    target, make = await to_thread.run_sync(find)
    if not target.is_file():
        await to_thread.run_sync(make, limiter=parts.lines.explanations)
    return send_file(target)


def _find(
    parts: Parts, owner: str, job_id: str, position: int, *, class_name: str | None, label: int
) -> tuple[Path, Callable[[], None]]:
    """Where the picture lies, or would, and what makes it."""
    card = cells_of_job(parts, owner, job_id).card
    if card.task != "classification":
        raise RefusedError(
            409,
            f"a model for {card.task} is not explained",
            where=f"job {job_id}",
            remedy="its overlay shows what it found",
        )
    outcome = parts.store.outcome(owner, job_id, position)
    cells = [cell for cell in as_objects(outcome.cells) if cell["label"] == label]
    if not cells:
        raise MissingError(
            "this image has no such cell",
            where=f"{outcome.name}, cell {label}",
            remedy="take a label of its cells, as the image's own answer lists them",
        )
    if class_name is not None and class_name not in card.classes:
        raise UnknownNameError("class", class_name, card.classes)
    # Its number, since no name that a client gives becomes part of a path.
    chosen = "top" if class_name is None else card.classes.index(class_name)
    target = parts.files.result(job_id, position, f"explanation-{label}-{chosen}.png")

    def make() -> None:
        if not target.is_file():
            _write(parts, target, card.name, outcome, cell=cells[0], class_name=class_name)
            forget_if_deleted(parts.store, parts.files, owner=owner, job_id=job_id)

    return target, make


def _write(
    parts: Parts,
    target: Path,
    model: str,
    outcome: Outcome,
    *,
    cell: Mapping[str, Any],
    class_name: str | None,
) -> None:
    try:
        parts.explanations.write(
            target,
            model,
            parts.files.image(outcome.sha256, outcome.suffix),
            cell=cell,
            class_name=class_name,
            pixel_size_um=(outcome.summary or {}).get("pixel_size_um"),
        )
    except (BundleError, ImageError) as error:
        # Neither where the bundle nor where the image lies is for the client.
        status = 409 if isinstance(error, BundleError) else 422
        what = "this model or image cannot be explained"
        raise RefusedError(status, what, where=outcome.name, remedy=error.remedy) from error
