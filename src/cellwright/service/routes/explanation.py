"""Why a cell was put into a class."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from cellwright.errors import BundleError, ImageError, UnknownNameError
from cellwright.service.answers import as_objects
from cellwright.service.asking import JobId, Owner, Position, cells_of_job, parts_of
from cellwright.service.problems import RefusedError
from cellwright.service.records import MissingError
from cellwright.service.sending import gives

router = APIRouter(prefix="/jobs/{job_id}/images/{position}", tags=["images"])


@router.get("/explanation.png", response_class=FileResponse, responses=gives(".png"))
def explanation(
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
    if not target.is_file():
        try:
            parts.explanations.write(
                target,
                card.name,
                parts.files.image(outcome.sha256, outcome.suffix),
                cell=cells[0],
                class_name=class_name,
                pixel_size_um=(outcome.summary or {}).get("pixel_size_um"),
            )
        except (BundleError, ImageError) as error:
            # Neither where the bundle nor where the image lies is for the client.
            status = 409 if isinstance(error, BundleError) else 422
            what = "this model or image cannot be explained"
            raise RefusedError(status, what, where=outcome.name, remedy=error.remedy) from error
    return FileResponse(target, media_type="image/png")
