"""Rows of the store as the records that it hands out, in as few questions as will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from cellwright.service.records import ImageState, JobState, Outcome
from cellwright.service.tables import Job, JobImage, Result, StoredImage

_STATE = (
    *(JobImage.position, JobImage.name, JobImage.sha256),
    *(StoredImage.suffix, StoredImage.height, StoredImage.width),
    *(Result.job_image_id, Result.summary, Result.problem, Result.counts, Result.corrected),
)
_CELLS = (Result.cells, Result.corrections, Result.areas)


def job_states(session: Session, jobs: Sequence[Job]) -> list[JobState]:
    """How far ``jobs`` are, in their order."""
    statement = (
        select(
            JobImage.job_id,
            func.count(JobImage.id),
            func.count(Result.job_image_id),
            func.count(Result.problem),
        )
        .outerjoin(Result, Result.job_image_id == JobImage.id)
        .where(JobImage.job_id.in_([job.id for job in jobs]))
        .group_by(JobImage.job_id)
    )
    counted = {job_id: numbers for job_id, *numbers in session.execute(statement)}
    return [_job_state(job, *counted.get(job.id, (0, 0, 0))) for job in jobs]


def image_states(session: Session, job_id: str) -> list[ImageState]:
    """The images of a job in order, without their cells: those are long."""
    return [ImageState(**_fields(row)) for row in session.execute(_of_job(job_id, _STATE))]


def image_outcomes(session: Session, job_id: str, position: int | None = None) -> list[Outcome]:
    """The images of a job in order, or the one at ``position`` if there is one."""
    statement = _of_job(job_id, (*_STATE, *_CELLS))
    if position is not None:
        statement = statement.where(JobImage.position == position)
    return [Outcome(**_fields(row)) for row in session.execute(statement)]


def _of_job(job_id: str, columns: Sequence[Any]) -> Select[Any]:
    return (
        select(*columns)
        .select_from(JobImage)
        .join(StoredImage, JobImage.sha256 == StoredImage.sha256)
        .outerjoin(Result, Result.job_image_id == JobImage.id)
        .where(JobImage.job_id == job_id)
        .order_by(JobImage.position)
    )


def _fields(row: Row[Any]) -> dict[str, Any]:
    fields = dict(row._mapping)
    has_result = fields.pop("job_image_id") is not None
    failed = fields["problem"] is not None
    fields["state"] = "failed" if failed else "done" if has_result else "waiting"
    fields["corrected"] = bool(fields["corrected"])
    return fields


def _job_state(job: Job, total: int, finished: int, failed: int) -> JobState:
    return JobState(
        id=job.id,
        model=job.model,
        model_sha256=job.model_sha256,
        options=job.options,
        created=job.created,
        cancelled=job.cancelled,
        n_images=total,
        n_done=finished - failed,
        n_failed=failed,
    )
