"""Tables of a job: what counts, those of ``cellwright predict``, and the corrected cells."""

from __future__ import annotations

from typing import Literal, TypeAlias

from fastapi import APIRouter, Request, Response

from cellwright.service.asking import JobId, Owner, cells_of_job, parts_of
from cellwright.service.corrected_table import corrected_table
from cellwright.service.counts import counted_classes
from cellwright.service.sending import gives, send
from cellwright.service.tabulate import (
    ResultTable,
    cell_table,
    count_table,
    error_table,
    summary_table,
)

Name: TypeAlias = Literal["counts", "summary", "cells", "errors", "corrected"]

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])


@router.get("/{table}.csv", response_class=Response, responses=gives(".csv"))
def table_as_csv(request: Request, owner: Owner, job_id: JobId, table: Name) -> Response:
    """One table as CSV: ``counts`` are what counts now, ``summary`` and ``cells`` the model's."""
    return send(_table(request, owner, job_id, table).to_csv(), f"{table}.csv")


@router.get("/{table}.parquet", response_class=Response, responses=gives(".parquet"))
def table_as_parquet(request: Request, owner: Owner, job_id: JobId, table: Name) -> Response:
    """One table as Parquet, with the types of its columns."""
    return send(_table(request, owner, job_id, table).to_parquet(), f"{table}.parquet")


def _table(request: Request, owner: str, job_id: str, name: Name) -> ResultTable:
    parts = parts_of(request)
    if name == "corrected":
        reader = cells_of_job(parts, owner, job_id)
        return corrected_table(reader, parts.store.outcomes(owner, job_id))
    if name == "cells":
        return cell_table(parts.store.outcomes(owner, job_id))
    images = parts.store.image_states(owner, job_id)
    if name == "counts":
        state = parts.store.job(owner, job_id)
        card = parts.models.find(state.model, state.model_sha256)
        return count_table(images, counted_classes(card, images))
    return summary_table(images) if name == "summary" else error_table(images)
