"""What a person puts in the place of a model's cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from cellwright.service.answers import cells_answer
from cellwright.service.asking import JobId, Owner, Position, parts_of
from cellwright.service.problems import RefusedError
from cellwright.service.records import Outcome

Coordinate: TypeAlias = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]

router = APIRouter(prefix="/jobs/{job_id}/images/{position}/corrections", tags=["corrections"])


class CorrectedBox(BaseModel):
    """A cell as a person has drawn or confirmed it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field(alias="class", max_length=200)
    xyxy: tuple[Coordinate, Coordinate, Coordinate, Coordinate]


class Corrections(BaseModel):
    """All cells of an image, instead of those that the model found."""

    model_config = ConfigDict(extra="forbid")

    boxes: list[CorrectedBox]


@router.put("")
def correct(
    request: Request, owner: Owner, job_id: JobId, position: Position, corrections: Corrections
) -> dict[str, Any]:
    """Put a person's boxes in the place of the model's."""
    parts = parts_of(request)
    card = parts.models.bundle(parts.store.job(owner, job_id).model).card
    if card.task != "detection":
        raise RefusedError(
            409,
            f"results of a model for {card.task} cannot be corrected here",
            remedy="correct its label images in Fiji or napari",
        )
    outcome = parts.store.outcome(owner, job_id, position)
    limit = parts.settings.limits.boxes
    if len(corrections.boxes) > limit:
        raise RefusedError(
            413,
            f"{len(corrections.boxes)} boxes are more than {limit}",
            where=outcome.name,
            remedy="correct a part of the image",
        )
    for index, box in enumerate(corrections.boxes):
        _check_box(box, outcome, card.classes, f"boxes.{index}")
    boxes = [box.model_dump(by_alias=True, mode="json") for box in corrections.boxes]
    parts.store.correct(owner, job_id, position, boxes)
    return cells_answer(parts.store.outcome(owner, job_id, position), card.classes)


def _check_box(box: CorrectedBox, outcome: Outcome, classes: Sequence[str], where: str) -> None:
    x0, y0, x1, y1 = box.xyxy
    if box.name not in classes:
        raise RefusedError(
            422,
            f"unknown class {box.name!r}",
            where=where,
            remedy=f"choose one of: {', '.join(classes)}",
        )
    if not (x0 < x1 <= outcome.width and y0 < y1 <= outcome.height):
        raise RefusedError(
            422,
            f"the box {list(box.xyxy)} is no box within {outcome.width} x {outcome.height} pixels",
            where=where,
            remedy="give x0, y0, x1, y1 in pixels of the image",
        )
