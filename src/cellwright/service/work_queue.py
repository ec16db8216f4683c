"""Which process does which image: each is claimed by one at a time, whatever ends the others.

A process stands in ``workers`` with the time it was last seen alive. It claims the oldest image
without a result that nobody alive has claimed; ``FOR UPDATE SKIP LOCKED`` lets two processes on
PostgreSQL claim at the same moment without waiting for, or getting, the same row, and SQLite
lets one in at a time. Claims of a process that is gone are free again: within a heartbeat where
it ran on this machine, else when it has not been seen for :data:`SILENCE`.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import psutil
from sqlalchemy import Engine, delete, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellwright.service.database import reading
from cellwright.service.processes import runs
from cellwright.service.records import Task, now
from cellwright.service.tables import Job, JobImage, Result, StoredImage, WorkerRow

MAX_ATTEMPTS = 3
"""An image that was begun so often without a result took the process down with it."""

SILENCE = timedelta(seconds=60)
"""A process not seen for so long is taken for dead."""

FORGOTTEN = timedelta(days=1)
"""After so long its row goes."""

BEAT_SECONDS = 10.0
"""How often a living process says so."""

_WAITS = (
    ~exists().where(Result.job_image_id == JobImage.id),
    Job.cancelled.is_(False),
)
"""What is so of the images of running jobs that have no result."""


class Queue:
    """The images without a result, as one process sees them."""

    def __init__(
        self, engine: Engine, serves: Callable[[str, str], bool] = lambda _name, _sha256: True
    ) -> None:
        """``serves``: whether this process has the model of a name and a checksum."""
        self._engine, self._reading = engine, reading(engine)
        self._serves = serves
        self._me = secrets.token_hex(16)

    def join(self) -> None:
        """Be known as a process that works, or still works; free what dead ones held.

        To be said again every :data:`BEAT_SECONDS`.
        """
        host, pid = socket.gethostname()[:200], os.getpid()
        with Session(self._engine) as session, session.begin():
            seen = _clock(session)
            mine = session.get(WorkerRow, self._me)
            if mine is not None:
                mine.seen = seen
            else:
                started = psutil.Process(pid).create_time()
                session.add(WorkerRow(id=self._me, host=host, pid=pid, started=started, seen=seen))
            for row in session.scalars(select(WorkerRow).where(WorkerRow.host == host)):
                if not _lives(row):
                    session.delete(row)
            session.execute(delete(WorkerRow).where(WorkerRow.seen < seen - FORGOTTEN))

    def leave(self) -> None:
        """Free what this process has claimed."""
        with Session(self._engine) as session, session.begin():
            session.execute(delete(WorkerRow).where(WorkerRow.id == self._me))

    def next_task(self) -> Task | None:
        """The oldest image that nobody else alive does and whose job goes on; begun from now on.

        Jobs of a model that this process does not serve wait for one that does. For one thread a
        process: what this process claimed before and did not finish is free.
        """
        models = self._waiting_models()
        if not models:
            return None
        with Session(self._engine) as session, session.begin():
            alive = select(WorkerRow.id).where(
                WorkerRow.seen > _clock(session) - SILENCE, WorkerRow.id != self._me
            )
            waiting = (
                select(JobImage, Job, StoredImage.suffix)
                .join(Job, JobImage.job_id == Job.id)
                .join(StoredImage, JobImage.sha256 == StoredImage.sha256)
                .where(
                    *_WAITS,
                    Job.model_sha256.in_(models),
                    or_(JobImage.claimed_by.is_(None), JobImage.claimed_by.not_in(alive)),
                )
                .order_by(Job.created, Job.id, JobImage.position)
                .limit(1)
                .with_for_update(skip_locked=True, of=JobImage)
            )
            found = session.execute(waiting).first()
            if found is None:
                return None
            image, job, suffix = found
            image.attempts += 1
            image.claimed_by = self._me
            return _task(image, job, suffix)

    def _waiting_models(self) -> list[str]:
        """Checksums of the models that images wait for and this process serves."""
        wanted = (
            select(Job.model, Job.model_sha256)
            .join(JobImage, JobImage.job_id == Job.id)
            .where(*_WAITS)
            .distinct()
        )
        with Session(self._reading) as session:
            found = session.execute(wanted).all()
        return [sha256 for name, sha256 in found if self._serves(name, sha256)]

    def count_waiting(self) -> int:
        """Images of running jobs that have no result."""
        statement = (
            select(func.count())
            .select_from(JobImage)
            .join(Job, JobImage.job_id == Job.id)
            .where(*_WAITS)
        )
        with Session(self._reading) as session:
            return session.scalar(statement) or 0

    def finish(
        self,
        task: Task,
        *,
        summary: Mapping[str, Any] | None = None,
        cells: Mapping[str, Any] | None = None,
        counts: Mapping[str, int] | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> bool:
        """Keep what an image gave; False where it is another's by now or the job is gone."""
        row = Result(
            job_image_id=task.job_image_id,
            summary=None if summary is None else dict(summary),
            cells=None if cells is None else dict(cells),
            counts=None if counts is None else dict(counts),
            problem=None if problem is None else dict(problem),
            corrected=False,
            finished=now(),
        )
        mine = select(JobImage.id).where(
            JobImage.id == task.job_image_id,
            JobImage.job_id == task.job_id,
            JobImage.position == task.position,
            JobImage.claimed_by == self._me,
        )
        try:
            with Session(self._engine) as session, session.begin():
                # Locked, so that its job is not deleted meanwhile.
                if session.scalar(mine.with_for_update()) is None:
                    return False
                session.add(row)
        except IntegrityError:
            return False
        return True

    def is_gone(self, task: Task) -> bool:
        """Whether the job of ``task`` was deleted while it was in work."""
        with Session(self._reading) as session:
            return session.get(Job, task.job_id) is None


def _task(image: JobImage, job: Job, suffix: str) -> Task:
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


def _clock(session: Session) -> datetime:
    """The database's own time in UTC, since clocks of several machines differ."""
    if session.get_bind().dialect.name == "sqlite":
        return now()
    return cast(datetime, session.scalar(select(func.timezone("UTC", func.clock_timestamp()))))


def _lives(row: WorkerRow) -> bool:
    """Whether the process of a row of this machine still runs."""
    return runs(row.pid, row.started, within_s=1)
