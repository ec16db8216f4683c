"""Tables of the store. What they look like on disk is made by the migrations beside this file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """Base of all tables."""


class Token(Table):
    """Who may use the service; of the secret only an argon2 hash is kept."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(300))
    created: Mapped[datetime] = mapped_column(DateTime)


class StoredImage(Table):
    """An image file on disk, known by its content."""

    __tablename__ = "images"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    suffix: Mapped[str] = mapped_column(String(8))
    n_bytes: Mapped[int]
    height: Mapped[int]
    width: Mapped[int]
    created: Mapped[datetime] = mapped_column(DateTime)


class Job(Table):
    """Images that one model is to count. ``cancelled`` stops those that are not begun."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(32), index=True)
    model: Mapped[str] = mapped_column(String(200))
    model_sha256: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    cancelled: Mapped[bool]
    created: Mapped[datetime] = mapped_column(DateTime, index=True)


class JobImage(Table):
    """One image of a job: its place, its name, how often it was begun and by which worker."""

    __tablename__ = "job_images"
    # An id is never given twice: a worker may still hold that of a job that was deleted.
    __table_args__ = (UniqueConstraint("job_id", "position"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(ForeignKey("images.sha256"), index=True)
    attempts: Mapped[int]
    # Not a foreign key: a worker that is gone leaves its name behind.
    claimed_by: Mapped[str | None] = mapped_column(String(32))


class WorkerRow(Table):
    """A process that does images, and when it was last seen alive."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int]
    started: Mapped[float]
    seen: Mapped[datetime] = mapped_column(DateTime)


class Result(Table):
    """What an image gave, or why it gave nothing. A row, and so a result, is there once.

    ``counts`` are the cells of each class that count now: a person's where ``corrected``.
    """

    __tablename__ = "results"

    job_image_id: Mapped[int] = mapped_column(ForeignKey("job_images.id"), primary_key=True)
    finished: Mapped[datetime] = mapped_column(DateTime)
    corrected: Mapped[bool]
    counts: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # The long ones last: SQLite reads a row from its start up to the last column asked for.
    cells: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    corrections: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    areas: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))


class AuditRow(Table):
    """Who did what, and when."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime)
    owner: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(200))
