"""What a person puts in the place of a model's cells, and whether it can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cellwright.bundles.card import Card
from cellwright.service.cells import SEGMENTS
from cellwright.service.problems import RefusedError
from cellwright.service.records import Outcome

Coordinate: TypeAlias = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]

MAX_CORNERS = 2000
"""Of one cell drawn by hand."""

MAX_EFFORT = 200_000_000
"""Pixels, and rows times corners, of all cells that are drawn on one image."""


class CorrectedBox(BaseModel):
    """A cell of a model that detects, as a person has drawn or confirmed it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field(alias="class", max_length=200)
    xyxy: tuple[Coordinate, Coordinate, Coordinate, Coordinate]


class CorrectedCell(BaseModel):
    """A cell of the model that is kept, by its label, or one drawn by hand."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field(alias="class", max_length=200)
    label: int | None = Field(default=None, ge=1, le=2**31 - 1)
    polygon: list[tuple[Coordinate, Coordinate]] | None = Field(
        default=None, min_length=3, max_length=MAX_CORNERS
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> CorrectedCell:
        if (self.label is None) == (self.polygon is None):
            raise ValueError("a cell has either the label of a found cell or a polygon")
        return self


class Corrections(BaseModel):
    """All cells of an image, instead of those that the model found.

    ``boxes`` where the model detects, ``cells`` where it segments or classifies.
    """

    model_config = ConfigDict(extra="forbid")

    # Of a million mistakes the first is told.
    boxes: list[CorrectedBox] | None = Field(default=None, fail_fast=True)
    cells: list[CorrectedCell] | None = Field(default=None, fail_fast=True)

    @model_validator(mode="after")
    def _one_of_two(self) -> Corrections:
        if (self.boxes is None) == (self.cells is None):
            raise ValueError("give either boxes or cells")
        return self


def checked(
    corrections: Corrections, outcome: Outcome, card: Card, *, limit: int
) -> list[dict[str, Any]]:
    """Corrections as the store keeps them.

    Args:
        corrections: as a client sent them.
        outcome: of the image.
        card: of its model.
        limit: the most cells.

    Raises:
        RefusedError: not of this task, too many, or one of them cannot be; ``where`` names it.
    """
    key = "boxes" if card.task == "detection" else "cells"
    given: Sequence[CorrectedBox | CorrectedCell] | None = getattr(corrections, key)
    if given is None:
        raise RefusedError(
            422, f"a model for {card.task} is corrected by {key}", where=key, remedy=f"send {key}"
        )
    if len(given) > limit:
        raise RefusedError(
            413,
            f"{len(given)} cells are more than {limit}",
            where=outcome.name,
            remedy="correct a part of the image",
        )
    taken: set[int] = set()
    for index, cell in enumerate(given):
        where = f"{key}.{index}"
        _check_class(cell.name, card.classes, where)
        if isinstance(cell, CorrectedBox):
            _check_box(cell, outcome, where)
        else:
            _check_cell(cell, outcome, card, taken, where)
    _check_effort([cell for cell in given if isinstance(cell, CorrectedCell)], outcome)
    return [cell.model_dump(by_alias=True, mode="json", exclude_none=True) for cell in given]


def _check_class(name: str, classes: Sequence[str], where: str) -> None:
    if name not in classes:
        raise RefusedError(
            422,
            f"unknown class {name!r}",
            where=where,
            remedy=f"choose one of: {', '.join(classes)}",
        )


def _check_box(box: CorrectedBox, outcome: Outcome, where: str) -> None:
    x0, y0, x1, y1 = box.xyxy
    if not (x0 < x1 <= outcome.width and y0 < y1 <= outcome.height):
        raise RefusedError(
            422,
            f"the box {list(box.xyxy)} is no box within {outcome.width} x {outcome.height} pixels",
            where=where,
            remedy="give x0, y0, x1, y1 in pixels of the image",
        )


def _check_cell(
    cell: CorrectedCell, outcome: Outcome, card: Card, taken: set[int], where: str
) -> None:
    """``taken`` are the labels before it; its own is added."""
    if cell.label is not None:
        found = len((outcome.cells or {"rows": ()})["rows"])
        if cell.label > found or cell.label in taken:
            why = "is named twice" if cell.label in taken else f"is none of the {found} found"
            raise RefusedError(
                422,
                f"the cell {cell.label} {why}",
                where=where,
                remedy="name cells of this image by their label, each once",
            )
        taken.add(cell.label)
        return
    if card.task not in SEGMENTS:
        raise RefusedError(
            422,
            f"no cells are drawn for a model for {card.task}",
            where=where,
            remedy="name cells by their label",
        )
    for x, y in cell.polygon or ():
        if x > outcome.width or y > outcome.height:
            raise RefusedError(
                422,
                f"the corner [{x}, {y}] is outside {outcome.width} x {outcome.height} pixels",
                where=where,
                remedy="give x, y in pixels of the image",
            )


def _check_effort(cells: Sequence[CorrectedCell], outcome: Outcome) -> None:
    effort = 0.0
    for cell in cells:
        if cell.polygon is not None:
            xs, ys = zip(*cell.polygon, strict=True)
            effort += (max(ys) - min(ys) + 1) * (max(xs) - min(xs) + 1 + len(xs))
    if effort > MAX_EFFORT:
        raise RefusedError(
            413,
            "the drawn cells are too many and too large",
            where=outcome.name,
            remedy="draw cells, not regions",
        )
