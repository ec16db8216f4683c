"""The database behind the service: what was asked, what came out, who asked.

An image of a job is done when its row in ``results`` is there, and that row is written in
one transaction after its files; a process that is killed leaves whole results or none.
Which process does which image is the business of :mod:`cellwright.service.work_queue`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellwright.service.database import open_database
from cellwright.service.records import JobState, MissingError, NewImage, NewJob, Outcome, now
from cellwright.service.tables import AuditRow, Job, JobImage, Result, StoredImage

RETRIES = 3
"""How often a job is added anew after another request took one of its images away."""


class Store:
    """Jobs and results by SQLAlchemy; safe to use from several threads and processes."""

    def __init__(self, url: str) -> None:
        """Open the database and bring its tables up to date.

        Raises:
            ConfigError: the URL is none, its driver is missing, or nobody answers there.
        """
        self.engine = open_database(url)

    def check(self) -> None:
        """Ask the database something; raises where it does not answer."""
        with self.engine.connect() as connection:
            connection.execute(select(1))

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def audit(self, owner: str, action: str, subject: str) -> None:
        """Note who did what."""
        row = {"at": now(), "owner": owner, "action": action, "subject": subject[:200]}
        with self.engine.begin() as connection:
            connection.execute(insert(AuditRow).values(row))

    def add_job(self, job: NewJob, images: Sequence[NewImage]) -> str:
        """A new job for ``images``, whose files are in place; its id."""
        for _ in range(RETRIES - 1):
            try:
                return self._add_job(job, images)
            except IntegrityError:
                # Another request knew the same image at the same moment, or deleted it.
                continue
        return self._add_job(job, images)

    def _add_job(self, job: NewJob, images: Sequence[NewImage]) -> str:
        job_id = secrets.token_hex(16)
        with Session(self.engine) as session, session.begin():
            for image in {image.sha256: image for image in images}.values():
                _know(session, image)
            session.add(
                Job(
                    id=job_id,
                    owner=job.owner,
                    model=job.model,
                    model_sha256=job.model_sha256,
                    options=dict(job.options),
                    cancelled=False,
                    created=now(),
                )
            )
            session.flush()
            session.add_all(
                JobImage(
                    job_id=job_id,
                    position=position,
                    name=image.name,
                    sha256=image.sha256,
                    attempts=0,
                )
                for position, image in enumerate(images)
            )
            session.add(_audit_row(job.owner, "job", job_id))
        return job_id

    def jobs(self, owner: str, *, newest: int = 100) -> list[JobState]:
        """The owner's jobs, newest first."""
        with Session(self.engine) as session:
            found = session.scalars(
                select(Job)
                .where(Job.owner == owner)
                .order_by(Job.created.desc(), Job.id)
                .limit(newest)
            )
            return [_state(session, job) for job in found]

    def job(self, owner: str, job_id: str) -> JobState:
        """One job.

        Raises:
            MissingError: there is none of this id, or it is someone else's.
        """
        with Session(self.engine) as session:
            return _state(session, _own_job(session, owner, job_id))

    def cancel(self, owner: str, job_id: str) -> JobState:
        """Stop a job's images that are not begun; raises as :meth:`job`."""
        return self._set_cancelled(owner, job_id, cancelled=True)

    def resume(self, owner: str, job_id: str) -> JobState:
        """Do the images of a cancelled job after all; raises as :meth:`job`."""
        return self._set_cancelled(owner, job_id, cancelled=False)

    def _set_cancelled(self, owner: str, job_id: str, *, cancelled: bool) -> JobState:
        with Session(self.engine) as session, session.begin():
            job = _own_job(session, owner, job_id)
            job.cancelled = cancelled
            session.add(_audit_row(owner, "cancel" if cancelled else "resume", job_id))
            session.flush()
            return _state(session, job)

    @contextmanager
    def deleting(self, owner: str, job_id: str) -> Iterator[list[tuple[str, str]]]:
        """Delete a job; gives content and suffix of the images that no job is left to use.

        Their files are to be deleted within the block: until it ends nobody can use such an
        image anew, and if it fails the job is still there. Raises as :meth:`job`.
        """
        with Session(self.engine) as session, session.begin():
            job = _own_job(session, owner, job_id)
            # Locked, so that no result can join them meanwhile.
            ids = list(
                session.scalars(
                    select(JobImage.id).where(JobImage.job_id == job_id).with_for_update()
                )
            )
            used = set(session.scalars(select(JobImage.sha256).where(JobImage.job_id == job_id)))
            session.execute(delete(Result).where(Result.job_image_id.in_(ids)))
            session.execute(delete(JobImage).where(JobImage.job_id == job_id))
            session.delete(job)
            session.flush()
            still = select(JobImage.sha256).where(JobImage.sha256.in_(used))
            left = list(
                session.scalars(
                    select(StoredImage)
                    .where(StoredImage.sha256.in_(used), StoredImage.sha256.not_in(still))
                    .with_for_update()
                )
            )
            unused = [(image.sha256, image.suffix) for image in left]
            for image in left:
                session.delete(image)
            session.add(_audit_row(owner, "delete", job_id))
            session.flush()
            yield unused

    def outcomes(self, owner: str, job_id: str) -> list[Outcome]:
        """Every image of a job in order; raises as :meth:`job`."""
        with Session(self.engine) as session:
            _own_job(session, owner, job_id)
            return _outcomes(session, job_id, None)

    def outcome(self, owner: str, job_id: str, position: int) -> Outcome:
        """One image of a job; raises as :meth:`job`."""
        with Session(self.engine) as session:
            _own_job(session, owner, job_id)
            found = _outcomes(session, job_id, position)
        if not found:
            raise MissingError(
                "this job has no such image",
                where=f"image {position}",
                remedy="its images are numbered from 0, as GET /api/v1/jobs/ID lists them",
            )
        return found[0]

    def correct(
        self,
        owner: str,
        job_id: str,
        position: int,
        corrections: Sequence[Mapping[str, Any]] | None,
    ) -> None:
        """Put a person's cells beside those of the model, or take them back with None.

        Raises as :meth:`job`.
        """
        with Session(self.engine) as session, session.begin():
            _own_job(session, owner, job_id)
            result = session.scalar(
                select(Result)
                .join(JobImage, Result.job_image_id == JobImage.id)
                .where(JobImage.job_id == job_id, JobImage.position == position)
            )
            if result is None or result.problem is not None:
                raise MissingError(
                    "this image has no result to correct",
                    where=f"image {position}",
                    remedy="wait until it is done; one that failed cannot be corrected",
                )
            result.corrections = (
                None if corrections is None else [dict(cell) for cell in corrections]
            )
            action = "uncorrect" if corrections is None else "correct"
            session.add(_audit_row(owner, action, f"{job_id}/{position}"))


