"""What the store hands out and takes in: plain frozen records, no rows of tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from cellwright.errors import CellwrightError


class MissingError(CellwrightError):
    """Something that is not there, or not for this owner: the two are not told apart."""


class ChangedError(CellwrightError):
    """Something is no longer as the client knew it when it asked for a change."""


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
class NewJob:
    """A job to be: whose it is, and what is to be done with its images."""

    owner: str
    model: str
    model_sha256: str
    options: Mapping[str, Any]


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
class Correction:
    """What a person puts in the place of the cells of an image.

    Attributes:
        cells: as :func:`cellwright.service.corrections.checked` gives them.
        counts: cells of each class of the model.
        areas: pixels of each cell, None where the model draws boxes.
    """

    cells: Sequence[Mapping[str, Any]]
    counts: Mapping[str, int]
    areas: Sequence[int] | None


@dataclass(frozen=True)
class ImageState:
    """How far an image of a job is, without its cells.

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
        counts: cells of each class that count now; None before it is done.
        corrected: whether a person has corrected or confirmed its cells.
    """

    position: int
    name: str
    sha256: str
    suffix: str
    height: int
    width: int
    state: str
    summary: dict[str, Any] | None
    problem: dict[str, Any] | None
    counts: dict[str, int] | None
    corrected: bool


@dataclass(frozen=True)
class Outcome(ImageState):
    """What an image of a job came to, as the tables and the page want it.

    Attributes:
        cells: ``columns`` and ``rows`` of ``cells.csv``.
        corrections: what a person has put in the place of the cells; None before that.
        areas: pixels of each corrected cell where the model segments.
    """

    cells: dict[str, Any] | None
    corrections: list[Any] | None
    areas: list[int] | None

    @property
    def etag(self) -> str:
        """Entity tag of the corrections."""
        content = json.dumps(self.corrections, sort_keys=True).encode()
        return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@dataclass(frozen=True)
class JobState:
    """A job and how far it is."""

    id: str
    model: str
    model_sha256: str
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


def now() -> datetime:
    """UTC without a zone, as all columns hold it."""
    return datetime.now(timezone.utc).replace(tzinfo=None)
