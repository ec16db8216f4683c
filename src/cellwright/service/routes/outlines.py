"""Outlines of cells for other programs: QuPath and ImageJ."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from cellwright.images.geojson import write_geojson
from cellwright.images.imagej_roi import check_size, write_roi_zip
from cellwright.service.asking import JobId, Owner, Position, cells_of_job, parts_of
from cellwright.service.cells import CellsOfJob, Whose
from cellwright.service.labels import zipped
from cellwright.service.records import Outcome
from cellwright.service.sending import gives, send_and_delete

Program = Literal["geojson", "imagej"]
SUFFIX: dict[Program, str] = {"geojson": ".geojson", "imagej": ".zip"}

OfWhom = Annotated[Whose, Query(alias="of", description="Whose cells; current: corrected if so.")]

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@router.get("/outlines.zip", response_class=FileResponse, responses=gives(".zip"))
def all_outlines(
    request: Request,
    owner: Owner,
    job_id: JobId,
    program: Annotated[Program, Query(alias="format")] = "geojson",
    whose: OfWhom = "current",
) -> FileResponse:
    """A file for every image that is done, in a zip."""
    parts = parts_of(request)
    cells = cells_of_job(parts, owner, job_id)
    with tempfile.TemporaryDirectory() as folder:
        for outcome in parts.store.outcomes(owner, job_id):
            if outcome.state == "done" and (
                whose != "corrected" or outcome.corrections is not None
            ):
                name = Path(outcome.name).stem + SUFFIX[program]
                _write(Path(folder) / name, program, cells, outcome, whose)
        archive = zipped(Path(folder))
    return send_and_delete(archive, f"outlines-{program}.zip")


@router.get(
    "/images/{position}/cells.geojson", response_class=FileResponse, responses=gives(".geojson")
)
def as_geojson(
    request: Request, owner: Owner, job_id: JobId, position: Position, whose: OfWhom = "model"
) -> FileResponse:
    """For QuPath: a feature a cell with its class and score, in pixels of the image."""
    return _one(request, owner, job_id, position, program="geojson", whose=whose)


@router.get("/images/{position}/rois.zip", response_class=FileResponse, responses=gives(".zip"))
def as_rois(
    request: Request, owner: Owner, job_id: JobId, position: Position, whose: OfWhom = "model"
) -> FileResponse:
    """For the ROI Manager of ImageJ and Fiji."""
    return _one(request, owner, job_id, position, program="imagej", whose=whose)


def _one(
    request: Request, owner: str, job_id: str, position: int, *, program: Program, whose: Whose
) -> FileResponse:
    parts = parts_of(request)
    cells = cells_of_job(parts, owner, job_id)
    outcome = parts.store.outcome(owner, job_id, position)
    name = Path(outcome.name).stem + SUFFIX[program]
    with tempfile.NamedTemporaryFile(suffix=SUFFIX[program], delete=False) as file:
        target = Path(file.name)
    try:
        _write(target, program, cells, outcome, whose)
    except BaseException:
        target.unlink()
        raise
    return send_and_delete(target, name)


def _write(
    target: Path, program: Program, cells: CellsOfJob, outcome: Outcome, whose: Whose
) -> None:
    outlines = cells.outlines(outcome, whose)
    if program == "imagej":
        check_size(outcome.height, outcome.width)
        write_roi_zip(target, outlines)
    else:
        write_geojson(target, outlines, cells.card.classes, image_id=Path(outcome.name).stem)