def _audit_row(owner: str, action: str, subject: str) -> AuditRow:
    return AuditRow(at=now(), owner=owner, action=action, subject=subject[:200])


def _know(session: Session, image: NewImage) -> None:
    """A row for the image's file, where there is none."""
    if session.get(StoredImage, image.sha256) is None:
        session.add(
            StoredImage(
                sha256=image.sha256,
                suffix=image.suffix,
                n_bytes=image.n_bytes,
                height=image.height,
                width=image.width,
                created=now(),
            )
        )


def _own_job(session: Session, owner: str, job_id: str) -> Job:
    job = session.get(Job, job_id)
    if job is None or job.owner != owner:
        raise MissingError(
            "there is no such job",
            where=f"job {job_id[:40]}",
            remedy="it may have been deleted: GET /api/v1/jobs lists yours",
        )
    return job


def _state(session: Session, job: Job) -> JobState:
    total, finished, failed = session.execute(
        select(
            func.count(JobImage.id),
            func.count(Result.job_image_id),
            func.count(Result.problem),
        )
        .select_from(JobImage)
        .outerjoin(Result, Result.job_image_id == JobImage.id)
        .where(JobImage.job_id == job.id)
    ).one()
    return JobState(
        id=job.id,
        model=job.model,
        options=job.options,
        created=job.created,
        cancelled=job.cancelled,
        n_images=total,
        n_done=finished - failed,
        n_failed=failed,
    )


def _outcomes(session: Session, job_id: str, position: int | None) -> list[Outcome]:
    statement = (
        select(JobImage, StoredImage, Result)
        .join(StoredImage, JobImage.sha256 == StoredImage.sha256)
        .outerjoin(Result, Result.job_image_id == JobImage.id)
        .where(JobImage.job_id == job_id)
        .order_by(JobImage.position)
    )
    if position is not None:
        statement = statement.where(JobImage.position == position)
    return [_outcome(*row) for row in session.execute(statement)]


def _outcome(image: JobImage, file: StoredImage, result: Result | None) -> Outcome:
    state = "waiting" if result is None else "failed" if result.problem is not None else "done"
    return Outcome(
        position=image.position,
        name=image.name,
        sha256=image.sha256,
        suffix=file.suffix,
        height=file.height,
        width=file.width,
        state=state,
        summary=None if result is None else result.summary,
        cells=None if result is None else result.cells,
        problem=None if result is None else result.problem,
        corrections=None if result is None else result.corrections,
    )
