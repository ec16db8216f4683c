"""A job as a page to send on, and its pictures."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from cellwright.bundles.sessions import runtime_choice
from cellwright.service.asking import JobId, Owner, cells_of_job, parts_of
from cellwright.service.records import MissingError
from cellwright.service.sending import gives, send, send_and_delete

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@router.get("/report.html", response_class=Response, responses=gives(".html"))
def report(request: Request, owner: Owner, job_id: JobId) -> Response:
    """Figures, pictures, tables and the model in one HTML file that needs nothing beside it."""
    # The service starts half a second sooner without what draws the plots.
    from cellwright.service.report import JobReport  # noqa: PLC0415

    parts = parts_of(request)
    card = cells_of_job(parts, owner, job_id).card
    made = JobReport(
        state=parts.store.job(owner, job_id),
        outcomes=parts.store.outcomes(owner, job_id),
        bundle=parts.models.bundle(card.name),
        files=parts.files,
        runtime=runtime_choice(parts.settings.runtime, card.graphs[0].precision).runtime,
    )
    return send(made.render(), "report.html")


@router.get("/overlays.zip", response_class=FileResponse, responses=gives(".zip"))
def all_overlays(request: Request, owner: Owner, job_id: JobId) -> FileResponse:
    """Every image that is done with the model's cells drawn on it, PNG files in a zip."""
    parts = parts_of(request)
    drawn = {
        f"{Path(outcome.name).stem}.png": path
        for outcome in parts.store.image_states(owner, job_id)
        for path in [parts.files.result(job_id, outcome.position, "overlays.png")]
        if outcome.state == "done" and path.is_file()
    }
    if not drawn:
        raise MissingError(
            "no image of this job has its cells drawn",
            where=f"job {job_id}",
            remedy="wait until one is done",
        )
    # PNG is compressed already.
    with (
        tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, path in drawn.items():
            archive.write(path, name)
    return send_and_delete(Path(file.name), "overlays.zip")
