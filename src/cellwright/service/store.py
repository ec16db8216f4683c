"""The database behind the service: what was asked, what came out, who asked.

An image of a job is done when its row in ``results`` is there, and that row is written in
one transaction after its files; a process that is killed leaves whole results or none.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellwright.errors import CellwrightError
from cellwright.service.database import open_database
from cellwright.service.tables import AuditRow, Job, JobImage, Result, StoredImage

MAX_ATTEMPTS = 3
"""An image that was begun so often without a result took the process down with it."""


@dataclass(frozen=True)
class NewImage:
    """An image file that is on disk: its content and what the client calls it."""

    sha256: str
    suffix: str
    n_bytes: int
    height: int
    width: int
    name: str


@dataclass(frozen=True)
class Task:
    """The next image to do."""

    job_image_id: int
    job_id: str
    position: int
    name: str
    sha256: str
    suffix: str
    model: str
    model_sha256: str
    options: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True)
class Outcome:
    """What an image of a job came to, as the tables and the page want it.

    Attributes:
        position: place in the job, from 0.
        name: as the client called the file.
        sha256: of the file.
        suffix: of the file in the store.
        height: in pixels.
        width: in pixels.
        state: ``waiting``, ``done`` or ``failed``.
        summary: column -> value of the row of ``summary.csv``.
        cells: ``columns`` and ``rows`` of ``cells.csv``.
        problem: what, where and remedy if it failed.
        corrections: boxes that a person has put in their place; None before that.
    """

    position: int
    name: str
    sha256: str
    suffix: str
    height: int
    width: int
    state: str
    summary: dict[str, Any] | None
    cells: dict[str, Any] | None
    problem: dict[str, Any] | None
    corrections: list[Any] | None


@dataclass(frozen=True)
class JobState:
    """A job and how far it is."""

    id: str
    model: str
    options: Mapping[str, Any]
    created: datetime
    cancelled: bool
    n_images: int
    n_done: int
    n_failed: int

    @property
    def state(self) -> str:
        """``running``, ``cancelled`` or ``done``."""
        if self.n_done + self.n_failed == self.n_images:
            return "done"
        return "cancelled" if self.cancelled else "running"


class Store:
    """Jobs and results by SQLAlchemy; safe to use from several threads."""

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
        with Session(self.engine) as session, session.begin():
            session.add(_audit_row(owner, action, subject))

    def add_job(
        self,
        owner: str,
        images: Sequence[NewImage],
        *,
        model: str,
        model_sha256: str,
        options: Mapping[str, Any],
    ) -> str:
        """A new job for ``images``, whose files are in place; its id."""
        job_id = secrets.token_hex(16)
        for image in {image.sha256: image for image in images}.values():
            self._add_image(image)
        with Session(self.engine) as session, session.begin():
            session.add(
                Job(
                    id=job_id,
                    owner=owner,
                    model=model,
                    model_sha256=model_sha256,
                    options=dict(options),
                    cancelled=False,
                    created=now(),
                )
            )
            session.flush()
            for position, image in enumerate(images):
                session.add(
                    JobImage(
                        job_id=job_id,
                        position=position,
                        name=image.name,
                        sha256=image.sha256,
                        attempts=0,
                    )
                )
            session.add(_audit_row(owner, "job", job_id))
        return job_id

    def _add_image(self, image: NewImage) -> None:
        """Know the file; another request may have been first."""
        try:
            with Session(self.engine) as session, session.begin():
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
        except IntegrityError:
            return

    def next_task(self) -> Task | None:
        """The oldest image without a result whose job goes on; counts as begun from now on."""
        waiting = (
            select(JobImage, Job, StoredImage.suffix)
            .join(Job, JobImage.job_id == Job.id)
            .join(StoredImage, JobImage.sha256 == StoredImage.sha256)
            .outerjoin(Result, Result.job_image_id == JobImage.id)
            .where(Result.job_image_id.is_(None), Job.cancelled.is_(False))
            .order_by(Job.created, Job.id, JobImage.position)
            .limit(1)
        )
        with Session(self.engine) as session, session.begin():
            found = session.execute(waiting).first()
            if found is None:
                return None
            image, job, suffix = found
            image.attempts += 1
            return Task(
                job_image_id=image.id,
                job_id=job.id,
                position=image.position,
                name=image.name,
                sha256=image.sha256,
                suffix=suffix,
                model=job.model,
                model_sha256=job.model_sha256,
                options=job.options,
                attempts=image.attempts,
            )

    def count_waiting(self) -> int:
        """Images of running jobs that have no result."""
        statement = (
            select(func.count())
            .select_from(JobImage)
            .join(Job, JobImage.job_id == Job.id)
            .outerjoin(Result, Result.job_image_id == JobImage.id)
            .where(Result.job_image_id.is_(None), Job.cancelled.is_(False))
        )
        with Session(self.engine) as session:
            return session.scalar(statement) or 0

    def finish(
        self,
        task: Task,
        *,
        summary: Mapping[str, Any] | None = None,
        cells: Mapping[str, Any] | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> bool:
        """Keep what an image gave; False where another process was first."""
        row = Result(
            job_image_id=task.job_image_id,
            summary=None if summary is None else dict(summary),
            cells=None if cells is None else dict(cells),
            problem=None if problem is None else dict(problem),
            corrections=None,
            finished=now(),
        )
        try:
            with Session(self.engine) as session, session.begin():
                session.add(row)
        except IntegrityError:
            return False
        return True

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
        with Session(self.engine) as session, session.begin():
            job = _own_job(session, owner, job_id)
            job.cancelled = True
            session.add(_audit_row(owner, "cancel", job_id))
            session.flush()
            return _state(session, job)

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
            raise MissingError("this job has no such image", where=f"image {position}")
        return found[0]

    def correct(
        self, owner: str, job_id: str, position: int, corrections: Sequence[Mapping[str, Any]]
    ) -> None:
        """Put a person's boxes beside those of the model; raises as :meth:`job`."""
        with Session(self.engine) as session, session.begin():
            _own_job(session, owner, job_id)
            result = session.scalar(
                select(Result)
                .join(JobImage, Result.job_image_id == JobImage.id)
                .where(JobImage.job_id == job_id, JobImage.position == position)
            )
            if result is None or result.problem is not None:
                raise MissingError("this image has no result to correct", where=f"image {position}")
            result.corrections = [dict(box) for box in corrections]
            session.add(_audit_row(owner, "correct", f"{job_id}/{position}"))


class MissingError(CellwrightError):
    """Something that is not there, or not for this owner: the two are not told apart."""


def now() -> datetime:
    """UTC without a zone, as all columns hold it."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _audit_row(owner: str, action: str, subject: str) -> AuditRow:
    return AuditRow(at=now(), owner=owner, action=action, subject=subject[:200])


def _own_job(session: Session, owner: str, job_id: str) -> Job:
    job = session.get(Job, job_id)
    if job is None or job.owner != owner:
        raise MissingError("there is no such job", where=f"job {job_id[:40]}")
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
