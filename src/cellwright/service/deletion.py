"""A job taken away by its owner: rows, pictures, and images that no other job uses."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from cellwright.service.files import Files
from cellwright.service.problems import RefusedError
from cellwright.service.records import MissingError
from cellwright.service.store import RETRIES, Store


def delete_job(store: Store, files: Files, *, owner: str, job_id: str) -> None:
    """Delete it whole.

    Raises:
        MissingError: there is no such job of this owner.
        RefusedError: its images were taken into other jobs again and again meanwhile.
    """
    for _ in range(RETRIES):
        try:
            with store.deleting(owner, job_id) as unused:
                for sha256, suffix in unused:
                    files.forget_image(sha256, suffix)
        except IntegrityError:
            continue
        files.forget_results(job_id)
        return
    raise RefusedError(409, "the job's images are in use this moment", remedy="try again")


def forget_if_deleted(store: Store, files: Files, *, owner: str, job_id: str) -> None:
    """To be called once a picture of a result was made: it goes where its job went meanwhile.

    Raises:
        MissingError: the job was deleted.
    """
    try:
        store.job(owner, job_id)
    except MissingError:
        files.forget_results(job_id)
        raise
