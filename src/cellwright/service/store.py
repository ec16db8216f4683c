"""The database behind the service: what was asked, what came out, who asked.

An image of a job is done when its row in ``results`` is there, and that row is written in
one transaction after its files; a process that is killed leaves whole results or none.
Which process does which image is the business of :mod:`cellwright.service.work_queue`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import delete, func, insert, null, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellwright.service.database import open_database, reading
from cellwright.service.records import (
    ChangedError,
    Correction,
    ImageState,
    JobState,
    MissingError,
    NewImage,
    NewJob,
    Outcome,
    now,
)
from cellwright.service.states import image_outcomes, image_states, job_states
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
        self._reading = reading(self.engine)

    def check(self) -> None:
        """Ask the database something; raises where it does not answer."""
        with self._reading.connect() as connection:
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

    def jobs(self, owner: str, *, limit: int = 100, offset: int = 0) -> list[JobState]:
        """The owner's jobs, newest first, without the first ``offset``."""
        with Session(self._reading) as session:
            found = session.scalars(
                select(Job)
                .where(Job.owner == owner)
                .order_by(Job.created.desc(), Job.id)
                .limit(limit)
                .offset(offset)
            )
            return job_states(session, found.all())

    def count_jobs(self, owner: str) -> int:
        """How many jobs the owner has."""
        with Session(self._reading) as session:
            counted = select(func.count()).select_from(Job).where(Job.owner == owner)
            return session.scalar(counted) or 0

    def job(self, owner: str, job_id: str) -> JobState:
        """One job.

        Raises:
            MissingError: there is none of this id, or it is someone else's.
        """
        with Session(self._reading) as session:
            (state,) = job_states(session, [_own_job(session, owner, job_id)])
            return state

    def cancel(self, owner: str, job_id: str) -> JobState:
        """Stop a job's images that are not begun; raises as :meth:`job`."""
        return self._set_cancelled(owner, job_id, cancelled=True)

    def resume(self, owner: str, job_id: str) -> JobState:
        """Do the images of a cancelled job after all, and those that failed once more.

        Raises as :meth:`job`.
        """
        return self._set_cancelled(owner, job_id, cancelled=False)

    def _set_cancelled(self, owner: str, job_id: str, *, cancelled: bool) -> JobState:
        with Session(self.engine) as session, session.begin():
            job = _own_job(session, owner, job_id)
            job.cancelled = cancelled
            if not cancelled:
                _forget_failures(session, job_id)
            session.add(_audit_row(owner, "cancel" if cancelled else "resume", job_id))
            session.flush()
            (state,) = job_states(session, [job])
            return state

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

    def image_states(self, owner: str, job_id: str) -> list[ImageState]:
        """Every image of a job in order, without its cells; raises as :meth:`job`."""
        with Session(self._reading) as session:
            _own_job(session, owner, job_id)
            return image_states(session, job_id)

    def outcomes(self, owner: str, job_id: str) -> list[Outcome]:
        """Every image of a job in order; raises as :meth:`job`."""
        with Session(self._reading) as session:
            _own_job(session, owner, job_id)
            return image_outcomes(session, job_id)

    def outcome(self, owner: str, job_id: str, position: int) -> Outcome:
        """One image of a job; raises as :meth:`job`."""
        with Session(self._reading) as session:
            _own_job(session, owner, job_id)
            found = image_outcomes(session, job_id, position)
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
        correction: Correction | None,
        *,
        if_match: str | None = None,
    ) -> Outcome:
        """Put a person's cells beside those of the model, or take them back with None.

        Args:
            owner: of the job.
            job_id: of the job.
            position: of the image.
            correction: instead of those there are.
            if_match: entity tags, one of which the corrections that there are must have.

        Raises:
            MissingError: as :meth:`job`, or the image has no result.
            ChangedError: the corrections are others by now.
        """
        with Session(self.engine) as session, session.begin():
            _own_job(session, owner, job_id)
            held = session.scalar(
                select(Result)
                .join(JobImage, Result.job_image_id == JobImage.id)
                .where(JobImage.job_id == job_id, JobImage.position == position)
                .with_for_update(of=Result)
            )
            if held is None or held.problem is not None:
                raise MissingError(
                    "this image has no result to correct",
                    where=f"image {position}",
                    remedy="wait until it is done; one that failed cannot be corrected",
                )
            (before,) = image_outcomes(session, job_id, position)
            _check_match(before, if_match)
            _replace(held, correction)
            action = "uncorrect" if correction is None else "correct"
            session.add(_audit_row(owner, action, f"{job_id}/{position}"))
            session.flush()
            (after,) = image_outcomes(session, job_id, position)
            return after


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


def _forget_failures(session: Session, job_id: str) -> None:
    """Let the images that failed wait again, as if they had never been begun."""
    failed = (
        select(JobImage.id)
        .join(Result, Result.job_image_id == JobImage.id)
        .where(JobImage.job_id == job_id, Result.problem.is_not(null()))
    )
    ids = session.scalars(failed).all()
    again = {"attempts": 0, "claimed_by": None}
    session.execute(update(JobImage).where(JobImage.id.in_(ids)).values(again))
    session.execute(delete(Result).where(Result.job_image_id.in_(ids)))


def _check_match(before: Outcome, if_match: str | None) -> None:
    if if_match is None or if_match.strip() == "*":
        return
    if before.etag not in (tag.strip() for tag in if_match.split(",")):
        raise ChangedError(
            "the corrections of this image are others by now",
            where=before.name,
            remedy="look at the image again, then correct it once more",
        )


def _replace(held: Result, correction: Correction | None) -> None:
    """Let ``correction`` count, or the model's cells again."""
    held.corrected = correction is not None
    if correction is None:
        found = held.summary or {}
        held.counts = {name: int(found[f"n_{name}"]) for name in held.counts or {}}
        held.corrections = held.areas = None
        return
    held.counts = dict(correction.counts)
    held.corrections = [dict(cell) for cell in correction.cells]
    held.areas = None if correction.areas is None else list(correction.areas)
